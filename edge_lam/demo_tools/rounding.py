"""Numbers as a tool returns them: short enough to be spoken, never rounded away to nothing."""

from __future__ import annotations


def tidy(value: float) -> float:
    """Round to four decimals, small values to four significant digits; whole numbers become `int`."""
    if isinstance(value, int) or abs(value) >= 2**53:  # beyond that a float's digits are no longer its own
        return value
    rounded = round(value, 4) if abs(value) >= 0.1 else float(f"{value:.4g}")
    return int(rounded) if rounded == int(rounded) else rounded

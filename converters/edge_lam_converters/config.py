"""Typed access to the values of config.json.

A parsed JSON object goes in, checked numbers come out; each error names the key.
"""

from __future__ import annotations

from typing import Any

from edge_lam.errors import CheckpointError

FILE = "config.json"
"""The file that errors name unless another is given."""

_MAX_COUNT = 2**31 - 1
_MAX_NUMBER = 1e30  # far beyond any setting, and still a float32


def count(
    config: dict[str, Any], key: str, *, default: int | None = None, most: int = _MAX_COUNT, file: str = FILE
) -> int:
    """Return the positive integer at `key`.

    Raises:
        CheckpointError: absent without a default, not an integer, below 1 or over `most`.
    """
    value = config.get(key)
    value = default if value is None else value
    if value is None:
        raise CheckpointError(f"{file} has no {key}")
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise CheckpointError(f"{file}: {key} is {_shown(value)}, not a whole number from 1 to {most}")
    return value


def number(config: dict[str, Any], key: str, *, default: float | None = None, file: str = FILE) -> float:
    """Return the positive number at `key`.

    Raises:
        CheckpointError: absent without a default, or not such a number.
    """
    value = config.get(key)
    value = default if value is None else value
    if value is None:
        raise CheckpointError(f"{file} has no {key}")
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < _MAX_NUMBER:
        raise CheckpointError(f"{file}: {key} is {_shown(value)}, not a positive number")
    return float(value)


def flag(config: dict[str, Any], key: str, *, file: str = FILE) -> bool:
    """Return the boolean at `key`, False when absent.

    Raises:
        CheckpointError: not a boolean.
    """
    value = config.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise CheckpointError(f"{file}: {key} is {_shown(value)}, neither true nor false")
    return value


def _shown(value: object) -> str:
    return repr(value)[:60]

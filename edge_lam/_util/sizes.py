"""Bytes as people write and read them. In go "2GiB", "2GB" or 2147483648, out come bytes; and back as "2.15 GB"."""

from __future__ import annotations

import re

from edge_lam.errors import InvalidRequest

# As GNU's tools read them: kB, MB and GB are powers of ten, as `size` writes them; KiB and a bare k powers of two.
_UNITS = {"": 1, "b": 1} | {
    prefix + end: (1000 if end == "b" else 1024) ** power
    for power, prefix in enumerate("kmg", 1)
    for end in ("", "b", "ib")
}


def read_size(text: str, *, param: str | None = None) -> int:
    """Read a size such as 2GiB, 800MB or 123456.

    Args:
        text: the size.
        param: whose argument it is, for the error.

    Raises:
        InvalidRequest: it is none.
    """
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) *([kmg]?i?b?)", text.strip().lower())
    if not match or match[2] not in _UNITS:
        raise InvalidRequest(f"{text[:40]!r} is no size such as 2GiB or 800MB", param=param)
    return int(float(match[1]) * _UNITS[match[2]])


def size(n_bytes: float) -> str:
    """Return bytes as people read them: "11.1 MB" (powers of ten)."""
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.2f} GB"

"""Reads the small text files in which a system tells of itself. What can't be read is not told: "" or None."""

from __future__ import annotations

from pathlib import Path


def text_of(path: Path) -> str:
    """Return what a file says, without blanks at its ends; "" where it can't be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # another kernel, or no permission; asked several times a second, so that a log would drown
        return ""


def number_of(path: Path) -> float | None:
    """Return the number in a file, None where there is none."""
    try:
        return float(text_of(path))
    except ValueError:  # no file, or "max"
        return None

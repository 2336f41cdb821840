"""Text from files and replies made safe to show: what it holds must not drive a terminal, nor fill it."""

from __future__ import annotations

import re

# Control characters other than newline and tab, those that turn the direction of writing, halves of characters.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_SHARE_OF_THE_END = 4  # a quarter: names stand first, and the reason last


def printable(text: str) -> str:
    """Return text with its control characters made visible: ESC is printed as its escape code."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(text: str, longest: int | None = None) -> str:
    """Return text on one line, safe to print; one that is longer than `longest` characters loses its middle."""
    if longest is not None:
        text = text if len(text) <= longest * 8 else text[: longest * 4] + text[-longest * 4 :]
    line = printable(" ".join(text.split()))
    if longest is None or len(line) <= longest:
        return line
    end = longest // _SHARE_OF_THE_END
    return f"{line[: longest - end - 1]}…{line[-end:]}"

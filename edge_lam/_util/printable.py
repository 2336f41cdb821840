"""Text from files and replies made safe to show: what it holds must not drive a terminal, nor fill it."""

from __future__ import annotations

import json
import re
from typing import Any

# Control characters other than newline and tab, those that turn the direction of writing, halves of characters.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# In JSON, where an escape means the same: also what nobody sees and a name, a path or an address may hide. The joiners
# of letters and emoji stay, since words are written with them.
_UNSEEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)
_SHARE_OF_THE_END = 4  # a quarter: names stand first, and the reason last


def printable(text: str) -> str:
    """Return text with its control characters made visible: ESC is printed as its escape code."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """Return a value as JSON that a terminal can show: letters as they are, what drives it or can't be seen escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    return _UNSEEN.sub(lambda match: json.dumps(match[0])[1:-1], text)


def one_line(text: str, longest: int | None = None) -> str:
    """Return text on one line, safe to print; one that is longer than `longest` characters loses its middle."""
    if longest is not None:
        text = text if len(text) <= longest * 8 else text[: longest * 4] + text[-longest * 4 :]
    line = printable(" ".join(text.split()))
    if longest is None or len(line) <= longest:
        return line
    end = longest // _SHARE_OF_THE_END
    return f"{line[: longest - end - 1]}…{line[-end:]}"

"""JSON inside a model's output: where its brackets are, and decoding that can't be hurt by its content.

In comes text, in pieces or whole; out come positions and plain values.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

MAX_DEPTH = 200
MAX_DIGITS = 1000

_HALF = re.compile("[\ud800-\udfff]")
_JSON = re.compile(r'["\[\]{}]')
_PYTHON = re.compile(r"""["'\[\]{}()]""")
_UNDECIDED = re.compile(r"""["'\[\]{}]""")
# Up to the quote that ends a string, or to a backslash that ends the text. Nothing to match in two ways, so no
# backtracking.
_REST_OF_STRING = {quote: re.compile(rf"[^{quote}\\]*(?:\\.[^{quote}\\]*)*", re.DOTALL) for quote in "\"'"}


class BracketFinder:
    """Finds the brackets of JSON, or of Python, that comes in pieces; inside of strings there are none.

    Attributes:
        is_python: whether it is Python: single quotes stand around strings too. It is if the first quote is one.

    Args:
        python: it is known to be Python, whose parentheses are found too; by default the first quote tells.
    """

    def __init__(self, *, python: bool = False) -> None:
        self.is_python = python
        self._marks = _PYTHON if python else _UNDECIDED
        self._quote = ""
        self._escaped = False

    def find(self, text: str, position: int) -> int:
        """Return the index of the next bracket, or the length of the text if there is none.

        Args:
            text: where to look; strings may have begun in an earlier text.
            position: where to begin: the start of a text, or behind a bracket.
        """
        if self._escaped and position < len(text):
            self._escaped = False
            position += 1
        while True:
            if self._quote:
                rest = _REST_OF_STRING[self._quote].match(text, position)
                end = rest.end() if rest else position
                if end == len(text):
                    return end
                if text[end] == "\\":
                    self._escaped = True
                    return len(text)
                self._quote = ""
                position = end + 1
            mark = self._marks.search(text, position)
            if not mark:
                return len(text)
            if mark.group() not in "\"'":
                return mark.start()
            self._quote = mark.group()
            if self._marks is _UNDECIDED:
                self.is_python = self._quote == "'"
                self._marks = _UNDECIDED if self.is_python else _JSON
            position = mark.end()


def nesting(text: str, *, python: bool = False) -> int:
    """Return how deeply the brackets of a text are nested."""
    finder = BracketFinder(python=python)
    depth = deepest = position = 0
    while (position := finder.find(text, position)) < len(text):
        depth += 1 if text[position] in "[{(" else -1
        deepest = max(deepest, depth)
        position += 1
    return deepest


def is_text(text: str) -> bool:
    """Tell whether a text is one: half a surrogate pair is no character."""
    return text.isascii() or not _HALF.search(text)


def decode(text: str, *, own_keys_once: bool = False) -> Any:
    """Decode JSON; the last of several equal keys wins.

    Args:
        text: one value.
        own_keys_once: refuse an object in which one of its own keys stands twice; in those inside it the last wins.

    Raises:
        ValueError: not JSON, a number that is not finite, a lone surrogate, or nesting beyond `MAX_DEPTH`.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH and nesting(text) > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    own: list[tuple[str, Any]] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        own[:] = pairs  # the outermost object is built last
        return dict(pairs)

    try:
        value = json.loads(
            text,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_refuse_constant,
            object_pairs_hook=build if own_keys_once else None,
        )
        if "\\u" in text or not text.isascii():
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("half of a surrogate pair stands alone") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if len(dict(own)) < len(own):
        repeated = next(key for key, count in Counter(key for key, _ in own).items() if count > 1)
        raise ValueError(f"the key {repeated!r} stands twice")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:  # reading an integer takes quadratic time
        raise ValueError(f"an integer of more than {MAX_DIGITS} digits")
    return int(text)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:20]} is out of range")
    return number

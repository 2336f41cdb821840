"""JSON inside a model's output: where a value ends, and decoding that can't be hurt by its content.

In comes text; out come positions and plain values. Knows nothing of calls.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple

MAX_DEPTH = 200
MAX_DIGITS = 1000

# A whole string, a quote that opens a string without end, or a bracket. No two ways to match, so no backtracking.
STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{}]', re.DOTALL)


class Extent(NamedTuple):
    """Where a bracketed value lies.

    Attributes:
        end: index after the value, or None if the text ends inside it.
        members: (start, end) of the objects directly inside an array; those that are whole.
        depth: how deeply it is nested.
    """

    end: int | None
    members: list[tuple[int, int]]
    depth: int


def measure(text: str, start: int) -> Extent:
    """Find the end of the array or object that begins at `start`, in one pass and without decoding it."""
    depth = deepest = 0
    is_array = text[start] == "["
    member = -1
    members: list[tuple[int, int]] = []
    for token in STRUCTURE.finditer(text, start):
        mark = text[token.start()]
        if mark == '"':
            if token.end() - token.start() == 1:
                break
        elif mark in "[{":
            if depth == 1 and mark == "{" and is_array:
                member = token.start()
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
            if depth == 1 and member >= 0:
                members.append((member, token.end()))
                member = -1
            if depth == 0:
                return Extent(token.end(), members, deepest)
    return Extent(None, members, deepest)


def decode(text: str) -> Any:
    """Decode JSON; the last of several equal keys wins.

    Raises:
        ValueError: not JSON, a number that is not finite, a lone surrogate, or nesting beyond `MAX_DEPTH`.
    """
    bracket = re.search(r"[\[{]", text)
    if bracket and measure(text, bracket.start()).depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    try:
        value = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("half of a surrogate pair stands alone") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
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

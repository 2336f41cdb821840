"""What grammars are made of: characters, texts, and how they follow each other. Rules have names and may recurse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

Ranges: TypeAlias = "tuple[tuple[int, int], ...]"  # of code points: first and last, ascending, apart

LAST, SURROGATES = 0x10FFFF, (0xD800, 0xDFFF)


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of some."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Text:
    """A text as it stands; "" is nothing at all."""

    text: str


@dataclass(frozen=True, slots=True)
class Concat:
    """One after the other."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of some; of none, nothing fits."""

    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same so many times; `most` is None for any number."""

    node: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class RuleRef:
    """What a rule says."""

    name: str


@dataclass(frozen=True, slots=True)
class TokenRef:
    """A special token, which is no text."""

    token: int


Node: TypeAlias = "Chars | Text | Concat | OneOf | Repeat | RuleRef | TokenRef"
Rules: TypeAlias = "dict[str, Node]"

START = "root"
EMPTY = Text("")


def chars(*ranges: tuple[int, int] | str) -> Chars:
    """Return a class of characters: of ranges, and of all characters of texts."""
    found: list[tuple[int, int]] = []
    for each in ranges:
        found += [(ord(char), ord(char)) for char in each] if isinstance(each, str) else [each]
    return Chars(_joined(found))


def but(*ranges: tuple[int, int] | str) -> Chars:
    """Return all characters but some; half a character of UTF-16 is none."""
    gaps, start = list[tuple[int, int]](), 0
    for low, high in _joined([*chars(*ranges).ranges, SURROGATES]):
        gaps += [(start, low - 1)] if low > start else []
        start = high + 1
    return Chars((*gaps, *([(start, LAST)] if start <= LAST else [])))


def _joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(high, joined[-1][1])
        else:
            joined.append((low, high))
    return tuple(joined)


ANY_CHAR = but()
DIGIT = chars((ord("0"), ord("9")))


def concat(*parts: Node | str) -> Node:
    """Return one after the other; texts stand for themselves, and those that follow each other become one."""
    flat: list[Node] = []
    for part in parts:
        for each in part.parts if isinstance(part, Concat) else [Text(part) if isinstance(part, str) else part]:
            if isinstance(each, Text) and flat and isinstance(flat[-1], Text):
                flat[-1] = Text(flat[-1].text + each.text)
            elif each != EMPTY:
                flat.append(each)
    return flat[0] if len(flat) == 1 else Concat(tuple(flat)) if flat else EMPTY


def one_of(options: Sequence[Node]) -> Node:
    """Return any of some; classes of characters become one."""
    classes = [option for option in options if isinstance(option, Chars)]
    if len(classes) > 1:
        merged: Node = chars(*(each for option in classes for each in option.ranges))
        options = [merged, *(option for option in options if not isinstance(option, Chars))]
    unique = tuple(dict.fromkeys(options))
    return unique[0] if len(unique) == 1 else OneOf(unique)


def optional(node: Node) -> Node:
    """Return a node that may be missing."""
    return Repeat(node, 0, 1)


def quoted(node: Node) -> Node:
    """Return how JSON spells what stands in a string: control characters escaped, as they must be, and no others."""
    match node:
        case Chars():
            return _quoted_chars(node)
        case Text():
            return concat(*map(_quoted_char, node.text))
        case Concat():
            return concat(*map(quoted, node.parts))
        case OneOf():
            return one_of([*map(quoted, node.options)])
        case Repeat():
            return Repeat(quoted(node.node), node.least, node.most)
        case _:
            return node


_SHORT = {'"': '"', "\\": "\\", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}
_ESCAPED = [*range(0x20), ord('"'), ord("\\"), 0x7F]


def _quoted_char(char: str) -> Node:
    return _quoted_chars(chars(char)) if ord(char) in _ESCAPED else Text(char)


def _quoted_chars(node: Chars) -> Node:
    plain = [(low, high) for low, high in but(*((code, code) for code in _ESCAPED)).ranges]
    options: list[Node] = []
    kept = [
        (max(low, first), min(high, last))
        for low, high in node.ranges
        for first, last in plain
        if max(low, first) <= min(high, last)
    ]
    if kept:
        options.append(chars(*kept))
    escaped = [code for code in _ESCAPED if any(low <= code <= high for low, high in node.ranges)]
    return one_of([*options, *([_escapes(escaped)] if escaped else [])])


def _escapes(codes: Sequence[int]) -> Node:
    """Return how JSON spells characters that it has to escape; factored, for each way is followed by itself."""
    short = "".join(_SHORT[chr(code)] for code in codes if chr(code) in _SHORT)
    seconds: dict[str, str] = {}  # of two hexadecimal digits, by the first ones that they follow
    for code in codes:
        if chr(code) not in '"\\':
            digits = f"{code:02x}"
            seconds[digits[0]] = seconds.get(digits[0], "") + digits[1] + digits[1].upper()
    firsts: dict[str, str] = {}
    for first, second in seconds.items():
        firsts[second] = firsts.get(second, "") + first
    long = [concat("u00", one_of([concat(chars(first), chars(second)) for second, first in firsts.items()]))]
    return concat("\\", one_of([*([chars(short)] if short else []), *(long if firsts else [])]))

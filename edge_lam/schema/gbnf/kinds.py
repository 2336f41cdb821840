"""What a value of JSON may be: alternatives, each of one type. Knows no keyword of JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from edge_lam.schema.gbnf.matcher import fits
from edge_lam.schema.gbnf.nodes import START, Node
from edge_lam.schema.gbnf.ranges import NumberBounds
from edge_lam.schema.gbnf.regex import read_regex
from edge_lam.schema.numbers import as_written


@dataclass(frozen=True, slots=True)
class Anything:
    """Any JSON."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """null, true or false."""

    text: str


@dataclass(frozen=True, slots=True)
class JsonNumber:
    """A number."""

    bounds: NumberBounds
    is_whole: bool


@dataclass(frozen=True, slots=True)
class JsonString:
    """A string: one known text, or those of a pattern, or those of a length."""

    text: str | None = None
    pattern: Node | None = None
    least: int = 0
    most: int | None = None
    path: str = ""
    asks: tuple[str, ...] = ()  # keywords


@dataclass(frozen=True)
class JsonArray:
    """An array: what its first items are, and the others."""

    first: tuple[Alternatives, ...]
    others: Alternatives
    least: int
    most: int | None
    path: str


@dataclass(frozen=True)
class JsonObject:
    """An object: its properties in order, and what others may be, by patterns of their names or at all."""

    properties: dict[str, Alternatives]
    patterns: dict[str, Alternatives]
    others: Alternatives
    required: tuple[str, ...]
    least: int
    most: int | None
    path: str


@dataclass(frozen=True, slots=True)
class DefinitionRef:
    """What a definition says."""

    pointer: str


Alternative: TypeAlias = "Anything | Fixed | JsonNumber | JsonString | JsonArray | JsonObject | DefinitionRef"
Alternatives: TypeAlias = "tuple[Alternative, ...]"  # none if nothing fits

ANYTHING: Alternatives = (Anything(),)


def constant(value: Any) -> Alternatives:
    """Return the one value that fits."""
    if value is None or isinstance(value, bool):
        return (Fixed({None: "null", True: "true", False: "false"}[value]),)
    if isinstance(value, str):
        return (JsonString(text=value),)
    if isinstance(value, int | float):
        number = Decimal(str(as_written(value)))
        return (JsonNumber(NumberBounds(number, number), is_whole=isinstance(value, int)),)
    if isinstance(value, list):
        return (JsonArray(tuple(map(constant, value)), (), len(value), len(value), ""),)
    properties = {name: constant(part) for name, part in value.items()}
    return (JsonObject(properties, {}, (), tuple(properties), 0, None, ""),)


def item_of(array: JsonArray, index: int) -> Alternatives:
    """Return what an item may be."""
    return array.first[index] if index < len(array.first) else array.others


def property_of(record: JsonObject, name: str) -> Alternatives:
    """Return what a property may be, listed or not."""
    if name in record.properties:
        return record.properties[name]
    return next((part for pattern, part in record.patterns.items() if matches(pattern, name)), record.others)


def matches(pattern: str, name: str) -> bool:
    """Tell whether the name of a property fits a pattern."""
    return fits({START: read_regex(pattern, search=True)}, name)


def are_apart(one: Alternative, other: Alternative) -> bool:
    """Tell whether types, constants and required properties show that no value fits both."""
    if isinstance(one, Anything | DefinitionRef) or isinstance(other, Anything | DefinitionRef):
        return False
    if type(one) is not type(other):
        return True
    if isinstance(one, Fixed):
        return one != other
    if isinstance(one, JsonString) and isinstance(other, JsonString):
        return one.text is not None and other.text is not None and one.text != other.text
    if isinstance(one, JsonObject) and isinstance(other, JsonObject):
        return any(
            all(are_apart(left, right) for left in property_of(one, name) for right in property_of(other, name))
            for name in (*one.required, *other.required)
        )
    return False

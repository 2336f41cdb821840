"""The keywords of JSON Schema, once: what becomes of each, where schemas stand inside of it, what its value has to be.

Tests hold what "grammar" and "checked" say against llguidance and jsonschema.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

# "grammar": compiled into it; some have forms that llguidance declines, which are found by asking it. "checked": left
# out of the grammar, which would be declined with any of them. "refused": depends on how a schema was reached.
# "structure": names and places of schemas, which constrain nothing themselves. "annotation" and "describes": for
# people and programs to read; models are shown the first.
Fate: TypeAlias = Literal["grammar", "checked", "refused", "structure", "annotation", "describes", "read before"]
Inside: TypeAlias = Literal["one", "list", "map", ""]
Value: TypeAlias = Literal["any", "count", "bound", "multiple", "text", "flag", "names", "names of each", "values"]


@dataclass(frozen=True, slots=True)
class Keyword:
    """One keyword.

    Attributes:
        fate: what becomes of it.
        inside: whether its value is a schema, a list of schemas, or an object of schemas.
        value: what its value has to be.
    """

    fate: Fate
    inside: Inside = ""
    value: Value = "any"


KEYWORDS: dict[str, Keyword] = {
    "type": Keyword("grammar"),
    "enum": Keyword("grammar", value="values"),
    "const": Keyword("grammar"),
    "$ref": Keyword("grammar", value="text"),
    "anyOf": Keyword("grammar", "list"),
    "oneOf": Keyword("grammar", "list"),
    "allOf": Keyword("grammar", "list"),
    # Objects.
    "properties": Keyword("grammar", "map"),
    "patternProperties": Keyword("grammar", "map"),
    "additionalProperties": Keyword("grammar", "one"),
    "required": Keyword("grammar", value="names"),
    "minProperties": Keyword("grammar", value="count"),
    "maxProperties": Keyword("grammar", value="count"),
    "propertyNames": Keyword("checked", "one"),
    "unevaluatedProperties": Keyword("checked", "one"),
    "dependentRequired": Keyword("checked", value="names of each"),
    "dependentSchemas": Keyword("checked", "map"),
    # Arrays.
    "items": Keyword("grammar", "one"),
    "prefixItems": Keyword("grammar", "list"),
    "minItems": Keyword("grammar", value="count"),
    "maxItems": Keyword("grammar", value="count"),
    "uniqueItems": Keyword("checked", value="flag"),
    "contains": Keyword("checked", "one"),
    "minContains": Keyword("checked", value="count"),
    "maxContains": Keyword("checked", value="count"),
    "unevaluatedItems": Keyword("checked", "one"),
    # Strings.
    "minLength": Keyword("grammar", value="count"),
    "maxLength": Keyword("grammar", value="count"),
    "pattern": Keyword("grammar", value="text"),
    "format": Keyword("grammar", value="text"),
    # Numbers.
    "minimum": Keyword("grammar", value="bound"),
    "maximum": Keyword("grammar", value="bound"),
    "exclusiveMinimum": Keyword("grammar", value="bound"),
    "exclusiveMaximum": Keyword("grammar", value="bound"),
    "multipleOf": Keyword("grammar", value="multiple"),
    # Conditions.
    "not": Keyword("checked", "one"),
    "if": Keyword("checked", "one"),
    "then": Keyword("checked", "one"),
    "else": Keyword("checked", "one"),
    # Definitions.
    "$defs": Keyword("structure", "map"),
    "definitions": Keyword("structure", "map"),
    "$anchor": Keyword("structure", value="text"),
    "$dynamicRef": Keyword("refused", value="text"),
    "$recursiveRef": Keyword("refused", value="text"),
    # Older drafts and dialects: `drafts.py` has them in other words.
    "additionalItems": Keyword("read before", "one"),
    "dependencies": Keyword("read before", "map"),
    "nullable": Keyword("read before"),
    "$schema": Keyword("read before", value="text"),
    "$id": Keyword("read before", value="text"),
    # For people and programs.
    "title": Keyword("annotation"),
    "description": Keyword("annotation", value="text"),
    **dict.fromkeys(("default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"), Keyword("annotation")),
    **dict.fromkeys(("contentEncoding", "contentMediaType", "contentSchema"), Keyword("describes")),
    **dict.fromkeys(("$dynamicAnchor", "$vocabulary"), Keyword("describes")),
    **dict.fromkeys(("discriminator", "example", "externalDocs", "xml"), Keyword("describes")),  # OpenAPI's
}

TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")


def of_fate(*fates: Fate) -> tuple[str, ...]:
    """Return the keywords of which one of these becomes."""
    return tuple(name for name, keyword in KEYWORDS.items() if keyword.fate in fates)


def with_inside(inside: Inside) -> tuple[str, ...]:
    """Return the keywords that hold schemas in one way."""
    return tuple(name for name, keyword in KEYWORDS.items() if keyword.inside == inside)


CONSTRAINTS = of_fate("grammar", "checked")
ANNOTATIONS = of_fate("annotation")
SCHEMA_MAPS, SCHEMA_LISTS, SCHEMAS = with_inside("map"), with_inside("list"), with_inside("one")
COUNTS = tuple(name for name, keyword in KEYWORDS.items() if keyword.value == "count")
LONGEST = ("maxLength", "maxItems", "maxProperties")
# Keywords whose schemas speak of the same value as the one around them.
APPLICATORS = ("$ref", "anyOf", "oneOf", "allOf", "if")
BEYOND_NUMBERS = 10**1000  # as many digits are read in a call
RANGES = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))


def value_fault(keyword: str, value: Any) -> str | None:
    """Return what is wrong with the value of a keyword; None if all is well."""
    kind = KEYWORDS[keyword].value if keyword in KEYWORDS else "any"
    if keyword == "dependencies":  # schemas, and lists of property names
        fits = all(_are_names(needed) for needed in value.values() if isinstance(needed, list))
        return None if fits else "dependencies must hold a schema or a list of property names for each property"
    if kind == "bound" and isinstance(value, bool) and keyword.startswith("exclusive"):
        return None  # of draft 4
    fits_kind, expected = VALUES[kind]
    return None if fits_kind(value) else f"{keyword} must {expected}"


def range_fault(schema: dict[str, Any]) -> tuple[str, str] | None:
    """Return the lower keyword of a range that nothing fits, and what is wrong with it; None if all is well."""
    for low, high in RANGES:
        if low in schema and high in schema and schema[low] > schema[high]:
            return low, f"{low} {schema[low]} is above {high} {schema[high]}"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < BEYOND_NUMBERS


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _are_names_of_each(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_are_names, value.values()))


VALUES: dict[Value, tuple[Callable[[Any], bool], str]] = {
    "any": (lambda value: True, ""),
    "count": (_is_count, "be a whole number of at least 0"),
    "bound": (_is_number, "be a number"),
    "multiple": (lambda value: _is_number(value) and value > 0, "be a number above 0"),
    "text": (lambda value: isinstance(value, str), "be text"),
    "flag": (lambda value: isinstance(value, bool), "be true or false"),
    "names": (_are_names, "be a list of property names"),
    "names of each": (_are_names_of_each, "hold a list of property names for each property"),
    "values": (lambda value: isinstance(value, list) and bool(value), "be a list of at least one value"),
}

"""Schemas so plain that nothing can be wrong with them, told without asking llguidance: most tools have no other.

In comes a schema; out comes True, or False for "ask". Knows no grammar.
"""

from __future__ import annotations

from typing import Any

from edge_lam.schema.formats import FORMATS, PATTERN_FORMATS
from edge_lam.schema.keywords import TYPES
from edge_lam.schema.walk import subschemas

PLAIN = {"type", "properties", "required", "items", "additionalProperties"}
RANGES = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))
RANGE_KEYS = {key for pair in RANGES for key in pair}
WIDEST_RANGE = 2**53
LONGEST = 1000
MOST_VALUES = 1000
MOST_PROPERTIES = 50
MOST_BRANCHES = 8


def is_surely_held(schema: Any) -> bool:
    """Tell whether a schema can be enforced without a doubt. Doubt costs time, so it is better to doubt too much."""
    if not isinstance(schema, dict):
        return schema is True
    if "anyOf" in schema:
        return len(schema) == 1 and len(schema["anyOf"]) <= MOST_BRANCHES and all(map(is_surely_held, schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return _are_plain_values(schema)
    if "format" in schema:
        return any(schema == {"type": "string", "format": known} for known in FORMATS)
    if "pattern" in schema:
        return is_known_format(schema)
    return _is_plain(schema)


def is_known_format(schema: dict[str, Any]) -> bool:
    """Tell whether a schema is that of a format and nothing else, written as its pattern."""
    return any(schema == {"type": "string", "pattern": known} for known in PATTERN_FORMATS.values())


def _is_plain(schema: dict[str, Any]) -> bool:
    if not schema.keys() <= PLAIN | RANGE_KEYS or len(schema.get("properties", ())) > MOST_PROPERTIES:
        return False
    if not set(schema.get("required", ())) <= set(schema.get("properties", ())):
        return False
    parts = (part for path, part in subschemas(schema) if path != "/additionalProperties" or part is not False)
    ranges = all(_is_surely_held_range(schema, *keys) for keys in RANGES)
    return ranges and _has_known_types(schema) and all(map(is_surely_held, parts))


def _are_plain_values(schema: dict[str, Any]) -> bool:
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    fit = "type" not in schema or (schema["type"] == "string" and all(isinstance(value, str) for value in values))
    return len(schema) - ("type" in schema) == 1 and fit and len(values) <= MOST_VALUES


def _has_known_types(schema: dict[str, Any]) -> bool:
    kinds = schema.get("type", "string")
    return all(kind in TYPES for kind in (kinds if isinstance(kinds, list) else [kinds]))


def _is_surely_held_range(schema: dict[str, Any], low: str, high: str) -> bool:
    limits = [schema[key] for key in (low, high) if key in schema]
    if not all(type(limit) is int and abs(limit) <= WIDEST_RANGE for limit in limits):
        return False
    if low != "minimum" and limits and not 0 <= limits[0] <= (LONGEST if low in schema else limits[0]):
        return False
    return len(limits) < 2 or limits[0] < limits[1] or (limits[0] == limits[1] and low != "minimum")

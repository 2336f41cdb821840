"""Whether a grammar can hold a reply to schemas, found out before anything is decoded.

In come schemas; out comes nothing, or an error that names the innermost schema at fault: one that llguidance can't
compile, that nothing fits, that has no end, or that goes beyond its limits. Knows no model; whoever has a vocabulary
can try a grammar out on it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from edge_lam.schema.error import SchemaError
from edge_lam.schema.formats import FORMATS, PATTERN_FORMATS
from edge_lam.schema.guidance import Complaint, grammar_complaint, json_rule, part_grammar, schema_complaint
from edge_lam.schema.keywords import RANGES, TYPES
from edge_lam.schema.walk import resolve, subschemas, walk

# llguidance would let such a value begin, but no context holds its end.
MAX_REQUIRED = {"minLength": 100_000, "minItems": 10_000, "minProperties": 1000}
MAX_REFERENCES = 500
# Schemas so plain that nothing can be wrong with them are judged without llguidance: most tools have no other.
PLAIN = {"type", "properties", "required", "items", "additionalProperties"}
RANGE_KEYS = {key for pair in RANGES for key in pair}
WIDEST_RANGE = 2**53
LONGEST = 1000
MAX_VALUES = 1000
MAX_PROPERTIES = 50
MAX_BRANCHES = 8

Trial: TypeAlias = Callable[[str], "str | None"]


def first_error(schemas: Sequence[dict[str, Any]]) -> tuple[int, SchemaError] | None:
    """Return which of some schemas can't be enforced, and why; None if all can.

    Asking llguidance once for all is much faster than asking for each.
    """
    doubtful = [index for index, schema in enumerate(schemas) if not is_surely_held(schema)]
    if not doubtful:
        return None
    found = _first_fault(json.dumps([schemas[index] for index in doubtful], ensure_ascii=False))
    if not found:
        return None
    index, path, reason = found
    return doubtful[index], SchemaError(_in_words(path, reason), path)


def check_effort(schema: dict[str, Any], try_out: Trial) -> None:
    """Refuse a schema that compiles, but takes too much to hold a reply to.

    Args:
        schema: one that passed `first_error`.
        try_out: writes something in a grammar, and returns the limit that it goes beyond, or None.

    Raises:
        SchemaError: names the path.
    """
    for path, part in reversed(list(walk(schema))):  # what is inside comes first
        if _may_take_long(part) and (reason := try_out(part_grammar(schema, part))):
            raise SchemaError(_in_words(path, reason), path)


def _in_words(path: str, reason: str) -> str:
    return f"the schema at {path or '/'} can't be enforced: {reason}"


def _may_take_long(schema: Any) -> bool:
    """Tell whether holding a reply to a schema may take much more than compiling it."""
    if not isinstance(schema, dict):
        return False
    branches = max(len(schema.get(key, ())) for key in ("anyOf", "oneOf", "allOf"))
    many = branches > MAX_BRANCHES or len(schema.get("properties", ())) > MAX_PROPERTIES
    return many or "patternProperties" in schema or ("pattern" in schema and not is_known_format(schema))


@lru_cache(maxsize=64)
def _first_fault(text: str) -> tuple[int, str, str] | None:
    """Return index, path and reason of the first schema, of a JSON list, that can't be enforced; remembered."""
    schemas = json.loads(text)
    for index, schema in enumerate(schemas):
        if fault := _beyond_limits(schema) or _endless(schema):
            return index, *fault
    # An optional part that nothing fits llguidance leaves out without a word, so every part has to be there.
    whole = [_with_every_part(schema) for schema in schemas]
    names = " | ".join(f"part_{index}" for index in range(len(whole)))
    rules = [f"part_{index}: {json_rule(schema)}" for index, schema in enumerate(whole)]
    if not (complaint := grammar_complaint("\n".join([f"start: {names}", *rules]))):
        return None
    for index, schema in enumerate(schemas):
        for of in (schema, whole[index]):
            if found := grammar_complaint(f"start: {json_rule(of)}"):
                return index, *_innermost(of, of, "", found)
    return 0, "", f"{complaint.value}, together with the others"


def _beyond_limits(schema: dict[str, Any]) -> tuple[str, str] | None:
    """Return the path of a schema that asks for more than a context holds, and what it asks for."""
    for path, part in walk(schema):
        for key, most in MAX_REQUIRED.items():
            if isinstance(part, dict) and isinstance(part.get(key), int) and part[key] > most:
                return path, f"{key} {_shortened(part[key])} is above {most:,}"
    return None


def _shortened(number: int) -> str:
    return f"{number:,}" if abs(number) < 10**15 else "of that size"


def _endless(schema: dict[str, Any]) -> tuple[str, str] | None:
    """Return the path of the innermost schema that contains itself in every value that fits it, and that it does."""
    parts = list(walk(schema))
    open_ends = {part["$ref"] for _, part in parts if isinstance(part, dict) and isinstance(part.get("$ref"), str)}
    if len(open_ends) > MAX_REFERENCES:
        return "", f"it has more than {MAX_REFERENCES} references"
    while ended := {reference for reference in open_ends if _ends(resolve(schema, reference), open_ends)}:
        open_ends -= ended
    endless = [path for path, part in parts if not _ends(part, open_ends)]
    return (max(endless, key=len), "it contains itself without end") if endless else None


def _ends(schema: Any, open_ends: set[str]) -> bool:
    """Tell whether something fits a schema that holds none of these references."""
    if not isinstance(schema, dict):
        return True
    if schema.get("$ref") in open_ends:
        return False
    for key in ("anyOf", "oneOf"):
        if key in schema and not any(_ends(part, open_ends) for part in schema[key]):
            return False
    needed = list(schema.get("allOf", ()))
    properties, n_items = schema.get("properties", {}), schema.get("minItems", 0)
    needed += [properties[name] for name in schema.get("required", ()) if name in properties]
    if n_items:
        first = schema.get("prefixItems", [])
        needed += first[: int(n_items)] + ([schema.get("items")] if n_items > len(first) else [])
    return all(_ends(part, open_ends) for part in needed)


def _with_every_part(schema: Any) -> Any:
    """Return a schema whose optional properties and items have to be there, where that is all that changes."""
    by_itself = {"$ref", "anyOf", "oneOf", "allOf", "not", "if", "enum", "const", "maxProperties", "dependentRequired"}
    if not isinstance(schema, dict) or by_itself.intersection(schema):
        return schema
    whole = dict(schema)
    for key in ("properties", "$defs", "definitions"):
        if key in schema:
            whole[key] = {name: _with_every_part(part) for name, part in schema[key].items()}
    if "properties" in schema:
        listed = [name for name, part in schema["properties"].items() if part is not False]
        whole["required"] = list(dict.fromkeys([*listed, *schema.get("required", ())]))
    if isinstance(schema.get("items"), dict) and schema.get("maxItems", 1) >= 1:
        whole["items"] = _with_every_part(schema["items"])
        whole["minItems"] = max(1, schema.get("minItems", 0))
    return whole


def _innermost(root: dict[str, Any], schema: Any, path: str, complaint: Complaint) -> tuple[str, str]:
    """Return the pointer to the deepest schema that fails by itself, and why."""
    for step, part in subschemas(schema):
        if isinstance(part, dict) and (found := schema_complaint(root, part)):
            return _innermost(root, part, path + step, found)
    return path, complaint.value


def is_surely_held(schema: Any) -> bool:
    """Tell whether a schema can be enforced without a doubt. Doubt costs time, so it is better to doubt too much."""
    if not isinstance(schema, dict):
        return schema is True
    if "anyOf" in schema:
        return len(schema) == 1 and len(schema["anyOf"]) <= MAX_BRANCHES and all(map(is_surely_held, schema["anyOf"]))
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
    if not schema.keys() <= PLAIN | RANGE_KEYS or len(schema.get("properties", ())) > MAX_PROPERTIES:
        return False
    if not set(schema.get("required", ())) <= set(schema.get("properties", ())):
        return False
    parts = (part for path, part in subschemas(schema) if path != "/additionalProperties" or part is not False)
    ranges = all(_is_surely_held_range(schema, *keys) for keys in RANGES)
    return ranges and _has_known_types(schema) and all(map(is_surely_held, parts))


def _are_plain_values(schema: dict[str, Any]) -> bool:
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    fit = "type" not in schema or (schema["type"] == "string" and all(isinstance(value, str) for value in values))
    return len(schema) - ("type" in schema) == 1 and fit and len(values) <= MAX_VALUES


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

"""Whether a grammar can hold a reply to schemas, found out before anything is decoded.

In come schemas by the names of their tools; out comes nothing, or an error that names the tool and the innermost schema
at fault: one that llguidance can't compile, that nothing fits, that has no end, or that goes beyond its limits. Knows
no model; whoever has a vocabulary can try a grammar out on it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from edge_lam.errors import InvalidSchema
from edge_lam.schema.guidance import alone, compile_fault, json_rule, schema_fault
from edge_lam.schema.harmless import HARMLESS_BRANCHES, HARMLESS_PROPERTIES, is_harmless
from edge_lam.schema.keywords import BOUNDS, WIDEST
from edge_lam.schema.normalize import subschemas

# llguidance would let such a value begin, but no context holds its end.
MOST_REQUIRED = {"minLength": 100_000, "minItems": 10_000, "minProperties": 1000}
MAX_REFERENCES = 500

Fault: TypeAlias = Callable[[str], str]


def check_schemas(schemas: Mapping[str, dict[str, Any]]) -> None:
    """Refuse schemas that can't be enforced.

    Args:
        schemas: by the names of their tools.

    Raises:
        InvalidSchema: names tool and path.
    """
    doubtful = {tool: schema for tool, schema in schemas.items() if not is_harmless(schema)}
    if doubtful:
        _check(json.dumps(doubtful, ensure_ascii=False))


def check_effort(tool: str, schema: dict[str, Any], explodes: Fault) -> None:
    """Refuse a schema that compiles, but takes too much to hold a reply to.

    Args:
        tool: the tool's name.
        schema: one that passed `check_schemas`.
        explodes: tries a grammar out, and returns the limit that it goes beyond, or "".

    Raises:
        InvalidSchema: names tool and path.
    """
    for path, part in reversed(list(_walk(schema, ""))):  # what is inside comes first
        if _may_explode(part) and (reason := explodes(alone(schema, part))):
            raise _refusal(tool, path, reason)


def _may_explode(schema: Any) -> bool:
    """Tell whether holding a reply to a schema may take much more than compiling it."""
    if not isinstance(schema, dict):
        return False
    branches = max(len(schema.get(key, ())) for key in ("anyOf", "oneOf", "allOf"))
    many = branches > HARMLESS_BRANCHES or len(schema.get("properties", ())) > HARMLESS_PROPERTIES
    return many or "pattern" in schema or "patternProperties" in schema


@lru_cache(maxsize=64)
def _check(text: str) -> None:
    """Check schemas by tool, given as JSON text; those found to be in order are remembered."""
    schemas = json.loads(text)
    for tool, schema in schemas.items():
        _check_alone(tool, schema)
    # Asking llguidance once is much faster than asking for each tool. An optional part that nothing fits it leaves out
    # without a word, so every part has to be there.
    whole = [_with_every_part(schema) for schema in schemas.values()]
    names = " | ".join(f"part_{index}" for index in range(len(whole)))
    rules = [f"part_{index}: {json_rule(schema)}" for index, schema in enumerate(whole)]
    if not (fault := compile_fault("\n".join([f"start: {names}", *rules]))):
        return
    for tool, schema in schemas.items():
        for of in (schema, _with_every_part(schema)):
            if reason := compile_fault(f"start: {json_rule(of)}"):
                raise _refusal(tool, *_innermost(of, of, "", reason))
    raise InvalidSchema(f"the tools can't be enforced together: {fault}", tool="")


def _check_alone(tool: str, schema: dict[str, Any]) -> None:
    """Check what llguidance doesn't."""
    for path, part in _walk(schema, ""):
        if reason := _beyond_limits(part):
            raise _refusal(tool, path, reason)
    if endless := _endless(schema):
        raise _refusal(tool, *endless)


def _walk(schema: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, schema
    for step, part in subschemas(schema):
        yield from _walk(part, path + step)


def _beyond_limits(schema: Any) -> str:
    if not isinstance(schema, dict):
        return ""
    for key, most in MOST_REQUIRED.items():
        if isinstance(least := schema.get(key), int | float) and least > most:
            return f"{key} {least:g} is above {most}"
    for key in BOUNDS:
        if isinstance(bound := schema.get(key), int | float) and abs(bound) > WIDEST:
            return f"{key} {bound:g} has more than 64 bits"
    return ""


def _endless(schema: dict[str, Any]) -> tuple[str, str] | None:
    """Return the path of the innermost schema that contains itself in every value that fits it, and that it does."""
    parts = list(_walk(schema, ""))
    open_ends = {part["$ref"] for _, part in parts if isinstance(part, dict) and isinstance(part.get("$ref"), str)}
    if len(open_ends) > MAX_REFERENCES:
        return "", f"it has more than {MAX_REFERENCES} references"
    while ended := {reference for reference in open_ends if _ends(_resolve(schema, reference), open_ends)}:
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


def _resolve(root: Any, reference: str) -> Any:
    """Return what a reference inside the document points to; None if there is no such thing."""
    found = root
    for step in reference.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found


def _with_every_part(schema: Any) -> Any:
    """Return a schema whose optional properties and items have to be there, where that is all that changes."""
    alone = {"$ref", "anyOf", "oneOf", "allOf", "not", "if", "enum", "const", "maxProperties", "dependentRequired"}
    if not isinstance(schema, dict) or alone.intersection(schema):
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


def _innermost(root: dict[str, Any], schema: Any, path: str, reason: str) -> tuple[str, str]:
    """Return the pointer to the deepest schema that fails by itself, and why."""
    for step, part in subschemas(schema):
        if isinstance(part, dict) and (found := schema_fault(root, part)):
            return _innermost(root, part, path + step, found)
    return path, reason


def _refusal(tool: str, path: str, reason: str) -> InvalidSchema:
    reason = "nothing fits it" if "nsatisfiable" in reason else reason
    return InvalidSchema(
        f"tool {tool!r}: the schema at {path or '/'} can't be enforced: {reason}", tool=tool, path=path
    )

"""Parameter schemas of any dialect -> plain JSON Schema, and the closed form that a grammar enforces.

In comes what a vendor calls the parameters of a tool; out comes an object schema with `properties` and `required`, keys
in their original order. What is not a schema is refused with the tool's name and a JSON pointer. Knows no vendor's
envelope around the parameters (that is `shapes.py`) and no grammar.
"""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from edge_lam.errors import InvalidSchema
from edge_lam.schema.keyword_values import range_fault, value_fault
from edge_lam.schema.keywords import ANNOTATIONS, APPLICATORS, COUNTS, SCHEMA_LISTS, SCHEMA_MAPS, SCHEMAS, TYPES
from edge_lam.schema.type_names import UnknownTypeError, read_type

MAX_DEPTH = 64


def normalize_parameters(parameters: Any, *, tool: str) -> dict[str, Any]:
    """Return plain JSON Schema for the parameters of a tool.

    Args:
        parameters: an object schema in any dialect; None or {} for a tool without parameters.
        tool: the tool's name, for errors.

    Returns:
        A new object schema that has `type`, `properties` and `required`; the order of keys is kept.

    Raises:
        InvalidSchema: something in it is not a schema.
    """
    if parameters is None:
        parameters = {}
    schema = _normalize(parameters, tool, "", 0)
    if not isinstance(schema, dict) or schema.get("type", "object") != "object":
        raise InvalidSchema(f"the parameters of tool {tool!r} must be a schema of type object", tool=tool, path="/type")
    if "type" not in schema:
        schema = {"type": "object", **schema}
    schema.setdefault("properties", {})
    schema.setdefault("required", [])
    try:
        json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSchema(f"the schema of tool {tool!r} is not JSON: {error}", tool=tool) from error
    return schema


def subschemas(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield (JSON pointer from here, schema) for every schema directly inside `schema`."""
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key in SCHEMA_MAPS and isinstance(value, dict):
            yield from ((f"/{key}/{escape(name)}", child) for name, child in value.items())
        elif key in SCHEMA_LISTS and isinstance(value, list):
            yield from ((f"/{key}/{index}", child) for index, child in enumerate(value))
        elif key in SCHEMAS:
            yield f"/{key}", value


def with_subschemas(schema: dict[str, Any], change: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Return a copy of a schema in which `change` replaces every schema directly inside.

    Args:
        schema: left as it is.
        change: is given the JSON pointer from here, and a schema.
    """
    changed = dict(schema)
    for key, value in schema.items():
        if key in SCHEMA_MAPS and isinstance(value, dict):
            changed[key] = {name: change(f"/{key}/{escape(name)}", child) for name, child in value.items()}
        elif key in SCHEMA_LISTS and isinstance(value, list):
            changed[key] = [change(f"/{key}/{index}", child) for index, child in enumerate(value)]
        elif key in SCHEMAS:
            changed[key] = change(f"/{key}", value)
    return changed


def closed(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the schema that a grammar enforces: no annotations, and no properties that are not listed.

    An object that lists properties and says nothing of others gets ``additionalProperties: false``. Where schemas are
    combined on one object (`allOf`, `dependentSchemas`, or `properties` beside `$ref`, `anyOf` or `oneOf`) closing one
    part would forbid the other's properties, so such a document stays as its author wrote it.
    """
    composed = _is_composed(parameters)
    schema: dict[str, Any] = _close(parameters, close=not composed)
    if not composed and not any(key in schema for key in APPLICATORS):
        schema.setdefault("additionalProperties", False)
    return schema


def escape(name: str) -> str:
    """Return a key as one step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _normalize(schema: Any, tool: str, path: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidSchema(f"the schema of tool {tool!r} is nested too deeply", tool=tool, path=path)
    if isinstance(schema, bool):
        return schema
    if not isinstance(schema, dict):
        raise _refusal(tool, path, f"a schema must be an object, not {_kind(schema)}")
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if not isinstance(key, str):
            raise _refusal(tool, path, f"the key {key!r} is not a string")
        at = f"{path}/{escape(key)}"
        if key == "type":
            plain |= {name: each for name, each in _type(value, tool, at).items() if name == key or name not in schema}
        elif key == "items" and isinstance(value, list):
            # Tuples of drafts before 2020-12, which validators of today would ignore.
            plain["prefixItems"] = _normalize_list(value, tool, at, depth)
        elif key in SCHEMA_MAPS:
            plain[key] = _normalize_map(value, tool, at, depth, lists=key == "dependencies")
        elif key in SCHEMA_LISTS:
            plain[key] = _normalize_list(value, tool, at, depth)
        elif key in SCHEMAS:
            plain[key] = _normalize(value, tool, at, depth + 1)
        else:
            plain[key] = copy.deepcopy(value)
    _check_values(plain, tool, path)
    return plain


def _normalize_map(value: Any, tool: str, path: str, depth: int, *, lists: bool) -> dict[str, Any]:
    """Normalize each schema of an object; with `lists`, a list is none and stays as it is."""
    if not isinstance(value, dict):
        raise _refusal(tool, path, f"must be an object of schemas, not {_kind(value)}")
    return {
        name: list(child)
        if lists and isinstance(child, list)
        else _normalize(child, tool, f"{path}/{escape(str(name))}", depth + 1)
        for name, child in value.items()
    }


def _normalize_list(value: Any, tool: str, path: str, depth: int) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _refusal(tool, path, f"must be a list of schemas, not {_kind(value)}")
    return [_normalize(child, tool, f"{path}/{index}", depth + 1) for index, child in enumerate(value)]


def _type(value: Any, tool: str, path: str) -> dict[str, Any]:
    """Return the schema of a type: plain JSON Schema's, another dialect's (`float`) or a program's (`List[int]`)."""
    if isinstance(value, list) and value:
        read = [_type(name, tool, path) for name in value]
        if {} in read:
            return {}
        if all(list(schema) == ["type"] and isinstance(schema["type"], str) for schema in read):
            return {"type": [schema["type"] for schema in read]}
    elif value in TYPES:
        return {"type": value}
    with contextlib.suppress(UnknownTypeError):
        return read_type(value)[0]
    raise _refusal(tool, path, f"unknown type {value!r}", hint=f"known types: {', '.join(TYPES)}")


def _check_values(schema: dict[str, Any], tool: str, path: str) -> None:
    """Refuse values that no reader of JSON Schema could make sense of, and ranges that nothing fits."""
    for key, value in schema.items():
        if fault := value_fault(key, value):
            raise _refusal(tool, f"{path}/{key}", fault)
        if key in COUNTS:
            schema[key] = int(value)
    low, fault = range_fault(schema)
    if fault:
        raise _refusal(tool, f"{path}/{low}", fault)
    # An object that lists properties and says nothing of others will be closed.
    is_closed = schema.get("additionalProperties", "properties" not in schema) is False
    if not is_closed or any(key in schema for key in ("patternProperties", *APPLICATORS)):
        return
    for index, name in enumerate(schema.get("required", [])):
        if name not in schema.get("properties", {}):
            raise _refusal(tool, f"{path}/required/{index}", f"{name!r} is required but not among the properties")


def _is_composed(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    beside = schema.get("properties") and any(key in schema for key in APPLICATORS)
    whole = "allOf" in schema or "dependentSchemas" in schema  # what they hold is about this same object
    return whole or bool(beside) or any(_is_composed(child) for _, child in subschemas(schema))


def _close(schema: Any, *, close: bool) -> Any:
    if not isinstance(schema, dict):
        return schema
    inner = with_subschemas(schema, lambda _, child: _close(child, close=close))
    result = {key: value for key, value in inner.items() if key not in ANNOTATIONS}
    speaks_of_others = any(key in result for key in (*APPLICATORS, "unevaluatedProperties"))
    if close and result.get("properties") and not speaks_of_others:
        result.setdefault("additionalProperties", False)
    return result


def _refusal(tool: str, path: str, reason: str, hint: str = "") -> InvalidSchema:
    message = f"tool {tool!r}: bad schema at {path or '/'}: {reason}"
    return InvalidSchema(message, tool=tool, path=path, hint=hint)


def _kind(value: Any) -> str:
    return "an empty list" if value == [] else "null" if value is None else type(value).__name__

"""Parameter schemas of any dialect -> plain JSON Schema as a model reads it, and as grammar and check read it.

In comes what a vendor calls the parameters of a tool; out comes an object schema with `properties` and `required`, keys
in their original order, and another in the words of 2020-12. What is not a schema is refused by JSON pointer; what
generators write for "not given" is read as that. Knows no vendor's envelope around the parameters and no grammar.
"""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

from edge_lam.schema.error import SchemaError
from edge_lam.schema.formats import NUMBER_FORMATS
from edge_lam.schema.keywords import (
    APPLICATORS,
    COUNTS,
    KEYWORDS,
    SCHEMA_LISTS,
    SCHEMA_MAPS,
    SCHEMAS,
    TYPES,
    range_fault,
    value_fault,
)
from edge_lam.schema.type_names import UnknownTypeError, read_type
from edge_lam.schema.walk import escape, with_subschemas

MAX_DEPTH = 64
MAX_VALUES = 100_000  # of a schema, keys and items; read in seconds, and written they fill no context
UNSPECIFIED = "TYPE_UNSPECIFIED"  # Gemini's name for any type
# Keywords that an empty text may well be the value of.
TEXTS = ("title", "description", "default", "pattern", "$comment")


def normalize_parameters(parameters: Any) -> dict[str, Any]:
    """Return plain JSON Schema for the parameters of a tool.

    Args:
        parameters: an object schema in any dialect; None, {} or [] for a tool without parameters.

    Returns:
        A new object schema that has `type`, `properties` and `required`; the order of keys is kept.

    Raises:
        SchemaError: something in it is not a schema.
    """
    _check_size(parameters)
    schema = _normalize({} if parameters is None or parameters == [] else parameters, "", 0)
    kind = schema.get("type", "object") if isinstance(schema, dict) else ""
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise SchemaError("the parameters must be a schema of type object", "/type")
    schema = {**schema, "type": "object"} if "type" in schema else {"type": "object", **schema}
    if "properties" not in schema:
        schema = {"type": "object", "properties": {}, **{key: schema[key] for key in schema if key != "type"}}
    schema.setdefault("required", [])
    _check_json(schema)
    return schema


def normalize_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return plain JSON Schema for values of any type, a new one; the order of keys is kept.

    Raises:
        SchemaError: something in it is not a schema.
    """
    _check_size(schema)
    plain: dict[str, Any] = _normalize(schema, "", 0)
    _check_json(plain)
    return plain


def _check_json(schema: Any) -> None:
    try:
        json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise SchemaError(f"the schema is not JSON: {error}") from error


def _check_size(schema: Any) -> None:
    """Refuse a schema of very many parts, before each of them is looked at."""
    count, parts = 0, [(schema, 0)]
    while parts:
        value, depth = parts.pop()
        if isinstance(value, dict | list) and depth <= 4 * MAX_DEPTH:  # what is deeper is refused for that
            count += len(value)
            parts += [(each, depth + 1) for each in (value.values() if isinstance(value, dict) else value)]
        if count > MAX_VALUES:
            raise SchemaError(f"the schema has more than {MAX_VALUES:,} values")


def _normalize(schema: Any, path: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise SchemaError("the schema is nested too deeply", path)
    if isinstance(schema, bool):
        return schema
    if schema == [] and depth:
        return {}  # PHP's way to write an empty object
    if not isinstance(schema, dict):
        raise _refusal(path, f"a schema must be an object, not {_kind(schema)}")
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if not isinstance(key, str):
            raise _refusal(path, f"the key {key!r} is not a string")
        at = f"{path}/{escape(key)}"
        if _is_absent(key, value, schema):
            continue
        if key == "type":
            plain |= {name: each for name, each in _type(value, at).items() if name == key or name not in schema}
        else:
            name, read = _keyword(key, value, at, depth)
            plain[name] = read
    if required := _required_of_draft_3(schema.get("properties")):
        plain["required"] = list(dict.fromkeys([*plain.get("required", ()), *required]))
    _check_values(plain, path)
    return plain


def _keyword(key: str, value: Any, path: str, depth: int) -> tuple[str, Any]:
    """Return a keyword and its value in plain JSON Schema."""
    if key == "items" and isinstance(value, list) and value:
        # Tuples of drafts before 2020-12, which validators of today would ignore.
        return "prefixItems", _normalize_list(value, path, depth)
    if key in SCHEMA_MAPS:
        return key, _normalize_map(value, path, depth, lists=key == "dependencies")
    if key in SCHEMA_LISTS:
        return key, _normalize_list(value, path, depth)
    if key in SCHEMAS:
        return key, _normalize(value, path, depth + 1)
    return key, _copied(value, path, depth)


def _copied(value: Any, path: str, depth: int) -> Any:
    """Return a copy of a value that is no schema, such as a default."""
    if depth > MAX_DEPTH:
        raise SchemaError("a value is nested too deeply", path)
    if isinstance(value, dict):
        return {key: _copied(each, path, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [_copied(each, path, depth + 1) for each in value]
    return copy.deepcopy(value)


def _is_absent(keyword: str, value: Any, schema: dict[str, Any]) -> bool:
    """Tell whether a value is what generators write for a keyword that is not given.

    Go, YAML and pydantic dumps write null, PHP an empty list for an empty object, forms an empty text. What a keyword
    may well hold (`default: null`, `pattern: ""`, `required: []`) and what is no keyword stays.
    """
    if keyword == "const":  # null is a value, unless nothing would fit then
        kinds = schema.get("type") or ["null"]
        return value is None and "null" not in kinds and schema.get("nullable") is not True
    if keyword not in KEYWORDS or keyword == "default":
        return False
    if keyword == "required" and (isinstance(value, bool) or value == {}):
        return True  # a truth value is of draft 3; the schema around it reads it
    if value is None or (value == "" and keyword not in TEXTS):
        return True
    return value == [] and (keyword == "type" or keyword in (*SCHEMA_MAPS, *SCHEMA_LISTS))


def _required_of_draft_3(properties: Any) -> list[str]:
    """Return the properties that say so themselves: ``{"type": "string", "required": true}``."""
    if not isinstance(properties, dict):
        return []
    return [name for name, part in properties.items() if isinstance(part, dict) and part.get("required") is True]


def _normalize_map(value: Any, path: str, depth: int, *, lists: bool) -> dict[str, Any]:
    """Normalize each schema of an object; with `lists`, a list is none and stays as it is."""
    if not isinstance(value, dict):
        raise _refusal(path, f"must be an object of schemas, not {_kind(value)}")
    return {
        name: list(child)
        if lists and isinstance(child, list)
        else _normalize(child, f"{path}/{escape(str(name))}", depth + 1)
        for name, child in value.items()
    }


def _normalize_list(value: Any, path: str, depth: int) -> list[Any]:
    if not isinstance(value, list):
        raise _refusal(path, f"must be a list of schemas, not {_kind(value)}")
    return [_normalize(child, f"{path}/{index}", depth + 1) for index, child in enumerate(value)]


def _type(value: Any, path: str) -> dict[str, Any]:
    """Return the schema of a type: plain JSON Schema's, another dialect's (`float`) or a program's (`List[int]`)."""
    if isinstance(value, list):
        read = [_type("null" if name is None else name, path) for name in value]  # YAML reads null as no text
        if {} in read:
            return {}
        if all(list(schema) == ["type"] and isinstance(schema["type"], str) for schema in read):
            return {"type": [schema["type"] for schema in read]}
    elif value in TYPES:
        return {"type": value}
    elif value == UNSPECIFIED:
        return {}
    with contextlib.suppress(UnknownTypeError):  # refused below, with the path
        return read_type(value)[0]
    raise _refusal(path, f"unknown type {value!r}", hint=f"known types: {', '.join(TYPES)}")


def _check_values(schema: dict[str, Any], path: str) -> None:
    """Refuse values that no reader of JSON Schema could make sense of, and ranges that nothing fits."""
    for key, value in schema.items():
        if fault := value_fault(key, value):
            raise _refusal(f"{path}/{key}", fault)
        if key in COUNTS:
            schema[key] = int(value)
    if out_of_range := range_fault(schema):
        low, fault = out_of_range
        raise _refusal(f"{path}/{low}", fault)
    # An object that lists properties and says nothing of others will be closed.
    is_closed = schema.get("additionalProperties", "properties" not in schema) is False
    if not is_closed or any(key in schema for key in ("patternProperties", *APPLICATORS)):
        return
    for index, name in enumerate(schema.get("required", [])):
        if name not in schema.get("properties", {}):
            raise _refusal(f"{path}/required/{index}", f"{name!r} is required but not among the properties")


def _refusal(path: str, reason: str, hint: str = "") -> SchemaError:
    return SchemaError(f"bad schema at {path or '/'}: {reason}", path, hint=hint)


def _kind(value: Any) -> str:
    return "an empty list" if value == [] else "null" if value is None else type(value).__name__


def to_2020_12(schema: Any) -> Any:
    """Return a schema in the words of 2020-12."""
    if not isinstance(schema, dict):
        return schema
    schema = with_subschemas(schema, lambda _, child: to_2020_12(child))
    _read_exclusive_flags(schema)
    _read_nullable(schema)
    _read_number_format(schema)
    _read_dependencies(schema)
    if (rest := schema.pop("additionalItems", None)) is not None and "prefixItems" in schema:
        schema.setdefault("items", rest)
    if schema.get("uniqueItems") is False:
        del schema["uniqueItems"]
    schema.pop("$schema", None)
    schema.pop("$id", None)  # references lead to places inside of the schema alone
    return schema


def _read_exclusive_flags(schema: dict[str, Any]) -> None:
    """Draft 4: ``{"minimum": 0, "exclusiveMinimum": true}``."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(schema.get(exclusive), bool) and schema.pop(exclusive) and bound in schema:
            schema[exclusive] = schema.pop(bound)


def _read_nullable(schema: dict[str, Any]) -> None:
    """OpenAPI 3.0: ``{"type": "string", "nullable": true}``."""
    if not isinstance(schema.get("nullable"), bool) or not schema.pop("nullable") or "type" not in schema:
        return
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    schema["type"] = list(dict.fromkeys([*kinds, "null"]))
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]


def _read_number_format(schema: dict[str, Any]) -> None:
    """OpenAPI, and generators for Rust and Go: ``{"type": "integer", "format": "uint8"}``."""
    if "string" in schema.get("type", "string") or schema.get("format") not in NUMBER_FORMATS:
        return
    low, high = NUMBER_FORMATS[schema.pop("format")]
    kinds = schema.get("type", "number")
    if "number" in kinds:  # they are formats of whole numbers, which is what "number" stands for in many generators
        as_integer = (
            ["integer" if kind == "number" else kind for kind in kinds] if isinstance(kinds, list) else "integer"
        )
        schema["type"] = as_integer
    schema["minimum"] = max(low, schema.get("minimum", low))
    if high is not None:
        schema["maximum"] = min(high, schema.get("maximum", high))


def _read_dependencies(schema: dict[str, Any]) -> None:
    """Drafts before 2019-09: names and schemas under one keyword."""
    dependencies = schema.get("dependencies")
    if not isinstance(dependencies, dict):
        return
    del schema["dependencies"]
    for name, needed in dependencies.items():
        keyword = "dependentRequired" if isinstance(needed, list) else "dependentSchemas"
        schema[keyword] = {**schema.get(keyword, {}), name: needed}

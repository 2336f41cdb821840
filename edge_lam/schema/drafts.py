"""Keywords of older drafts, and of dialects, in the words of JSON Schema 2020-12, which the checks are written for.

In comes a normalized schema; out comes a copy that means the same. What a model reads stays as its author wrote it.
"""

from __future__ import annotations

from typing import Any

from edge_lam.schema.formats import NUMBER_FORMATS
from edge_lam.schema.walk import with_subschemas


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

"""pydantic's JSON Schema -> the minimal schema that models are trained on.

In comes a pydantic model; out comes an object schema with only what a model needs to read: no titles, no defaults,
references written out where they don't recurse, `type` first and `description` last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_lam.schema.formats import FORMATS, PATTERN_FORMATS
from edge_lam.schema.walk import subschemas, with_subschemas

if TYPE_CHECKING:
    from pydantic import BaseModel

PREFIX = "#/$defs/"
NOISE = ("title", "default", "discriminator", "uniqueItems")
FIRST = ("type", "enum", "items", "properties", "required")


def minimal_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the parameter schema of a pydantic model.

    Args:
        model: its fields are the parameters; by alias where they have one.

    Returns:
        ``{"type": "object", "properties": {...}, "required": [...]}``; `$defs` only for types that contain themselves.

    Raises:
        pydantic.PydanticUserError: a field's type has no JSON Schema.
    """
    schema = _generate(model)
    definitions = schema.pop("$defs", {})
    recursive = {name for name in definitions if name in _reachable(definitions[name], definitions)}
    writer = _Writer(definitions, recursive)
    if "$ref" in schema:  # a model that contains itself is only a reference to its own definition
        schema = definitions[schema["$ref"].removeprefix(PREFIX)]
    plain: dict[str, Any] = writer.write(schema)
    plain.pop("description", None)
    plain.setdefault("properties", {})
    plain.setdefault("required", [])
    used = recursive & _reachable(plain, definitions)
    if used:
        plain["$defs"] = {name: writer.write(definitions[name]) for name in definitions if name in used}
    return plain


def _generate(model: type[BaseModel]) -> dict[str, Any]:
    from pydantic.json_schema import GenerateJsonSchema

    class Generator(GenerateJsonSchema):
        # Defaults are not part of what a model reads, so one that JSON can't carry is no cause for a warning.
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    return model.model_json_schema(schema_generator=Generator)


class _Writer:
    """Writes schemas anew, given the definitions they refer to."""

    def __init__(self, definitions: dict[str, Any], recursive: set[str]) -> None:
        self.definitions = definitions
        self.recursive = recursive

    def write(self, schema: Any) -> Any:
        if not isinstance(schema, dict):
            return schema
        schema = self._resolve(_without_null(schema))
        plain = {key: value for key, value in schema.items() if key not in NOISE}
        plain = with_subschemas(plain, lambda _, child: self.write(child))
        if "const" in plain:
            plain["enum"] = [plain.pop("const")]
        if plain.get("format") not in (*FORMATS, *PATTERN_FORMATS):  # pydantic checks the others when the tool runs
            plain.pop("format", None)
        if plain.get("additionalProperties") is False:
            plain.pop("additionalProperties")
        return _ordered(plain)

    def _resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Write out a reference, unless it recurses; keys beside it (a description) win over the definition's."""
        wrapped = schema.get("allOf", [])
        if len(wrapped) == 1:  # how pydantic before 2.9 wrote a reference with a description beside it
            schema = {**wrapped[0], **{key: value for key, value in schema.items() if key != "allOf"}}
        name = schema.get("$ref", "").removeprefix(PREFIX)
        if not name or name in self.recursive:
            return schema
        siblings = {key: value for key, value in schema.items() if key != "$ref"}
        return self._resolve({**self.definitions[name], **siblings})


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an ``X | None = None`` without the null: leaving the parameter out says the same."""
    if "default" not in schema or schema["default"] is not None:
        return schema
    if "enum" in schema and None in schema["enum"]:
        return {**schema, "enum": [value for value in schema["enum"] if value is not None]}
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if len(choices) == 1:
        return {**choices[0], **rest}
    return {**rest, "anyOf": choices} if choices else schema


def _ordered(schema: dict[str, Any]) -> dict[str, Any]:
    first = {key: schema[key] for key in FIRST if key in schema}
    rest = {key: value for key, value in schema.items() if key not in first and key != "description"}
    last = {"description": schema["description"]} if "description" in schema else {}
    return {**first, **rest, **last}


def _reachable(schema: Any, definitions: dict[str, Any]) -> set[str]:
    """Return the names of all definitions that `schema` refers to, directly or through others."""
    found: set[str] = set()
    pending = [schema]
    while pending:
        current = pending.pop()
        pending.extend(child for _, child in subschemas(current))
        name = current.get("$ref", "").removeprefix(PREFIX) if isinstance(current, dict) else ""
        if name and name not in found:
            found.add(name)
            pending.append(definitions[name])
    return found

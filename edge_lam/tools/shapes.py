"""The shapes in which tools lie around in the world -> name, description and one schema of the parameters.

`ENVELOPES` and `PARAMETERS` are the vendors' keys. Whatever stands under one of these is a JSON Schema, or lists
parameters by name (xLAM's own form); both are read. What holds parameters under a key that nobody here knows is refused
by name: a tool that is called without its arguments is worse than none.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edge_lam.errors import InvalidTool
from edge_lam.schema.keywords import SCHEMA_LISTS, SCHEMA_MAPS, SCHEMAS, of_fate
from edge_lam.schema.type_names import UnknownTypeError, read_type

# What a definition may be wrapped in. Gemini's hold a list.
ENVELOPES = {
    "function": "OpenAI",
    "toolSpec": "Bedrock",
    "tool_spec": "Bedrock",
    "functionDeclarations": "Gemini",
    "function_declarations": "Gemini",
}
# Where the parameters stand.
PARAMETERS = {
    "parameters": "OpenAI, Gemini, the Berkeley leaderboard, xLAM",
    "input_schema": "Anthropic",
    "inputSchema": "MCP, Bedrock",
    "parametersJsonSchema": "Gemini",
    "parameters_json_schema": "Gemini",
    "parameter_definitions": "Cohere",
    "args_schema": "LangChain, CrewAI",
    "args": "LangChain",
    "arguments": "hand-written lists",
    "inputs": "smolagents",
    "input_parameters": "API-Bank",
}
OPTIONAL_UNLESS_SAID = ("parameter_definitions",)  # Cohere's are not required by default
# Objects of a definition that hold no parameters.
NOT_PARAMETERS = (
    *("annotations", "_meta", "meta", "metadata", "cache_control", "execution"),
    *("outputSchema", "output_schema", "response", "responses", "response_schema", "returns", "return", "output"),
    *("output_parameters", "results", "examples", "input_examples", "icons", "tags"),
)
ORDINARY = (None, "function", "custom", "tool", "object")  # types of definitions that need no parameters to be known

# Keys of JSON Schema that no parameter is called.
KEYWORDS = ("$ref", "$defs", "$schema", "$id", "additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf")
# Those that one may be called: they are keywords where they hold what a keyword does.
NAMES_OR_KEYWORDS = ("properties", "required", "definitions", "type", "title", "description")
# Keys of JSON Schema that may hold what looks like a schema.
KNOWN = frozenset(
    (*SCHEMA_MAPS, *SCHEMA_LISTS, *SCHEMAS, *of_fate("annotation", "describes"), "const", "_meta", "metadata")
)
DESCRIBING = ("type", "description", "title", "enum", "anyOf", "oneOf", "allOf", "$ref", "default", "const")


@dataclass(frozen=True)
class Definition:
    """What a definition says, whatever its shape was.

    Attributes:
        name: as it stands there, unchecked.
        description: the same; "" for none.
        parameters: JSON Schema in any dialect, or whatever else stands there.
    """

    name: Any
    description: Any
    parameters: Any


def single_definitions(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the definitions in an object: those of Gemini's lists, or the object itself.

    Raises:
        InvalidTool: what should be a list is none.
    """
    found: list[Mapping[str, Any]] = []
    lists = [key for key in ("functionDeclarations", "function_declarations") if key in value]
    for key in lists:
        if not isinstance(value[key], list | tuple):
            raise InvalidTool(f"{key} must be a list of definitions, not {type(value[key]).__name__}")
        found += value[key]
    if lists and (others := [key for key in value if key not in lists and value[key] is not None]):
        raise _refusal("", others[0])
    return found if lists else [value]


def read_definition(definition: Mapping[str, Any]) -> Definition:
    """Read a definition of any vendor.

    Raises:
        InvalidTool: it is no function, has two schemas, or holds parameters where nobody knows them.
    """
    found = single_definitions(definition)
    if len(found) != 1 or not isinstance(found[0], Mapping):
        raise InvalidTool(f"a definition holds {len(found)} functions", hint="give them in a list of tools")
    wrapped = next((found[0][key] for key in ENVELOPES if isinstance(found[0].get(key), Mapping)), None)
    flat = found[0] if wrapped is None else wrapped
    name, description = flat.get("name", ""), flat.get("description")
    keys = [key for key in PARAMETERS if flat.get(key) is not None]
    if not keys and "name" not in flat and "properties" in flat:  # a JSON Schema whose title is the name
        name, keys = flat.get("title", ""), ["parameters"]
        flat = {"parameters": {key: flat[key] for key in flat if key not in ("title", "description")}}
    if not any(flat[key] for key in keys):
        _check_has_none(flat, str(name), None if keys or wrapped is not None else flat.get("type"))
    if len(keys) > 1:
        raise InvalidTool(f"tool {name!r} has both {keys[0]!r} and {keys[1]!r}", tool=str(name))
    parameters = read_parameters(flat[keys[0]], key=keys[0], tool=str(name)) if keys else {}
    return Definition(name, "" if description is None else description, parameters)


def _check_has_none(flat: Mapping[str, Any], name: str, kind: Any) -> None:
    """Refuse a tool without parameters that is run by its vendor's server, or whose parameters nobody found."""
    if kind not in ORDINARY or (kind == "custom" and name):
        hint = "only functions can be called: give its parameters, or leave it out"
        raise InvalidTool(f"tools of type {kind!r} are not supported", tool=name, hint=hint)
    for key, value in flat.items():
        objects = value if isinstance(value, list | tuple) else [value]
        if key not in (*NOT_PARAMETERS, *PARAMETERS) and any(isinstance(item, Mapping) for item in objects):
            raise _refusal(name, key)


def _refusal(name: str, key: str) -> InvalidTool:
    whose = f"tool {name!r}" if name else "a tool"
    return InvalidTool(
        f"{whose} has no parameters, but an unknown {key!r}",
        tool=name,
        hint='parameters stand under "parameters", as a JSON Schema',
    )


def read_parameters(value: Any, *, key: str, tool: str) -> Any:
    """Return the JSON Schema of parameters: as it is, or made from a list of them by name.

    Args:
        value: what stands under one of the keys of `PARAMETERS`; text is decoded.
        key: which.
        tool: the tool's name, for errors.

    Raises:
        InvalidTool: neither; names the parameter or key.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise InvalidTool(f"the parameters of tool {tool!r} are text, but not JSON", tool=tool) from error
    if inspect.isclass(value):
        return _of_model(value, tool)
    if isinstance(value, Mapping) and list(value) == ["json"] and key in ("inputSchema", "input_schema"):  # Bedrock
        value = value["json"]
    if isinstance(value, list | tuple):
        value = _by_name(value, tool)
    if not isinstance(value, Mapping):
        return value
    if _is_schema(value):
        _check_keys(value, f"tool {tool!r}", tool)
        return value
    names = value.get("required")
    given = {name: each for name, each in value.items() if name != "required" or not isinstance(names, list)}
    return _from_names(given, names, tool=tool, is_optional=key in OPTIONAL_UNLESS_SAID)


def _of_model(model: type[Any], tool: str) -> dict[str, Any]:
    from pydantic import BaseModel

    from edge_lam.tools.described import describe_model

    if not issubclass(model, BaseModel):
        raise InvalidTool(f"the parameters of tool {tool!r} are no pydantic model: {model.__name__}", tool=tool)
    return describe_model(model, tool=tool).parameters


def _by_name(parameters: Sequence[Any], tool: str) -> dict[str, Any]:
    """Return parameters by name that stand in a list, each with its "name"."""
    found: dict[str, Any] = {}
    for index, parameter in enumerate(parameters):
        name = parameter.get("name") if isinstance(parameter, Mapping) else None
        if not isinstance(name, str) or name in found:
            fault = f"names {name!r} twice" if isinstance(name, str) else "has no name"
            raise InvalidTool(f"parameter {index} of tool {tool!r} {fault}", tool=tool)
        found[name] = {key: each for key, each in parameter.items() if key != "name"}
    return found


def _is_schema(value: Mapping[str, Any]) -> bool:
    """Tell a JSON Schema from parameters by name, any of which may be called `type`, `items` or `properties`."""
    kind = value.get("type")
    if isinstance(kind, list) or _names_object(kind) or any(key in value for key in KEYWORDS):
        return True
    if value and all(_is_parameter(key, each) for key, each in value.items() if key != "required"):
        return False
    return not value or any(key in value for key in NAMES_OR_KEYWORDS)


def _names_object(kind: Any) -> bool:
    try:
        return isinstance(kind, str) and read_type(kind)[0].get("type") == "object"
    except UnknownTypeError:  # refused where the type is read
        return False


def _is_parameter(name: str, value: Any) -> bool:
    """Tell whether a value describes one parameter."""
    if not isinstance(value, Mapping):
        return False
    if not value:
        return name not in NAMES_OR_KEYWORDS
    return "default" in value or any(isinstance(value.get(key), str | list) for key in DESCRIBING)


def _check_keys(schema: Mapping[str, Any], what: str, tool: str) -> None:
    """Refuse parameters that stand beside `properties`, where no reader of JSON Schema looks for them."""
    for key, value in schema.items():
        is_schema = isinstance(value, Mapping) and ("properties" in value or isinstance(value.get("type"), str))
        if is_schema and not (key in KNOWN or str(key).startswith("x-")):
            hint = f'put {key!r} into "properties"'
            raise InvalidTool(f"{what}: {key!r} is no keyword of JSON Schema, but holds a schema", tool=tool, hint=hint)


def _from_names(parameters: Mapping[str, Any], names: Any, *, tool: str, is_optional: bool) -> dict[str, Any]:
    """Return the object schema of parameters by name.

    One is required unless its type says "optional", it may be null or has a default; where any says "required", those
    that don't are not.
    """
    is_optional |= isinstance(names, list) or any(
        isinstance(each, Mapping) and each.get("required") is True for each in parameters.values()
    )
    properties, required = {}, list(names) if isinstance(names, list) else []
    for name, parameter in parameters.items():
        schema, may_be_left_out = _parameter(parameter, f"parameter {name!r} of tool {tool!r}", tool)
        flag = parameter.get("required") if isinstance(parameter, Mapping) else None
        properties[name] = schema
        if name not in required and (flag is True or not (flag is False or may_be_left_out or is_optional)):
            required.append(name)
    return {"type": "object", "properties": properties, "required": required}


def _parameter(value: Any, what: str, tool: str) -> tuple[dict[str, Any], bool]:
    """Return the schema of one parameter, and whether it may be left out."""
    if isinstance(value, str):
        value = {"type": value}
    if not isinstance(value, Mapping):
        raise InvalidTool(f"{what} must be an object, not {type(value).__name__}", tool=tool)
    schema: dict[str, Any] = {}
    may_be_left_out = "default" in value or value.get("nullable") is True or value.get("optional") is True
    for key, each in value.items():
        if key == "type" and isinstance(each, str):
            try:
                kind, is_optional = read_type(each)
            except UnknownTypeError as error:
                hint = "such as str, int, float, bool, List[str], Dict[str, Any]"
                raise InvalidTool(f"{what} is of an unknown type {each!r}", tool=tool, hint=hint) from error
            schema |= {**kind, **{name: value[name] for name in kind if name in value and name != "type"}}
            may_be_left_out |= is_optional
        elif not (key in ("required", "optional") and isinstance(each, bool)) and key not in schema:
            schema[key] = each
    _check_keys(schema, what, tool)
    return schema, may_be_left_out


def definitions_in(value: Any) -> list[Any] | None:
    """Return the definitions in a decoded file: those of a list, or a single one; None if there are none.

    The list may be wrapped, as in the answer of an MCP server (``{"result": {"tools": [...]}}``).
    """
    if not isinstance(value, Mapping):
        return value if isinstance(value, list) else None
    for key in ("tools", "functions"):
        if isinstance(listed := value.get(key), list):
            return listed
    for key in ("result", "toolConfig"):
        if isinstance(value.get(key), Mapping) and (found := definitions_in(value[key])) is not None:
            return found
    is_definition = "name" in value or "properties" in value or any(key in value for key in ENVELOPES)
    return [value] if is_definition else None

"""Tools in every shape in which they lie around: read as their authors meant them, or refused by name."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel

from edge_lam.errors import InvalidRequest, InvalidTool
from edge_lam.tools import Tool, as_tools, load_tools

CITY = {"type": "string", "description": "Where"}
DAYS = {"type": "integer", "description": "How many"}
PARAMETERS = {"type": "object", "properties": {"city": CITY, "days": DAYS}, "required": ["city"]}
ABOUT = {"name": "forecast", "description": "Weather to come"}
MEANT = {**ABOUT, "parameters": PARAMETERS}


class Forecast(BaseModel):
    city: str
    days: int = 1


# Each says the same: a city, and if wanted the number of days.
SHAPES = {
    "OpenAI": {"type": "function", "function": {**ABOUT, "parameters": PARAMETERS}},
    "OpenAI, Responses": {"type": "function", **ABOUT, "parameters": PARAMETERS, "strict": True},
    "Anthropic": {"type": "custom", **ABOUT, "input_schema": PARAMETERS, "cache_control": {"type": "ephemeral"}},
    "MCP": {**ABOUT, "title": "Forecast", "inputSchema": PARAMETERS, "outputSchema": {"type": "object"}, "_meta": {}},
    "Bedrock": {"toolSpec": {**ABOUT, "inputSchema": {"json": PARAMETERS}}},
    "Gemini, of a schema": {**ABOUT, "parametersJsonSchema": PARAMETERS},
    "Gemini": {
        "functionDeclarations": [
            {
                **ABOUT,
                "parameters": {
                    "type": "OBJECT",
                    "properties": {"city": {**CITY, "type": "STRING"}, "days": {**DAYS, "type": "INTEGER"}},
                    "required": ["city"],
                },
            }
        ]
    },
    "LangChain": {**ABOUT, "args_schema": PARAMETERS},
    "LangChain, a schema with a title": {"title": "forecast", "description": "Weather to come", **PARAMETERS},
    "arguments": {**ABOUT, "arguments": PARAMETERS},
    "a schema as text": {**ABOUT, "parameters": json.dumps(PARAMETERS)},
    "types of Python": {
        **ABOUT,
        "parameters": {
            **PARAMETERS,
            "type": "dict",
            "properties": {"city": {**CITY, "type": "str"}, "days": {**DAYS, "type": "int"}},
        },
    },
    "xLAM": {**ABOUT, "parameters": {"city": {**CITY, "type": "str"}, "days": {**DAYS, "type": "int, optional"}}},
    "xLAM 1.0": {**ABOUT, "parameters": {"city": {**CITY, "required": True}, "days": {**DAYS, "required": False}}},
    "some say that they are required": {**ABOUT, "parameters": {"city": {**CITY, "required": True}, "days": DAYS}},
    "a list of names beside": {**ABOUT, "parameters": {"city": CITY, "days": DAYS, "required": ["city"]}},
    "Cohere": {
        **ABOUT,
        "parameter_definitions": {"city": {**CITY, "type": "str", "required": True}, "days": {**DAYS, "type": "int"}},
    },
    "a list": {**ABOUT, "parameters": [{"name": "city", **CITY}, {"name": "days", **DAYS, "required": False}]},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_every_shape_means_is_the_same(shape):
    assert [tool.definition() for tool in as_tools([SHAPES[shape]])] == [MEANT]


@pytest.mark.parametrize("shape", SHAPES)
def test_and_so_in_a_file(shape, tmp_path):
    path = tmp_path / "tools.json"
    for held in (SHAPES[shape], [SHAPES[shape]], {"tools": [SHAPES[shape]]}):
        path.write_text(json.dumps(held))
        assert [tool.definition() for tool in load_tools(path)] == [MEANT]


@pytest.mark.parametrize("key", ["parameters", "args", "inputs", "arguments", "input_parameters"])
def test_defaults_are_optional(key):
    parameters = {"city": {**CITY, "type": "str"}, "days": {**DAYS, "type": "int", "default": ""}}
    tool = Tool.from_schema({**ABOUT, key: parameters})
    assert tool.parameters["required"] == ["city"]
    assert tool.parameters["properties"]["days"] == {**DAYS, "default": ""}
    assert not tool.validate({"city": "Oslo"})
    assert tool.validate({"city": "Oslo", "days": "two"})


def test_smolagents_nullable_is_optional():
    inputs = {"city": CITY, "days": {**DAYS, "nullable": True}}
    assert Tool.from_schema({**ABOUT, "inputs": inputs, "output_type": "string"}).parameters["required"] == ["city"]


def test_a_pydantic_model_may_be_the_schema():
    assert Tool.from_schema({**ABOUT, "args_schema": Forecast}).parameters["required"] == ["city"]
    with pytest.raises(InvalidTool, match="no pydantic model: int"):
        Tool.from_schema({**ABOUT, "args_schema": int})


@pytest.mark.parametrize("name", ["type", "items", "properties", "required", "title", "description", "not", "enum"])
@pytest.mark.parametrize("kind", ["str", "List[str]", "object"])
def test_a_parameter_may_be_called_as_a_keyword_is(name, kind):
    flat = Tool.from_schema({"name": "f", "parameters": {name: {"type": kind, "description": "d"}}}).parameters
    assert (list(flat["properties"]), flat["required"]) == ([name], [name])
    schema = {"properties": {name: {"type": kind}}, "required": [name]}
    assert Tool.from_schema({"name": "f", "parameters": schema}).parameters["required"] == [name]


@pytest.mark.parametrize(
    "parameters",
    [
        *(None, {}, [], {"type": "object"}, {"properties": {}}, {"properties": {}, "required": []}),
        *({"type": "object", "properties": {}}, {"$schema": "s", "type": "object"}, {"title": "T", "type": "object"}),
    ],
)
def test_no_parameters(parameters):
    assert Tool.from_schema({"name": "f", "parameters": parameters}).parameters["properties"] == {}


def test_several_of_gemini_s_are_several():
    declared = {"function_declarations": [{"name": "a"}, {"name": "b", "parameters": PARAMETERS}]}
    assert [tool.name for tool in as_tools([declared, {"name": "c"}])] == ["a", "b", "c"]
    with pytest.raises(InvalidTool, match="holds 2 functions"):
        Tool.from_schema(declared)


def test_files_of_servers(tmp_path):
    path = tmp_path / "tools.json"
    for held in (
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [SHAPES["MCP"]]}},
        {"toolConfig": {"tools": [SHAPES["Bedrock"]]}},
        {"functions": [MEANT]},
        {"name": "a server", "tools": [MEANT]},
    ):
        path.write_text(json.dumps(held))
        assert [tool.definition() for tool in load_tools(path)] == [MEANT]


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"name": "f", "params_of_mine": PARAMETERS}, "tool 'f' has no parameters, but an unknown 'params_of_mine'"),
        ({"name": "f", "parameters": {}, "schema": PARAMETERS}, "tool 'f' has no parameters, but an unknown 'schema'"),
        ({"name": "f", "params": [{"name": "city"}]}, "an unknown 'params'"),
        ({"name": "f", "config": {"city": CITY}}, "an unknown 'config'"),
        ({"type": "bash_20250124", "name": "bash"}, "tools of type 'bash_20250124' are not supported"),
        ({"type": "web_search_20250305", "name": "w", "max_uses": 5}, "tools of type 'web_search_20250305' are not"),
        ({"type": "custom", "name": "run", "description": "Runs code"}, "tools of type 'custom' are not supported"),
        ({"type": "custom", "custom": {"name": "run"}}, "an unknown 'custom'"),
        ({"type": "code_interpreter"}, "tools of type 'code_interpreter' are not supported"),
        ({"type": "mcp", "server_label": "x", "server_url": "y"}, "tools of type 'mcp' are not supported"),
        ({"functionDeclarations": []}, "holds 0 functions"),
        ({"functionDeclarations": ["f"]}, "'f' is not a tool"),
        ({"googleSearch": {}}, "an unknown 'googleSearch'"),
        ({"cachePoint": {"type": "default"}}, "an unknown 'cachePoint'"),
        ({"functionDeclarations": [{"name": "a"}], "codeExecution": {}}, "an unknown 'codeExecution'"),
        ({"functionDeclarations": {"name": "a"}}, "functionDeclarations must be a list"),
        (
            {"name": "f", "parameters": {"type": "object", "city": CITY}},
            "'city' is no keyword",
        ),
        ({"name": "f", "parameters": {**PARAMETERS, "unit": CITY}}, "'unit' is no keyword of JSON Schema, but holds"),
        (
            {"name": "f", "parameters": {"city": {"type": "object", "zip": CITY}}},
            "parameter 'city' of tool 'f': 'zip' is",
        ),
        (
            {"name": "f", "parameters": {"city": {"type": "town"}}},
            "parameter 'city' of tool 'f' is of an unknown type 'town'",
        ),
        ({"name": "f", "parameters": {"city": "the city"}}, "parameter 'city' of tool 'f' is of an unknown type"),
        ({"name": "f", "parameters": {"city": 5}}, "parameter 'city' of tool 'f' must be an object, not int"),
        ({"name": "f", "parameters": [{"type": "str"}]}, "parameter 0 of tool 'f' has no name"),
        ({"name": "f", "parameters": [{"name": "a"}, {"name": "a"}]}, "parameter 1 of tool 'f' names 'a' twice"),
        ({"name": "f", "parameters": "{"}, "text, but not JSON"),
        ({"name": "f", "parameters": 5}, "must be an object, not int"),
        ({"name": "f", "arguments": {"city": "Oslo"}}, "unknown type 'Oslo'"),
        ({"function": {"parameters": PARAMETERS}}, "no name"),
        ({"name": "f", "parameters": PARAMETERS, "inputs": PARAMETERS}, "has both 'parameters' and 'inputs'"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(definition, message):
    with pytest.raises(InvalidRequest, match=message) as caught:
        as_tools([definition]) or Tool.from_schema(definition)
    assert isinstance(caught.value, InvalidTool)

"""Tools from definitions, in the forms of every vendor, and lists of tools of every kind."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from edge_lam.errors import InvalidCall, InvalidSchema, InvalidTool
from edge_lam.tools import Tool, as_tools


class Place(BaseModel):
    """A place on a map."""

    city: str


def get_weather(location: str) -> str:
    """Get the weather."""
    return location


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.mark.parametrize(
    "definition",
    [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": PARAMETERS}},
        {"function": {"name": "f", "description": "d", "parameters": PARAMETERS, "strict": True}},
        {"name": "f", "description": "d", "parameters": PARAMETERS},
        {"type": "function", "name": "f", "description": "d", "parameters": PARAMETERS},
        {"name": "f", "description": "d", "input_schema": PARAMETERS},
        {"name": "f", "description": "d", "inputSchema": PARAMETERS, "annotations": {"readOnlyHint": True}},
        {"name": "f", "description": "d", "parameters": {**PARAMETERS, "type": "dict"}},
    ],
)
def test_definitions_of_every_vendor_are_one(definition):
    assert Tool.from_schema(definition).definition() == {"name": "f", "description": "d", "parameters": PARAMETERS}


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({}, "no name"),
        ({"name": ""}, "no name"),
        ({"name": 3}, "no name"),
        ({"name": "has space"}, "bad tool name 'has space'"),
        ({"name": "x" * 129}, "bad tool name"),
        ({"name": "f\n"}, "bad tool name"),
        ({"name": "f", "description": ["d"]}, "description of tool 'f' is not text"),
        ({"type": "web_search"}, "tools of type 'web_search' are not supported"),
        ({"name": "f", "parameters": {}, "input_schema": {}}, "has both 'parameters' and 'input_schema'"),
        ("f", "must be an object, not str"),
    ],
)
def test_bad_definitions(definition, message):
    with pytest.raises(InvalidTool, match=message):
        Tool.from_schema(definition)


@pytest.mark.parametrize("name", ["f", "a.b-c_D9", "3d_render", "_x", "x" * 128])
def test_names_that_are_fine(name):
    assert Tool.from_schema({"name": name, "description": None}).definition() == {
        "name": name,
        "description": "",
        "parameters": {"type": "object", "properties": {}, "required": []},
    }


def test_definition_without_function_cannot_run_and_with_one_can():
    definition = {"name": "f", "parameters": PARAMETERS}
    with pytest.raises(InvalidTool, match="'f' has no function"):
        Tool.from_schema(definition).run({"city": "x"})
    tool = Tool.from_schema(definition, function=lambda city: city * 2)
    assert tool.run({"city": "x"}) == "xx"
    with pytest.raises(InvalidCall, match="f: /city: 5 is not of type 'string'") as caught:
        tool.run({"city": 5})
    assert caught.value.raw == '{"city": 5}'


def test_tool_does_not_share_the_caller_s_schema():
    parameters = {"type": "object", "properties": {"x": {"enum": [1]}}}
    tool = Tool("f", "", parameters)
    parameters["properties"]["x"]["enum"].append(2)
    assert tool.parameters["properties"]["x"]["enum"] == [1]


def test_as_tools_takes_every_kind_and_keeps_order():
    tool = Tool("t")
    tools = as_tools([get_weather, Place, {"name": "d", "parameters": PARAMETERS}, tool])
    assert [t.name for t in tools] == ["get_weather", "Place", "d", "t"]
    assert tools[3] is tool
    assert as_tools(None) == as_tools(()) == []


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ([Tool("f"), {"name": "f"}], "two tools are named 'f'"),
        ([3], "3 is not a tool"),
        ([int], "is not a tool"),
        ("file.py", "must be a list, not str"),
        ({"name": "f"}, "must be a list, not dict"),
        (5, "must be a list, not int"),
    ],
)
def test_as_tools_refuses(tools, message):
    with pytest.raises(InvalidTool, match=message):
        as_tools(tools)


def test_bad_schema_names_tool_and_path():
    with pytest.raises(InvalidSchema) as caught:
        Tool.from_schema({"name": "f", "parameters": {"properties": {"a/b": {"type": "text"}}}})
    assert (caught.value.tool, caught.value.path) == ("f", "/properties/a~1b/type")

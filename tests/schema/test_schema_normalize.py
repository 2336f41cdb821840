"""Normalizing parameter schemas, and closing them for a grammar."""

import copy

import pytest

from edge_lam.errors import InvalidSchema
from edge_lam.schema.normalize import closed, normalize_parameters
from edge_lam.tools import Tool


def test_leaderboard_dialect_becomes_json_schema():
    parameters = {
        "type": "dict",
        "properties": {
            "ratio": {"type": "float", "description": "r"},
            "pair": {"type": "tuple", "items": {"type": "float"}},
            "options": {"type": "dict", "properties": {"deep": {"type": "float"}}},
            "anything": {"type": "any", "description": "a"},
        },
        "required": ["ratio"],
    }
    assert normalize_parameters(parameters, tool="f") == {
        "type": "object",
        "properties": {
            "ratio": {"type": "number", "description": "r"},
            "pair": {"type": "array", "items": {"type": "number"}},
            "options": {"type": "object", "properties": {"deep": {"type": "number"}}},
            "anything": {"description": "a"},
        },
        "required": ["ratio"],
    }


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object"}, {"type": "dict", "properties": {}}])
def test_no_parameters(parameters):
    assert normalize_parameters(parameters, tool="f") == {"type": "object", "properties": {}, "required": []}


def test_key_order_is_kept_and_additional_properties_not_added():
    parameters = {
        "required": ["b"],
        "type": "object",
        "properties": {"b": {"description": "d", "type": "string"}, "a": {"enum": ["x"], "type": "string"}},
    }
    plain = normalize_parameters(parameters, tool="f")
    assert list(plain) == ["required", "type", "properties"]
    assert list(plain["properties"]) == ["b", "a"]
    assert list(plain["properties"]["b"]) == ["description", "type"]
    assert "additionalProperties" not in plain


def test_properties_may_be_named_like_keywords():
    names = ("type", "properties", "required", "items", "enum", "title", "description", "$ref", "default")
    parameters = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    assert normalize_parameters(parameters, tool="f")["properties"] == parameters["properties"]
    assert closed(normalize_parameters(parameters, tool="f"))["properties"] == parameters["properties"]


def test_old_tuples_become_prefix_items():
    parameters = {"properties": {"p": {"type": "array", "items": [{"type": "float"}, True]}}}
    plain = normalize_parameters(parameters, tool="f")
    assert plain["properties"]["p"] == {"type": "array", "prefixItems": [{"type": "number"}, True]}


@pytest.mark.parametrize(
    ("parameters", "path", "message"),
    [
        ([], "", "a schema must be an object, not an empty list"),
        ("object", "", "not str"),
        (True, "/type", "must be a schema of type object"),
        ({"type": "string"}, "/type", "must be a schema of type object"),
        ({"type": ["object", "null"]}, "/type", "must be a schema of type object"),
        ({"properties": []}, "/properties", "must be an object of schemas"),
        ({"properties": {"a": "string"}}, "/properties/a", "not str"),
        ({"properties": {"a": None}}, "/properties/a", "not null"),
        ({"properties": {"a": {"type": "strung"}}}, "/properties/a/type", "unknown type 'strung'"),
        ({"properties": {"a": {"type": ["string", 3]}}}, "/properties/a/type", "unknown type 3"),
        ({"properties": {"a": {"type": []}}}, "/properties/a/type", r"unknown type \[\]"),
        ({"properties": {"a": {"enum": []}}}, "/properties/a/enum", "at least one value"),
        ({"properties": {"a": {"enum": "x"}}}, "/properties/a/enum", "at least one value"),
        ({"properties": {"a": {"items": 3}}}, "/properties/a/items", "not int"),
        ({"properties": {"a": {"anyOf": []}}}, "/properties/a/anyOf", "must be a list of schemas"),
        ({"properties": {"a": {"anyOf": [{}, 1]}}}, "/properties/a/anyOf/1", "not int"),
        ({"properties": {"a": {"required": True}}}, "/properties/a/required", "a list of property names"),
        ({"properties": {"a": {}}, "required": ["a", "b"]}, "/required/1", "'b' is required but not among"),
        ({"properties": {"a": {}}, "required": ["b"], "additionalProperties": False}, "/required/0", "'b' is required"),
        ({"required": ["b"], "additionalProperties": False}, "/required/0", "'b' is required"),
        ({"dependencies": {"a": "b"}}, "/dependencies/a", "not str"),
        ({"dependencies": {"a": ["b", 1]}}, "/dependencies", "a schema or a list of property names"),
        ({"dependencies": {"a": {"items": {"type": "strung"}}}}, "/dependencies/a/items/type", "unknown type 'strung'"),
        ({"dependencies": ["a"]}, "/dependencies", "must be an object of schemas"),
        ({"properties": {"a": {"minimum": 5, "maximum": 1}}}, "/properties/a/minimum", "minimum 5 is above maximum 1"),
        ({"properties": {"a": {"description": 3}}}, "/properties/a/description", "must be text"),
        ({"properties": {"~/": {"type": "x"}}}, "/properties/~0~1/type", "unknown type"),
        ({"properties": {"a": {"const": {1}}}}, "", "is not JSON"),
    ],
)
def test_what_is_not_a_schema_is_refused_by_path(parameters, path, message):
    with pytest.raises(InvalidSchema, match=message) as caught:
        normalize_parameters(parameters, tool="f")
    assert caught.value.path == path
    assert caught.value.tool == "f"
    assert "'f'" in caught.value.message


def test_the_dialect_is_read_inside_of_dependencies_too():
    dependencies = {"a": {"properties": {"b": {"type": "float"}}}, "c": ["d"]}
    tool = Tool("f", "", {"properties": {"a": {}, "b": {}}, "dependencies": dependencies})
    assert tool.parameters["dependencies"] == {"a": {"properties": {"b": {"type": "number"}}}, "c": ["d"]}
    assert tool.validate({"a": 1, "b": 1.5}) == []
    assert [str(problem) for problem in tool.validate({"a": 1, "b": "x"})] == ["/b: 'x' is not of type 'number'"]


def test_deep_nesting_is_refused_not_a_crash():
    schema: dict = {"type": "string"}
    for _ in range(5000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(InvalidSchema, match="nested too deeply"):
        normalize_parameters({"properties": {"a": schema}}, tool="f")


def test_closed_shuts_objects_that_list_properties_and_drops_annotations():
    parameters = {
        "type": "object",
        "title": "T",
        "properties": {
            "title": {"type": "string", "description": "d", "default": "x"},
            "inner": {"type": "object", "properties": {"x": {"type": "integer"}}},
            "free": {"type": "object"},
            "open": {"type": "object", "properties": {"x": {}}, "additionalProperties": True},
        },
        "required": [],
    }
    before = copy.deepcopy(parameters)
    assert closed(parameters) == {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "inner": {"type": "object", "properties": {"x": {"type": "integer"}}, "additionalProperties": False},
            "free": {"type": "object"},
            "open": {"type": "object", "properties": {"x": {}}, "additionalProperties": True},
        },
        "required": [],
        "additionalProperties": False,
    }
    assert parameters == before


def test_closed_leaves_combined_objects_open():
    combined = {
        "type": "object",
        "properties": {"a": {"allOf": [{"properties": {"x": {}}}, {"properties": {"y": {}}}]}},
        "required": [],
    }
    assert closed(combined) == combined
    choice = {"type": "object", "properties": {}, "required": [], "anyOf": [{"properties": {"x": {}}}]}
    assert closed(choice)["anyOf"] == [{"properties": {"x": {}}, "additionalProperties": False}]
    assert "additionalProperties" not in closed(choice)

"""Normalizing parameter schemas: dialects, what generators write, what is no schema."""

import pytest

from edge_lam.schema.closing import closed
from edge_lam.schema.error import SchemaError
from edge_lam.schema.normalize import normalize_parameters
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
    assert normalize_parameters(parameters) == {
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
    assert normalize_parameters(parameters) == {"type": "object", "properties": {}, "required": []}


def test_key_order_is_kept_and_additional_properties_not_added():
    parameters = {
        "required": ["b"],
        "type": "object",
        "properties": {"b": {"description": "d", "type": "string"}, "a": {"enum": ["x"], "type": "string"}},
    }
    plain = normalize_parameters(parameters)
    assert list(plain) == ["required", "type", "properties"]
    assert list(plain["properties"]) == ["b", "a"]
    assert list(plain["properties"]["b"]) == ["description", "type"]
    assert "additionalProperties" not in plain


def test_properties_may_be_named_like_keywords():
    names = ("type", "properties", "required", "items", "enum", "title", "description", "$ref", "default")
    parameters = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    assert normalize_parameters(parameters)["properties"] == parameters["properties"]
    assert closed(normalize_parameters(parameters))["properties"] == parameters["properties"]


def test_old_tuples_become_prefix_items():
    parameters = {"properties": {"p": {"type": "array", "items": [{"type": "float"}, True]}}}
    plain = normalize_parameters(parameters)
    assert plain["properties"]["p"] == {"type": "array", "prefixItems": [{"type": "number"}, True]}


@pytest.mark.parametrize(
    ("parameters", "path", "message"),
    [
        ("object", "", "not str"),
        (True, "/type", "must be a schema of type object"),
        ({"type": "string"}, "/type", "must be a schema of type object"),
        ({"properties": {"a": "string"}}, "/properties/a", "not str"),
        ({"properties": {"a": None}}, "/properties/a", "not null"),
        ({"properties": {"a": {"type": "strung"}}}, "/properties/a/type", "unknown type 'strung'"),
        ({"properties": {"a": {"type": ["string", 3]}}}, "/properties/a/type", "unknown type 3"),
        ({"properties": {"a": {"enum": "x"}}}, "/properties/a/enum", "at least one value"),
        ({"properties": {"a": {"enum": []}}}, "/properties/a/enum", "at least one value"),
        ({"properties": {"a": {"items": 3}}}, "/properties/a/items", "not int"),
        ({"properties": {"a": {"anyOf": [{}, 1]}}}, "/properties/a/anyOf/1", "not int"),
        ({"properties": {"a": {"required": "x"}}}, "/properties/a/required", "a list of property names"),
        ({"properties": {"a": {"minimum": "5"}}}, "/properties/a/minimum", "must be a number"),
        ({"properties": {"a": {"minimum": 10**1000}}}, "/properties/a/minimum", "must be a number"),
        ({"properties": {"a": {"additionalProperties": "false"}}}, "/properties/a/additionalProperties", "not str"),
        ({"properties": [{"type": "string"}]}, "/properties", "must be an object of schemas"),
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
    with pytest.raises(SchemaError, match=message) as caught:
        normalize_parameters(parameters)
    assert caught.value.path == path


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
    with pytest.raises(SchemaError, match="nested too deeply"):
        normalize_parameters({"properties": {"a": schema}})


@pytest.mark.parametrize("each", [{}, {"type": "string"}, [[1] * 50] * 50])
def test_very_many_values_are_refused_before_each_is_looked_at(each):
    many = {"properties": {f"p{number}": {"default": each} for number in range(100_000)}}
    with pytest.raises(SchemaError, match="more than 100,000 values"):
        normalize_parameters(many)


@pytest.mark.parametrize("keyword", ["default", "enum", "examples", "x-unknown"])
@pytest.mark.parametrize("depth", [100, 250, 900])
def test_values_nested_deeply_are_refused_too(keyword, depth):
    value: list = []
    for _ in range(depth):
        value = [value]
    with pytest.raises(SchemaError, match="a value is nested too deeply"):
        normalize_parameters({"properties": {"a": {keyword: value}}})


@pytest.mark.parametrize(
    ("written", "read"),
    [
        # Go and pydantic dumps.
        ({"type": "string", "description": None, "enum": None, "format": None}, {"type": "string"}),
        ({"type": "integer", "minimum": None, "maximum": None, "multipleOf": None}, {"type": "integer"}),
        ({"type": "array", "items": None, "uniqueItems": None, "minItems": None}, {"type": "array"}),
        ({"type": "object", "properties": None, "additionalProperties": None, "required": None}, {"type": "object"}),
        ({"anyOf": None, "oneOf": None, "allOf": None, "not": None, "$ref": None, "title": None}, {}),
        ({"type": "string", "const": None}, {"type": "string"}),
        # PHP's arrays, and empty texts of forms.
        ({"type": [], "anyOf": [], "allOf": [], "prefixItems": []}, {}),
        ({"type": "object", "properties": [], "patternProperties": [], "$defs": []}, {"type": "object"}),
        ({"type": "object", "additionalProperties": []}, {"type": "object", "additionalProperties": {}}),
        ({"type": "array", "items": []}, {"type": "array", "items": {}}),
        ({"type": "object", "properties": {"x": []}}, {"type": "object", "properties": {"x": {}}}),
        ({"type": "", "format": "", "minLength": "", "additionalProperties": ""}, {}),
        ({"type": "object", "required": {}}, {"type": "object"}),
        # YAML, Gemini.
        ({"type": ["string", None]}, {"type": ["string", "null"]}),
        ({"type": "STRING"}, {"type": "string"}),
        ({"type": "TYPE_UNSPECIFIED"}, {}),
        # What may well be meant stays.
        ({"default": None, "const": None}, {"default": None, "const": None}),
        ({"type": ["string", "null"], "const": None}, {"type": ["string", "null"], "const": None}),
        ({"type": "string", "nullable": True, "const": None}, {"type": "string", "nullable": True, "const": None}),
        ({"enum": [None]}, {"enum": [None]}),
        ({"pattern": "", "title": "", "description": "", "x-any": None}, None),
        ({"type": "object", "properties": {}, "required": []}, None),
    ],
)
def test_what_generators_write_for_not_given_is_read_as_that(written, read):
    read = written if read is None else read
    for place in (lambda it: {"v": it}, lambda it: {"a": {"type": "array", "items": {"anyOf": [it, {"enum": [1]}]}}}):
        plain = normalize_parameters({"type": "object", "properties": place(written), "required": []})
        assert plain["properties"] == place(read)


@pytest.mark.parametrize(
    "parameters", [[], {"type": ["object"]}, {"type": ["object", "null"]}, {"type": "OBJECT", "properties": None}]
)
def test_other_spellings_of_no_parameters(parameters):
    plain = normalize_parameters(parameters)
    assert list(plain.items()) == [("type", "object"), ("properties", {}), ("required", [])]


def test_required_of_draft_3_is_that_of_the_object_around():
    part = {"type": "string", "required": True}
    properties = {
        "a": part,
        "b": {"type": "string", "required": False},
        "c": {"type": "object", "properties": {"d": part}},
    }
    plain = normalize_parameters({"properties": properties, "required": ["c", "a"]})
    assert plain["required"] == ["c", "a"]
    assert plain["properties"]["a"] == plain["properties"]["b"] == {"type": "string"}
    assert plain["properties"]["c"]["required"] == ["d"]
    assert normalize_parameters({"properties": {"a": part}, "required": True})["required"] == ["a"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"properties": {"a": {"type": "x" * 5000}}},
        {"properties": {"n" * 5000: {"type": "x\ny"}}},
        {"properties": {"a": {"required": ["b" * 5000], "properties": {}}}},
    ],
)
def test_what_is_wrong_is_said_in_one_line_that_can_be_read(parameters):
    with pytest.raises(SchemaError) as caught:
        normalize_parameters(parameters)
    assert len(str(caught.value)) < 320
    assert "\n" not in str(caught.value)

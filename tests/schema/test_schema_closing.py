"""Closing objects: unlisted properties are refused wherever nothing else is said, however an object is put together."""

from __future__ import annotations

import copy
import json

import pytest
from llguidance import LLMatcher, LLTokenizer

from edge_lam.schema.closing import MAX_COPIES, closed
from edge_lam.schema.compile import compile_schema
from edge_lam.schema.guidance import json_rule
from edge_lam.schema.normalize import normalize_parameters
from edge_lam.tools import Tool

BYTES = LLTokenizer("byte")
TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
A = {"type": "object", "properties": {"a": NUMBER}}
B = {"type": "object", "properties": {"b": TEXT}}
TREE = {"type": "object", "properties": {"a": NUMBER, "sub": {"$ref": "#/$defs/Tree"}}}
DEFS = {"A": A, "B": B, "Tree": TREE, "Color": {"type": "string", "enum": ["red", "blue"]}, "Open": {"type": "object"}}
DEFS["Holder"] = {"type": "object", "properties": {"f": {"$ref": "#/$defs/A"}}}
KIND = {"type": "object", "properties": {"k": TEXT}}


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


def compiled(schema):
    parameters = {"type": "object", "properties": {"v": schema}, "required": ["v"], "$defs": DEFS}
    return compile_schema(normalize_parameters(parameters))


def allows(grammar, value) -> bool:
    matcher = LLMatcher(BYTES, f"start: {json_rule(grammar)}", log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    text = json.dumps(value).encode()
    return matcher.try_consume_tokens(list(text)) == len(text) and matcher.is_accepting()


# Schema; what fits; what has a property that is not listed.
CLOSED = [
    ({"allOf": [A]}, [{"a": 1}], [{"x": 1}]),
    ({"allOf": [A, B]}, [{"a": 1, "b": "x"}, {}], [{"a": 1, "x": 1}]),
    ({"allOf": [{"$ref": "#/$defs/A"}, B]}, [{"a": 1, "b": "x"}], [{"a": 1, "b": "x", "c": 1}]),
    ({"allOf": [{"$ref": "#/$defs/A"}], "description": "d", "default": None}, [{"a": 1}], [{"b": "x"}]),
    ({"$ref": "#/$defs/A", "properties": {"b": TEXT}}, [{"b": "x"}, {"a": 1}], [{"x": 1}]),
    ({"$ref": "#/$defs/A", "required": ["a"]}, [{"a": 1}], [{"a": 1, "x": 1}]),
    ({"allOf": [{"$ref": "#/$defs/Tree"}, B]}, [{"a": 1, "sub": {"a": 1}, "b": "x"}], [{"sub": {"b": "x"}}]),
    ({"anyOf": [A, B]}, [{"a": 1}, {"b": "x"}], [{"a": 1, "b": "x"}, {"x": 1}]),
    (KIND | {"anyOf": [A, B]}, [{"k": "x", "a": 1}, {"k": "x", "b": "x"}], [{"a": 1, "b": "x"}, {"k": "x", "x": 1}]),
    (KIND | {"oneOf": [{**A, "required": ["a"]}, {**B, "required": ["b"]}]}, [{"k": "x", "a": 1}], [{"a": 1, "x": 1}]),
    (KIND | {"anyOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}]}, [{"k": "x", "b": "x"}], [{"a": 1, "b": "x"}]),
    (KIND | {"anyOf": [{**A, "required": ["a"]}, {"required": ["k"]}]}, [{"k": "x"}, {"a": 1}], [{"k": "x", "x": 1}]),
    ({"allOf": [KIND, {"anyOf": [A, B]}]}, [{"k": "x", "a": 1}], [{"a": 1, "b": "x"}, {"x": 1}]),
    (KIND | {"if": {"required": ["k"]}, "then": A, "else": B}, [{"k": "x", "a": 1}, {"b": "x"}], [{"k": "x", "x": 1}]),
    (KIND | {"dependentSchemas": {"k": A}}, [{"k": "x", "a": 1}], [{"k": "x", "x": 1}]),
    (KIND | {"dependentRequired": {"k": ["z"]}}, [{"k": "x", "z": 1}], [{"x": 1}]),
    (KIND | {"not": {"required": ["n"]}}, [{"k": "x"}], [{"n": 1}]),
    (KIND | {"allOf": [A], "unevaluatedProperties": False}, [{"k": "x", "a": 1}], [{"x": 1}]),
    ({"type": "array", "items": {"allOf": [A, B]}}, [[{"a": 1}]], [[{"x": 1}]]),
    # A property that several parts speak of takes what any of them lists.
    (
        {"allOf": [{"properties": {"f": A}}, {"properties": {"f": B}}]},
        [{"f": {"a": 1, "b": "x"}}],
        [{"f": {"a": 1, "x": 1}}],
    ),
    (
        {"properties": {"k": TEXT, "f": A}, "if": {"required": ["k"]}, "then": {"properties": {"f": B}}},
        [{"k": "x", "f": {"a": 1, "b": "x"}}],
        [{"k": "x", "f": {"x": 1}}],
    ),
    (
        {"$ref": "#/$defs/Holder", "properties": {"f": B}},
        [{"f": {"a": 1, "b": "x"}}],
        [{"f": {"x": 1}}, {"x": 1}],
    ),
    (
        {"allOf": [{"type": "array", "items": A}, {"items": B}]},
        [[{"a": 1, "b": "x"}]],
        [[{"x": 1}]],
    ),
    # One part closes itself: what its author wrote counts.
    ({"allOf": [A | {"additionalProperties": False}, B]}, [{"a": 1}], [{"b": "x"}, {"x": 1}]),
]
OPEN = [
    A | {"additionalProperties": True},
    {"allOf": [A | {"additionalProperties": True}, B]},
    {"allOf": [{"$ref": "#/$defs/A"}, {"additionalProperties": True}]},
    KIND | {"anyOf": [A | {"additionalProperties": {}}, B]},
    {"allOf": [A, {"patternProperties": {"^x": NUMBER}}]},
    A | {"unevaluatedProperties": True},
]


@pytest.mark.parametrize(("schema", "good", "bad"), CLOSED)
def test_an_object_of_several_parts_is_closed_over_all_of_them(schema, good, bad):
    found = compiled(schema)
    assert found.open == ()
    for value in good:
        assert allows(found.grammar, {"v": value}), value
        assert found.problems({"v": value}) == [], value
    for value in bad:
        assert not allows(found.grammar, {"v": value}), value
        assert found.problems({"v": value}), value


@pytest.mark.parametrize("schema", OPEN)
def test_what_its_author_opens_stays_open_and_is_told(schema):
    found = compiled(schema)
    assert found.open == ("/properties/v",)
    assert allows(found.grammar, {"v": {"x": 1}})
    assert found.problems({"v": {"x": 1}}) == []


@pytest.mark.parametrize("schema", [{"type": "object"}, {"$ref": "#/$defs/Open"}, {"anyOf": [{"type": "object"}, A]}])
def test_an_object_that_lists_nothing_takes_everything(schema):
    found = compiled(schema)
    assert allows(found.grammar, {"v": {"x": 1}})
    assert found.problems({"v": {"x": 1}}) == []


def test_one_combined_parameter_leaves_all_others_closed():
    combined = {"allOf": [{"$ref": "#/definitions/Color"}], "default": "red"}
    inner = {"type": "object", "properties": {"c": combined}}
    parameters = {"type": "object", "properties": {"q": TEXT, "f": inner}, "definitions": {"Color": DEFS["Color"]}}
    found = Tool("search", "", parameters).schema
    assert allows(found.grammar, {"q": "x", "f": {"c": "red"}})
    assert not allows(found.grammar, {"q": "x", "limit": 5})
    assert not allows(found.grammar, {"q": "x", "f": {"size": 42}})
    assert {support.how for support in found.support} == {"grammar"}


def test_tests_of_an_object_are_not_closed():
    condition = {"properties": {"k": {"const": "x"}}, "required": ["k"]}
    found = compiled(
        {"type": "object", "properties": {"k": TEXT, "n": NUMBER}, "if": condition, "then": {"required": ["n"]}}
    )
    assert found.check["properties"]["v"]["if"] == condition
    assert [problem.keyword for problem in found.problems({"v": {"k": "x"}})] == ["required"]
    assert found.problems({"v": {"k": "x", "n": 1}}) == []  # closed, the condition would not hold beside another one


def test_exactly_one_still_means_exactly_one():
    found = compiled({"oneOf": [{**A, "required": ["a"]}, {"required": ["a"]}]})
    assert [problem.keyword for problem in found.problems({"v": {"a": 1}})] == ["oneOf"]


def test_parts_that_multiply_end_and_stay_open():
    def twice(number: int) -> dict:
        reference = {"$ref": f"#/$defs/D{number + 1}"}
        return {"allOf": [reference, reference, {"properties": {f"p{number}": NUMBER}}]}

    tool = Tool(
        "t",
        "",
        {"properties": {"v": {"$ref": "#/$defs/D0"}}, "$defs": {f"D{n}": twice(n) for n in range(30)} | {"D30": B}},
    )
    assert MAX_COPIES < 2**30
    assert "/properties/v" in tool.schema.open


def test_parts_inside_of_parts_end_too():
    schema: dict = {}
    for _ in range(11):
        schema = {"allOf": [{"properties": {"f": schema}}, {"properties": {"f": schema}}]}
    assert Tool("t", "", {"properties": {"v": schema}}).schema.open
    wide = {"allOf": [{"properties": {f"p{number}": NUMBER}} for number in range(1000)]}
    assert Tool("t", "", {"properties": {"v": wide}}).schema.open


@pytest.mark.parametrize(
    "defs",
    [
        {"X": {"allOf": [{"$ref": "#/$defs/Y"}, A]}, "Y": {"anyOf": [{"$ref": "#/$defs/X"}, B]}},
        {"X": {"properties": {"a": {}}, "anyOf": [{"$ref": "#/$defs/X", "properties": {"c": {}}}, {}]}},
        {"X": {"properties": {"a": {}}, "$ref": "#/$defs/X"}},
        {"X": {"allOf": [A, {"properties": {"a": {"$ref": "#/$defs/X"}, "b": {"allOf": [{"$ref": "#/$defs/X"}, B]}}}]}},
    ],
)
def test_definitions_in_a_circle_do_not_hang(defs):
    v = {"allOf": [{"$ref": "#/$defs/X"}, {"properties": {"z": {}, "a": {"properties": {"y": {}}}}}]}
    assert Tool("t", "", {"properties": {"v": v}, "$defs": defs}).schema.check

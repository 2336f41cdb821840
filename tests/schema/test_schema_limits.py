"""Schemas that can't be enforced are refused by tool and path, quickly, and those that can are left alone."""

from __future__ import annotations

import pytest

from edge_lam.schema.closing import closed
from edge_lam.schema.error import SchemaError
from edge_lam.schema.limits import check_effort, first_error
from edge_lam.tools import Tool

ENDLESS = {"N": {"type": "object", "properties": {"n": {"$ref": "#/$defs/N"}}, "required": ["n"]}}
TREE = {
    "N": {
        "type": "object",
        "properties": {"left": {"$ref": "#/$defs/N"}, "right": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/N"}]}},
    }
}


def check(value: dict, *, required: bool = True, defs: dict | None = None) -> None:
    parameters = {"type": "object", "properties": {"v": value}, "required": ["v"] if required else []}
    tool = Tool("a.tool", "", parameters | ({"$defs": defs} if defs else {}))
    refuse(closed(tool.parameters))


def refuse(schema: dict) -> None:
    if found := first_error([{"type": "object"}, schema]):
        assert found[0] == 1
        raise found[1]


UNSATISFIABLE = [
    ({"type": "integer", "minimum": 5, "exclusiveMaximum": 5}, ""),
    ({"type": "integer", "minimum": 5, "maximum": 6, "multipleOf": 10}, ""),
    ({"type": "integer", "enum": ["a", "b"]}, ""),
    ({"type": "string", "const": 5}, ""),
    ({"type": "string", "pattern": "^a$", "minLength": 3}, ""),
    ({"allOf": [{"type": "string"}, {"type": "integer"}]}, ""),
    ({"type": "array", "items": {"type": "string", "pattern": "^a$", "minLength": 3}}, "/items"),
    (
        {"type": "object", "properties": {"x": {"type": "string", "enum": [1]}}},
        "/properties/x",
    ),
]


@pytest.mark.parametrize(("value", "path"), UNSATISFIABLE)
@pytest.mark.parametrize("required", [True, False])
def test_a_schema_that_nothing_fits_is_refused(value, path, required):
    with pytest.raises(SchemaError, match="nothing fits it") as caught:
        check(value, required=required)
    assert caught.value.path == f"/properties/v{path}"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("others", [False, {"type": "string", "pattern": "^a$", "minLength": 3}])
def test_an_optional_object_whose_required_property_nothing_fits_is_refused(others):
    value = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]}
    schema = {"type": "object", "properties": {"v": value | {"additionalProperties": others}}, "required": []}
    with pytest.raises(SchemaError, match="nothing fits it") as caught:
        refuse(schema | {"additionalProperties": False})
    assert caught.value.path.startswith("/properties/v")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"enum": [f"value {number}" for number in range(90_000)]}, "too big"),
        ({"type": "string", "minLength": 10**9}, "minLength 1,000,000,000"),
        ({"type": "string", "minLength": 10**400}, "minLength of that size"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 10**9}, "minItems"),
        ({"type": "string", "pattern": "(?<=x)y"}, "look-around"),
        ({"type": "string", "pattern": "["}, "."),
    ],
)
@pytest.mark.parametrize("required", [True, False])
def test_a_schema_beyond_the_limits_is_refused(value, says, required):
    with pytest.raises(SchemaError, match=says) as caught:
        check(value, required=required)
    assert caught.value.path == "/properties/v"


def test_a_schema_that_never_ends_is_refused():
    for value in ({"$ref": "#/$defs/N"}, {"type": "array", "items": {"$ref": "#/$defs/N"}, "minItems": 1}):
        for required in (True, False):
            with pytest.raises(SchemaError, match="without end"):
                check(value, required=required, defs=ENDLESS)
    with pytest.raises(SchemaError, match="without end"):
        check({"$ref": "#/$defs/A"}, defs={"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}})


def test_thousands_of_references_are_refused_at_once():
    chain = {f"N{number}": {"$ref": f"#/$defs/N{number + 1}"} for number in range(5000)} | {"N5000": {"type": "null"}}
    with pytest.raises(SchemaError, match="references"):
        check({"$ref": "#/$defs/N0"}, defs=chain)


@pytest.mark.parametrize(
    "value",
    [
        {"$ref": "#/$defs/N"},
        {"type": "array", "items": {"$ref": "#/$defs/N"}, "maxItems": 0},
        {"type": "array", "enum": [[], ["a"]]},
        {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 1}},
        {"type": "object", "properties": {"x": False, "y": {"type": "string"}}},
        {"type": "object", "additionalProperties": {"type": "number"}},
        {"anyOf": [{"type": "string", "maxLength": 10**9}, {"type": "null"}]},
        {"type": "integer", "minimum": -(2**62), "maximum": 2**62},
        {"enum": [1, "a", None, {"b": [True]}]},
        {"type": ["string", "null"], "format": "date-time"},
        {"type": "string", "pattern": r"^\+?[0-9 ()-]{7,20}$"},
        {},
    ],
)
@pytest.mark.parametrize("required", [True, False])
def test_a_sound_schema_is_left_alone(value, required):
    check(value, required=required, defs=TREE)


def test_effort_is_blamed_on_the_innermost_schema():
    bad, good = {"type": "string", "pattern": "BAD"}, {"type": "string", "pattern": "[a-z]"}
    schema = {"type": "object", "properties": {"a": good, "b": {"type": "array", "items": bad}}, "required": ["a"]}
    tried = []

    def exceeded_limit(grammar: str) -> str | None:
        tried.append(grammar)
        return "too many states" if "BAD" in grammar else None

    with pytest.raises(SchemaError, match="too many states") as caught:
        check_effort(schema, exceeded_limit)
    assert caught.value.path == "/properties/b/items"
    check_effort({"type": "object", "properties": {"a": good}}, exceeded_limit)
    assert len(tried) == 2
    check_effort({"type": "object", "properties": {"a": {"type": "string", "enum": ["BAD"]}}}, exceeded_limit)
    assert len(tried) == 2

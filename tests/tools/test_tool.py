"""Tools from functions and models, and running them."""

import dataclasses
import datetime
import enum
import sys
import typing
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field
from typing_extensions import Required, TypedDict

from edge_lam.errors import InvalidCall, InvalidTool
from edge_lam.tools import Tool


class Unit(enum.Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


@dataclasses.dataclass
class Place:
    city: str
    country: str = "FR"


class Node(BaseModel):
    """A node of a tree."""

    name: str
    children: list["Node"] = []


def total(*numbers: int) -> int:
    """Add numbers."""
    return sum(numbers)


def properties(function) -> dict[str, Any]:
    return Tool.from_function(function).parameters["properties"]


def get_weather(location: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """Get the current weather for a location.

    Slow in winter.

    Args:
        location: The city and state,
            e.g. San Francisco, CA
        unit (str): Unit of the temperature
    """
    return f"{location} {unit}"


def test_definition_is_what_models_are_trained_on():
    assert Tool.from_function(get_weather).definition() == {
        "name": "get_weather",
        "description": "Get the current weather for a location.",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                "unit": {
                    "type": "string",
                    "enum": ["celsius", "fahrenheit"],
                    "description": "Unit of the temperature",
                },
            },
            "required": ["location"],
        },
    }


def test_key_order_of_a_property_is_type_first_description_last():
    def f(unit: Annotated[Literal["a", "b"], Field(description="which")], tags: Annotated[list[str], "some tags"]): ...

    schemas = properties(f)
    assert list(schemas["unit"]) == ["type", "enum", "description"]
    assert list(schemas["tags"]) == ["type", "items", "description"]
    assert list(Tool.from_function(f).parameters) == ["type", "properties", "required"]


@pytest.mark.parametrize(
    ("annotation", "default", "schema"),
    [
        (int, 3, {"type": "integer"}),
        (float, 0.5, {"type": "number"}),
        (bool, False, {"type": "boolean"}),
        (int | None, None, {"type": "integer"}),
        (Optional[Literal["a", "b"]], None, {"type": "string", "enum": ["a", "b"]}),  # noqa: UP045
        (Literal["only"], "only", {"type": "string", "enum": ["only"]}),
        (Unit, Unit.CELSIUS, {"type": "string", "enum": ["celsius", "fahrenheit"]}),
        (Unit | None, None, {"type": "string", "enum": ["celsius", "fahrenheit"]}),
        (list[int], [], {"type": "array", "items": {"type": "integer"}}),
        (set[str], set(), {"type": "array", "items": {"type": "string"}}),
        (dict[str, int], {}, {"type": "object", "additionalProperties": {"type": "integer"}}),
        (
            dict[Unit, int],
            {},
            {
                "type": "object",
                "additionalProperties": {"type": "integer"},
                "propertyNames": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
        ),
        (int | str, 1, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (datetime.date, datetime.date(2024, 1, 1), {"type": "string", "format": "date"}),
        (Path, Path(), {"type": "string"}),
        (Any, None, {}),
        (Annotated[int, Field(ge=1, le=5)], 1, {"type": "integer", "maximum": 5, "minimum": 1}),
        (
            Place | None,
            None,
            {
                "type": "object",
                "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
                "required": ["city"],
            },
        ),
    ],
)
def test_types(annotation, default, schema):
    def f(x=default): ...

    f.__annotations__ = {"x": annotation}
    tool = Tool.from_function(f)
    assert tool.parameters == {"type": "object", "properties": {"x": schema}, "required": []}


def test_optional_without_default_is_required_and_keeps_null():
    def f(x: str | None): ...

    assert Tool.from_function(f).parameters["required"] == ["x"]
    assert properties(f)["x"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}


def test_recursive_model_keeps_its_definition_and_nothing_else():
    def f(tree: Node, place: Place): ...

    parameters = Tool.from_function(f).parameters
    assert parameters["properties"]["tree"] == {"$ref": "#/$defs/Node"}
    assert list(parameters["$defs"]) == ["Node"]
    assert Tool.from_model(Node).parameters["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}


def test_default_that_json_cannot_carry_is_no_warning():
    def f(x: Annotated[str, Field(description="x")] = object()): ...  # type: ignore[assignment]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert properties(f) == {"x": {"type": "string", "description": "x"}}


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: 1, "bad tool name '<lambda>'"),
        (len, "'obj' of 'len' is positional-only"),
        (total, r"'total' takes \*numbers"),
        (Place("x"), "is not a function"),
    ],
)
def test_functions_that_cannot_be_tools(function, message):
    with pytest.raises(InvalidTool, match=message):
        Tool.from_function(function)


def test_refused_parameters_are_named():
    class Bell:
        def ring(self, times: int) -> str: ...

    def untyped(city): ...
    def variadic(*cities: str): ...
    def keywords(**options: str): ...
    def positional(city: str, /): ...
    def unknown(city: str, other: "Nowhere"): ...  # noqa: F821
    def no_json(city: str, callback: Callable[[], int]): ...

    for function, message in [
        (untyped, r"parameter 'city' of 'untyped' has no type \(annotate it"),
        (Bell.ring, r"parameter 'self' of 'ring' has no type \(give the method of an object: x\.ring"),
        (variadic, r"'variadic' takes \*cities"),
        (keywords, r"'keywords' takes \*\*options"),
        (positional, "'city' of 'positional' is positional-only"),
        (unknown, "annotations of 'unknown' can't be read: name 'Nowhere'"),
        (no_json, "parameter 'callback' of 'no_json' has a type that JSON can't carry: Callable"),
    ]:
        with pytest.raises(InvalidTool, match=message) as caught:
            Tool.from_function(function)
        assert caught.value.tool == function.__name__
        assert caught.value.param == "tools"


def test_run_converts_what_json_cannot_say():
    def f(
        when: datetime.date, unit: Unit, place: Place, tags: set[str], schema: str = "kept", _under: int = 2
    ) -> dict[str, Any]:
        return locals()

    arguments = {"when": "2024-05-06", "unit": "celsius", "place": {"city": "Nice"}, "tags": ["a", "a"], "_under": 5}
    assert Tool.from_function(f).run(arguments) == {
        "when": datetime.date(2024, 5, 6),
        "unit": Unit.CELSIUS,
        "place": Place("Nice"),
        "tags": {"a"},
        "schema": "kept",
        "_under": 5,
    }


class Options(TypedDict, total=False):
    """Typed keys, some of which may be left out."""

    size: Annotated[int, Field(ge=1, le=9)]
    colour: Required[Literal["red", "blue"]]


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


@pytest.mark.parametrize(
    ("annotation", "schema", "argument", "value"),
    [
        (Options, None, {"size": 3, "colour": "red"}, {"size": 3, "colour": "red"}),
        (
            tuple[int, str],
            {"type": "array", "maxItems": 2, "minItems": 2, "prefixItems": [{"type": "integer"}, {"type": "string"}]},
            [1, "a"],
            (1, "a"),
        ),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}, [1, 2], (1, 2)),
        (Size, {"type": "integer", "enum": [1, 2]}, 2, Size.LARGE),
        (dict[int, Unit], None, {"1": "celsius"}, {1: Unit.CELSIUS}),
        (list[Place | Node], None, [{"city": "x"}, {"name": "y"}], [Place("x"), Node(name="y")]),
        (datetime.timedelta, {"type": "string", "format": "duration"}, "PT90S", datetime.timedelta(seconds=90)),
        (Annotated[str, Field(pattern="^[a-z]+$")], {"type": "string", "pattern": "^[a-z]+$"}, "ab", "ab"),
    ],
)
def test_what_a_call_can_carry_arrives_as_annotated(annotation, schema, argument, value):
    def f(x): ...

    f.__annotations__ = {"x": annotation}
    tool = Tool.from_function(f)
    if schema is not None:
        assert tool.parameters["properties"]["x"] == schema
    assert {verdict.how for verdict in tool.schema.support} == {"grammar"}
    assert tool.validate({"x": argument}) == []
    assert tool.convert({"x": argument}) == {"x": value}


def test_the_names_in_a_dict_may_be_those_of_an_enum():
    def f(limits: dict[Unit, int]): ...

    tool = Tool.from_function(f)
    assert tool.schema.refused is None
    assert tool.validate({"limits": {"celsius": 30}}) == []
    (problem,) = tool.validate({"limits": {"kelvin": 300}})
    assert problem.keyword == "enum"
    assert tool.convert({"limits": {"celsius": 30}}) == {"limits": {Unit.CELSIUS: 30}}


@pytest.mark.parametrize("argument", [{"size": 10, "colour": "red"}, {"size": 1}, {"colour": "green"}, 5])
def test_limits_inside_of_types_hold(argument):
    def f(options: Options) -> Options:
        return options

    tool = Tool.from_function(f)
    assert tool.validate({"options": argument})
    with pytest.raises(InvalidCall, match="f: options"):
        tool.run({"options": argument})


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pydantic takes it from 3.12 on")
def test_typed_dict_of_an_old_python_is_refused_with_advice():
    def f(x: typing.TypedDict("Old", {"a": int})): ...

    with pytest.raises(InvalidTool, match=r"parameter 'x' of 'f'.*typing_extensions"):
        Tool.from_function(f)

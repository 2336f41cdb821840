"""Tools from functions and models, and running them."""

import asyncio
import dataclasses
import datetime
import enum
import gc
import sys
import typing
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache, partial
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, Field
from typing_extensions import Required, TypedDict

import edge_lam
from edge_lam.errors import InvalidCall, InvalidTool
from edge_lam.tools import Tool, as_tools


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
        (print, r"'print' takes \*args"),
        (Place("x"), "is not a function"),
    ],
)
def test_functions_that_cannot_be_tools(function, message):
    with pytest.raises(InvalidTool, match=message):
        Tool.from_function(function)


def test_refused_parameters_are_named():
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


def test_functions_are_read_once_and_forgotten_with_their_last_user():
    def first(x: int) -> int:
        return x

    class Counter:
        def add(self, n: int) -> int:
            """Add."""
            return n

    counter = Counter()
    tool = Tool.from_function(first)
    assert Tool.from_function(first).convert == tool.convert
    assert Tool.from_function(first, name="other").parameters == tool.parameters
    assert Tool.from_function(counter.add).run({"n": 2}) == 2
    assert Tool.from_function(Counter().add).run({"n": 3}) == 3
    with pytest.raises(InvalidTool, match="'self' of 'add' has no type"):
        Tool.from_function(Counter.add)
    alive = [weakref.ref(one) for one in (first, counter, Counter)]
    del first, counter, Counter, tool
    gc.collect()
    assert [one() for one in alive] == [None, None, None]


def test_a_tool_may_be_changed_without_changing_the_next():
    tool = Tool.from_function(get_weather)
    tool.parameters["properties"].clear()
    assert "location" in Tool.from_function(get_weather).parameters["properties"]


def test_run_leaves_defaults_to_the_function():
    sentinel = object()

    def f(x: str = sentinel, y: int = Field(7)) -> tuple[Any, int]:  # type: ignore[assignment]
        return x, y

    result = Tool.from_function(f).run({})
    assert result[0] is sentinel
    assert result[1] == 7


def test_run_refuses_bad_arguments_in_one_line():
    tool = Tool.from_function(get_weather)
    with pytest.raises(InvalidCall, match="get_weather: location: Field required; unit: Input should be") as caught:
        tool.run({"unit": "kelvin"})
    assert caught.value.raw == '{"unit": "kelvin"}'
    assert "\n" not in caught.value.message
    with pytest.raises(InvalidCall, match="nope: Extra inputs are not permitted"):
        tool.run({"location": "x", "nope": 1})


def test_exceptions_of_the_function_pass_unchanged():
    class Model(BaseModel):
        x: int

    def fails(kind: str) -> None:
        if kind == "validation":
            Model.model_validate({})
        raise KeyError(kind)

    tool = Tool.from_function(fails)
    with pytest.raises(KeyError, match="other"):
        tool.run({"kind": "other"})
    with pytest.raises(ValueError, match="validation error for Model"):
        tool.run({"kind": "validation"})


def test_async_function_runs_to_its_end_but_not_inside_a_loop():
    async def slow(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    tool = Tool.from_function(slow)
    assert tool.run({"x": 1}) == 2

    async def inside():
        return tool.run({"x": 1})

    with pytest.raises(InvalidTool, match="'slow' is async"):
        asyncio.run(inside())


def test_method_is_a_tool_without_self():
    class Counter:
        def __init__(self) -> None:
            self.n = 0

        def add(self, n: int) -> int:
            """Add."""
            self.n += n
            return self.n

    counter = Counter()
    tool = Tool.from_function(counter.add)
    assert list(tool.parameters["properties"]) == ["n"]
    tool.run({"n": 2})
    assert tool.run({"n": 3}) == 5


class Lamp:
    """A lamp in a room."""

    def __init__(self) -> None:
        self.is_on = False

    def __call__(self, on: bool) -> str:
        """Turn a lamp on or off.

        Args:
            on: Whether it shall be on
        """
        self.is_on = on
        return f"on: {on}"


class Bell:
    """Ring the bell."""

    def __call__(self, times: int = 1) -> str:
        return self.ring(times)

    def ring(self, times: int) -> str:
        return "ding " * times


def convert(value: float, unit: str, digits: int = 2) -> str:
    """Convert a length.

    Args:
        value: In metres
        unit: To which unit
        digits: Behind the point
    """
    return f"{value:.{digits}f} {unit}"


def test_what_a_partial_has_bound_is_not_asked_for():
    tool = Tool.from_function(partial(partial(convert, unit="m"), digits=1))
    assert tool.definition() == {
        "name": "convert",
        "description": "Convert a length.",
        "parameters": {
            "type": "object",
            "properties": {"value": {"type": "number", "description": "In metres"}},
            "required": ["value"],
        },
    }
    assert tool.run({"value": 2}) == "2.0 m"
    with pytest.raises(InvalidCall, match="unit: Extra inputs"):
        tool.run({"value": 2, "unit": "km"})
    assert list(Tool.from_function(partial(convert, 5.0)).parameters["properties"]) == ["unit", "digits"]
    assert Tool.from_function(partial(Lamp(), on=True)).run({}) == "on: True"


def test_an_object_that_can_be_called_is_a_tool():
    lamp = Lamp()
    tool, bell = as_tools([lamp, Bell()])
    assert (tool.name, tool.description) == ("Lamp", "Turn a lamp on or off.")
    assert tool.parameters["properties"] == {"on": {"type": "boolean", "description": "Whether it shall be on"}}
    assert tool.run({"on": "yes"}) == "on: True"
    assert lamp.is_on
    assert (bell.name, bell.description, bell.run({"times": 2})) == ("Bell", "Ring the bell.", "ding ding ")


def test_a_cached_function_is_a_tool():
    tool = Tool.from_function(cache(convert))
    assert (tool.name, tool.description, tool.run({"value": 1, "unit": "m"})) == (
        "convert",
        "Convert a length.",
        "1.00 m",
    )


def test_the_decorator_makes_a_tool_that_can_still_be_called():
    @edge_lam.tool
    def double(number: int) -> int:
        """Double a number."""
        return 2 * number

    @edge_lam.tool(name="halve", description="Halve a number", timeout=3, repeatable=True)
    def half(number: int) -> float:
        return number / 2

    assert (double.name, double.description, double.run({"number": "4"}), double(4)) == (
        "double",
        "Double a number.",
        8,
        8,
    )
    assert (half.name, half.description, half.timeout, half.repeatable) == ("halve", "Halve a number", 3, True)
    assert half(number=3) == 1.5
    with pytest.raises(InvalidTool, match="'x' has no function"):
        Tool("x")()


def test_the_items_of_a_generator_are_returned():
    def count(up_to: int) -> Iterator[int]:
        yield from range(up_to)

    async def tick(times: int) -> AsyncIterator[str]:
        for _ in range(times):
            yield "tick"

    assert Tool.from_function(count).run({"up_to": 3}) == [0, 1, 2]
    assert Tool.from_function(tick).run({"times": 2}) == ["tick", "tick"]


def test_what_pydantic_cannot_check_is_refused_by_parameter():
    def look_ahead(name: str, password: Annotated[str, Field(pattern=r"^(?=.*\d).{8,}$")]): ...
    def in_the_default(name: str = "x", password: str = Field("y", pattern=r"(?<=a)b")): ...

    for function, message in [
        (look_ahead, "parameter 'password' of 'look_ahead' can't be checked: look-around"),
        (in_the_default, "parameter 'password' of 'in_the_default' can't be checked: look-around"),
        (max, "'max' does not say what it takes"),
    ]:
        with pytest.raises(InvalidTool, match=message):
            as_tools([function])


def test_model_is_a_tool_whose_result_is_the_instance():
    class Booking(BaseModel):
        """Book a table."""

        name: str = Field(description="Who")
        people: int = 2

    tool = Tool.from_model(Booking)
    assert tool.definition() == {
        "name": "Booking",
        "description": "Book a table.",
        "parameters": {
            "type": "object",
            "properties": {"name": {"type": "string", "description": "Who"}, "people": {"type": "integer"}},
            "required": ["name"],
        },
    }
    assert tool.run({"name": "Ada", "people": "3"}) == Booking(name="Ada", people=3)
    with pytest.raises(InvalidCall, match="Booking: name: Field required"):
        tool.run({})


def test_formats_that_the_grammar_holds_stay_in_the_schema_of_a_function():
    def reach(four: IPv4Address, six: IPv6Address, path: Path) -> None:
        """Reach a host."""

    tool = Tool.from_function(reach)
    formats = [part.get("format") for part in tool.parameters["properties"].values()]
    assert formats == ["ipv4", "ipv6", None]
    assert tool.check({"four": "1.2.3.4", "six": "::1", "path": "a"})["six"] == IPv6Address("::1")

"""What can be a tool beside a plain function: methods, partials, objects, generators, models."""

from collections.abc import AsyncIterator, Iterator
from functools import cache, partial
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import BaseModel, Field

import edge_lam
from edge_lam.errors import InvalidCall, InvalidTool
from edge_lam.tools import Tool, as_tools


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

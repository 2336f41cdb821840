"""Running tools: defaults, refusals, exceptions, and what is kept of a function."""

import asyncio
import gc
import weakref
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from edge_lam.errors import InvalidCall, InvalidTool
from edge_lam.tools import Tool


def get_weather(location: str, unit: Literal["celsius", "fahrenheit"] = "celsius") -> str:
    """Get the current weather for a location."""
    return f"{location} {unit}"


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

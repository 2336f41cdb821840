"""What every client is asked, and what an answer must be to count.

    python -m tests.serve.clients.scenario openai http://127.0.0.1:8080 tiny-lam

runs the scenario of one client, in the interpreter that has it, and prints a line of JSON for each request. Nothing
of edge-lam is read here, and of packages only pydantic, which every client brings.
"""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel

REQUESTS = ("answer", "required", "named", "none", "parallel", "streamed", "typed")

IN_OSLO = "what time is it in Oslo?"
IN_BOTH = "what time is it in Tokyo and in Oslo?"
HELLO = "hello"
SYSTEM = "You are a helpful assistant."
RESULT = json.dumps({"city": "Oslo", "time": "09:16"})

_CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
_NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
FUNCTIONS: list[dict[str, Any]] = [
    {"name": "get_time", "description": "Get the current time in a city or time zone.", "parameters": _CITY},
    {"name": "add_note", "description": "Save a note.", "parameters": _TEXT},
    {"name": "read_notes", "description": "Read all notes.", "parameters": _NOTHING},
]
TOOLS: list[dict[str, Any]] = [{"type": "function", "function": function} for function in FUNCTIONS]


class Place(BaseModel):
    """What a typed answer must be."""

    city: Literal["Oslo", "Lima"]
    rank: Literal[1, 2]


PLACE = Place.model_json_schema()

Call = tuple[str, Any]  # a tool's name, and its arguments


class Scenario(ABC):
    """One client's way to ask. A request that it has no way to ask raises `NotImplementedError` with the reason.

    Args:
        url: of the server, without a path.
        model: what it calls its model.
    """

    def __init__(self, url: str, model: str) -> None:
        self.url, self.model = url, model

    @abstractmethod
    def answer(self) -> None:
        """Ask with tools, send the result of the call, and get an answer that holds it."""

    @abstractmethod
    def required(self) -> None:
        """Require a call for a request that needs none."""

    @abstractmethod
    def named(self) -> None:
        """Require a call of one tool."""

    @abstractmethod
    def none(self) -> None:
        """Forbid calls for a request that needs one."""

    @abstractmethod
    def parallel(self) -> None:
        """Ask for what takes two calls of one reply."""

    @abstractmethod
    def streamed(self) -> None:
        """Ask for a stream of the same call as `answer`, and of a text; they add up to the whole ones."""

    @abstractmethod
    def typed(self) -> None:
        """Ask for an object of a type."""


def expect(is_so: object, said: object) -> None:
    """Refuse what came back, and show it.

    Raises:
        AssertionError: it is not so.
    """
    if not is_so:
        raise AssertionError(repr(said) if not isinstance(said, str) else said or "nothing came back")


def is_call_of_oslo(calls: Sequence[Call]) -> None:
    """Expect the one call that `IN_OSLO` asks for."""
    expect(list(calls) == [("get_time", {"city": "Oslo"})], f"calls: {list(calls)}")


def are_calls_of_both(calls: Sequence[Call], ids: Sequence[str]) -> None:
    """Expect the two calls that `IN_BOTH` asks for, each with an id of its own."""
    expect(list(calls) == [("get_time", {"city": "Tokyo"}), ("get_time", {"city": "Oslo"})], f"calls: {list(calls)}")
    expect(len({one for one in ids if one}) == len(calls), f"ids: {list(ids)}")


def are_calls(calls: Sequence[Call], *names: str) -> None:
    """Expect at least one call, of these tools alone (all if none is named), with arguments that fit."""
    expect(calls, "no call")
    known = {function["name"]: function["parameters"] for function in FUNCTIONS}
    for name, arguments in calls:
        expect(name in (names or known), f"a call of {name}")
        expect(isinstance(arguments, Mapping), f"arguments: {arguments!r}")
        wanted = known[name]["properties"]
        expect(set(arguments) == set(wanted), f"arguments: {arguments}")
        expect(all(isinstance(value, str) for value in arguments.values()), f"arguments: {arguments}")


def is_text(text: str | None, calls: Sequence[Call] = ()) -> None:
    """Expect a text and no call, nor one written as text."""
    expect(not calls, f"calls: {list(calls)}")
    expect(text and text.strip(), "no text")
    expect("get_time" not in str(text), f"a call as text: {text}")


def holds_result(text: object) -> None:
    """Expect an answer that tells what the tool returned."""
    expect("09:16" in str(text), f"the answer was {text!r}")


def is_place(value: object) -> None:
    """Expect a `Place`, or the JSON of one."""
    expect(isinstance(value, Place) or (isinstance(value, str) and Place.model_validate_json(value)), repr(value))


class Clock:
    """The tool that agents run: a function, and what it was called with."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get_time(self, city: str) -> str:
        """Get the current time in a city or time zone."""
        self.asked.append(city)
        return json.dumps({"city": city, "time": "09:16"})

    def was_asked(self, *cities: str) -> None:
        """Expect that it was called once for each of these cities, in any order, and not for others."""
        expect(sorted(self.asked) == sorted(cities), f"get_time was called for {self.asked}")


def outcome(scenario: Scenario, request: str) -> dict[str, str]:
    """Ask one request; gives it with "held", "broken" or "no way", and what was seen or why there is none."""
    try:
        getattr(scenario, request)()
    except NotImplementedError as reason:
        return {"request": request, "outcome": "no way", "seen": str(reason)}
    except Exception as error:
        traceback.print_exc()
        where = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
        return {"request": request, "outcome": "broken", "seen": f"{where}{error}"}
    return {"request": request, "outcome": "held", "seen": ""}


def main(client: str, url: str, model: str) -> None:
    """Run one client's scenario."""
    scenario: type[Scenario] = importlib.import_module(f"tests.serve.clients.{client}").Client
    for request in REQUESTS:
        print(json.dumps(outcome(scenario(url, model), request)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

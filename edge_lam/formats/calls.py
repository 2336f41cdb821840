"""Decoded JSON -> calls: the shapes in which models write a call, and what is wrong with one that can't be used.

In come values and the tools; out come `ToolCall` objects or `InvalidCall` errors, as values and as events. Knows
nothing of the text around them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge_lam.errors import InvalidCall
from edge_lam.formats.events import ArgumentsDelta, CallDropped, CallFinished, CallStarted, ParserEvent
from edge_lam.formats.json_text import decode
from edge_lam.tools import Tool, ToolCall

ARGUMENT_KEYS = ("arguments", "parameters")


class Calls:
    """The calls of one reply, as they are found.

    Attributes:
        found: those that can be used, in order.
        errors: what was meant as a call but can't be used.
        tools: what may be called, by name.

    Args:
        tools: what may be called.
        reply_id: the ids of the calls are made of it, so that the same reply has the same ids.
        emit: is given each event.
    """

    def __init__(self, tools: Sequence[Tool], reply_id: str, emit: Callable[[ParserEvent], object]) -> None:
        self.found: list[ToolCall] = []
        self.errors: list[InvalidCall] = []
        self.tools = {tool.name: tool for tool in tools}
        self._reply_id = reply_id
        self._emit = emit
        self._begun = 0
        self._open: CallStarted | None = None

    def start(self, name: str) -> CallStarted:
        """Begin a call whose arguments follow."""
        index = self._begun
        self._begun += 1
        digest = hashlib.sha256(f"{self._reply_id}/{index}".encode()).hexdigest()
        self._open = CallStarted(index, f"call_{digest[:32]}", name)
        self._emit(self._open)
        return self._open

    def add_arguments(self, text: str) -> None:
        """Take more of the arguments of the call that is open."""
        if self._open and text:
            self._emit(ArgumentsDelta(self._open.index, self._open.id, text))

    def finish(self, value: object, raw: str) -> None:
        """Take a decoded call, whether it was begun or comes whole.

        Args:
            value: ``{"name", "arguments"}``, or OpenAI's nested form; "parameters" may stand for "arguments".
            raw: the text it was decoded from, for errors.
        """
        read = read_call(value, raw, self.tools)
        if isinstance(read, InvalidCall):
            self.fail(read)
            return
        name, arguments = read
        call = self._open
        if call is None:
            call = self.start(name)
            self.add_arguments(json.dumps(arguments, ensure_ascii=False))
        self._open = None
        problems, tool = problems_of(name, arguments, self.tools), self.tools.get(name)
        self.found.append(ToolCall(call.id, name, arguments, problems, tool))
        self._emit(CallFinished(self.found[-1]))

    def fail(self, error: InvalidCall | None) -> None:
        """Give up the call that is open, if one is; without an error if the reply was cut off."""
        if self._open:
            self._emit(CallDropped(self._open.index, self._open.id, error))
            self._open = None
        if error:
            self.errors.append(error)


def is_call(value: object, tools: Mapping[str, Tool]) -> bool:
    """Tell whether a decoded value is meant as a call: it names a function and has arguments, or names a known tool.

    A tool definition that the model repeats has "parameters" too; its description gives it away.
    """
    function = _function(value)
    if not isinstance(function.get("name"), str) or ("description" in function and "arguments" not in function):
        return False
    return function["name"] in tools or any(key in function for key in ARGUMENT_KEYS)


def read_call(value: object, raw: str, tools: Mapping[str, Tool]) -> tuple[str, dict[str, Any]] | InvalidCall:
    """Return name and arguments of a decoded call, or the error that says why it can't be used."""
    function = _function(value)
    name = function.get("name")
    if not isinstance(name, str) or not name:
        return InvalidCall("a call names no tool", raw=raw)
    key = next((key for key in ARGUMENT_KEYS if key in function), None)
    arguments = function[key] if key else ""
    if isinstance(arguments, str) and arguments.strip():
        try:
            arguments = decode(arguments)
        except ValueError as error:
            return InvalidCall(f"the arguments of {name!r} are not JSON: {error}", raw=raw, tool=name)
    elif arguments == "":
        required = tools[name].parameters["required"] if name in tools else []
        if required:
            return InvalidCall(f"the call of {name!r} lacks the argument {required[0]!r}", raw=raw, tool=name)
        arguments = {}
    if not isinstance(arguments, dict):
        return InvalidCall(f"the arguments of {name!r} are {_kind(arguments)}, not an object", raw=raw, tool=name)
    return name, arguments


def problems_of(name: str, arguments: dict[str, Any], tools: Mapping[str, Tool]) -> tuple[str, ...]:
    """Return what of a call does not fit its tool; a call with problems is kept, and refused when it is to run."""
    if name not in tools:
        return (f"there is no tool {name!r}",)
    return tuple(map(str, tools[name].validate(arguments)))


def _function(value: object) -> Mapping[str, Any]:
    """Return the object that holds name and arguments; an empty one if there is none."""
    if not isinstance(value, dict):
        return {}
    nested = value.get("function")
    is_flat = "name" in value and "arguments" in value
    return nested if isinstance(nested, dict) and not is_flat else value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return "a list" if isinstance(value, list) else "a string" if isinstance(value, str) else "a number"

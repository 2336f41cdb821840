"""Decoded JSON -> calls: the shapes in which models write a call, and what is wrong with one that can't be used.

In come values and the tools; out come `ToolCall` objects or `InvalidCall` errors, as values and as events.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edge_lam.errors import InvalidCall
from edge_lam.formats.events import ArgumentsDelta, CallDropped, CallFinished, CallStarted, ParserEvent
from edge_lam.formats.json_text import decode
from edge_lam.formats.python_text import read_python
from edge_lam.tools import Tool, ToolCall

ARGUMENT_KEYS = ("arguments", "parameters")
NAME_KEYS = ("name", "tool_name", "tool", "function")  # the others are Cohere's, and what xLAM-2-1b was seen to write
OWN_KEYS = {"name", "arguments", "id", "type", "index"}


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


def is_call(value: object, tools: Mapping[str, Tool], *, in_fence: bool = False) -> bool:
    """Tell whether a decoded value is meant as a call: it names a known tool, or is spelled as nothing but a call is.

    Much JSON has a name and parameters. A tool definition that the model repeats has them too; its description gives it
    away.

    Args:
        value: as it was decoded.
        tools: what may be called, by name.
        in_fence: it stands between code fences, where JSON of any kind does.
    """
    function = _function(value)
    name = function.get("name")
    if not isinstance(name, str) or ("description" in function and "arguments" not in function):
        return False
    if name in tools or not isinstance(value, dict):
        return name in tools
    if "arguments" not in function:
        return value.get("type") == "function" and isinstance(value.get("function"), str) and "parameters" in value
    return not in_fence or (function.keys() <= OWN_KEYS and isinstance(function["arguments"], dict | str))


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
            arguments = decode_object(arguments)
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


def decode_object(text: str) -> Any:
    """Decode an object in JSON, its own keys once each, or in Python's spelling of it.

    Raises:
        ValueError: it is neither; says what is wrong with the JSON.
    """
    try:
        return decode(text, own_keys_once=True)
    except ValueError:
        if "'" not in text and "True" not in text and "False" not in text and "None" not in text:
            raise
        try:
            return read_python(text)
        except ValueError:  # neither: what is wrong with the JSON is the better hint
            pass
        raise


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
    if isinstance(nested, dict) and not is_flat:
        return nested
    key = next((key for key in NAME_KEYS if isinstance(value.get(key), str)), "name")
    return value if key == "name" else value | {"name": value[key]}


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return "a list" if isinstance(value, list) else "a string" if isinstance(value, str) else "a number"

"""Decoded JSON -> calls: the shapes in which models write a call, and what is wrong with one that can't be used.

In come values and the tools; out come `ToolCall` objects or `InvalidCall` errors, as values. Knows nothing of the text
around them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_lam.errors import InvalidCall
from edge_lam.formats.json_text import decode
from edge_lam.tools import Tool, ToolCall, new_call_id

ARGUMENT_KEYS = ("arguments", "parameters")


def is_call(value: object, tools: Mapping[str, Tool]) -> bool:
    """Tell whether a decoded value is meant as a call: it names a function and has arguments, or names a known tool.

    A tool definition that the model repeats has "parameters" too; its description gives it away.
    """
    function = _function(value)
    if not isinstance(function.get("name"), str) or ("description" in function and "arguments" not in function):
        return False
    return function["name"] in tools or any(key in function for key in ARGUMENT_KEYS)


def read_call(value: object, raw: str, tools: Mapping[str, Tool]) -> ToolCall | InvalidCall:
    """Make a call of a decoded value.

    Args:
        value: ``{"name", "arguments"}``, or OpenAI's nested form; "parameters" may stand for "arguments".
        raw: the text it was decoded from, for errors.
        tools: by name. An unknown name is kept; who runs the call has to refuse it.

    Returns:
        The call, or the error that says why it can't be used.
    """
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
    return ToolCall(new_call_id(), name, arguments)


def _function(value: object) -> Mapping[str, Any]:
    """Return the object that holds name and arguments; an empty one if there is none."""
    if not isinstance(value, dict):
        return {}
    nested = value.get("function")
    return nested if isinstance(nested, dict) else value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    return "a list" if isinstance(value, list) else "a string" if isinstance(value, str) else "a number"

"""Conversations with the reply that they should get, from a file: what calibrates and tests a model.

Each row is ``{"messages", "tools", "calls" and/or "text"}``, which docs/calibration.md describes, or of a data set that
`formats.rows` knows. In comes a path, out come `Example` objects. Knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam.formats.calls import problems_of
from edge_lam.formats.messages import normalize_call, normalize_messages
from edge_lam.formats.rows import ConversationRow, at_place, conversation_of, is_of_data_set, read_rows
from edge_lam.tools import Tool, ToolCall, as_tools

if TYPE_CHECKING:
    import os

KEYS = ("id", "messages", "tools", "calls", "text")


@dataclass(frozen=True)
class Example:
    """A conversation and its expected reply.

    Attributes:
        id: what the file calls it, else "line N".
        messages: up to the reply, as `normalize_messages` returns them.
        tools: what may be called.
        calls: those that the reply should make; none if it should make none.
        text: what it should say beside them, or None for any.
    """

    id: str
    messages: tuple[dict[str, Any], ...]
    tools: tuple[Tool, ...]
    calls: tuple[ToolCall, ...]
    text: str | None

    def is_met(self, calls: Sequence[ToolCall]) -> bool:
        """Tell whether a reply makes exactly the expected calls. See `same_calls`."""
        return same_calls(calls, self.calls)


def same_calls(one: Iterable[ToolCall], other: Iterable[ToolCall]) -> bool:
    """Tell whether two replies make the same calls, in any order.

    Names and arguments count as JSON: 26 is 26.0, but true is not 1, and the order of keys is of no account.
    """
    return _essence(one) == _essence(other)


def _essence(calls: Iterable[ToolCall]) -> list[str]:
    return sorted(json.dumps([call.name, _plain(call.arguments)], sort_keys=True) for call in calls)


def _plain(value: Any) -> Any:
    """Return a value in which whole numbers are integers."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def read_examples(
    path: str | os.PathLike[str],
    tools: Sequence[Tool] = (),
    *,
    on_wrong: Callable[[InvalidRequest], object] | None = None,
) -> list[Example]:
    """Read a file.

    Args:
        path: JSON, one object a line or a list of objects: our own, or rows of the data sets of `formats.rows`.
        tools: for the rows that bring none.
        on_wrong: hears of each row of a data set that can't be used, and reading goes on; by default it is an error, as
            it is with our own.

    Raises:
        InvalidRequest: it can't be read, holds nothing, or has a row that is wrong; names row and field.
    """
    known: dict[str, tuple[Tool, ...]] = {}

    def read(place: str, value: Any) -> list[Example]:
        try:
            return examples_of(value, place, tools, known)
        except InvalidRequest as error:
            if on_wrong is None or not is_of_data_set(value):
                raise
            on_wrong(error)
            return []

    rows = read_rows(path, param="calls", own_keys_once=True)
    found = [example for place, value in rows for example in read(place, value)]
    if not found:
        raise InvalidRequest(f"{path} holds no conversations", param="calls")
    return found


def examples_of(
    value: Any, place: str, tools: Sequence[Tool], known: dict[str, tuple[Tool, ...]], *, every_reply: bool = False
) -> list[Example]:
    """Return the examples in a row: one, or of a conversation of a data set one for each reply that makes calls.

    Args:
        value: the row as `read_rows` gives it.
        place: where it stands.
        tools: for a row that brings none.
        known: tools of the rows before, by their definitions; is added to.
        every_reply: whether replies in text are examples beside those that make calls.

    Raises:
        InvalidRequest: a field is wrong; names place and field.
    """
    if isinstance(value, InvalidRequest):
        raise value
    name = place.rpartition(", ")[2]
    try:
        row = conversation_of(value) if isinstance(value, Mapping) else None
        if row is None:
            return [_own(value, name, tools, known)]
        return _of_conversation(row, name, tools, known, every_reply=every_reply)
    except EdgeLamError as error:
        raise at_place(place, error, "calls") from error


def _of_conversation(
    row: ConversationRow, name: str, tools: Sequence[Tool], known: dict[str, tuple[Tool, ...]], *, every_reply: bool
) -> list[Example]:
    messages = normalize_messages(row.messages)
    called = _tools(row.tools, known) if row.tools else tuple(tools)
    replies = [index for index, message in enumerate(messages) if index and message["role"] == "assistant"]
    expected = replies if every_reply else [index for index in replies if messages[index].get("tool_calls")]
    expected = expected or replies[-1:]
    if not expected:
        raise InvalidRequest("there is no reply of the assistant")
    name = row.name or name
    return [
        Example(
            name if len(expected) == 1 else f"{name}, message {index}",
            tuple(messages[:index]),
            called,
            _calls(messages[index].get("tool_calls", ()), f"messages[{index}].tool_calls", called),
            messages[index]["content"] or None,
        )
        for index in expected
    ]


def _own(value: object, place: str, tools: Sequence[Tool], known: dict[str, tuple[Tool, ...]]) -> Example:
    """Return the example that an object of our own describes."""
    if not isinstance(value, dict):
        raise InvalidRequest("it must be an object with messages, tools and calls")
    if unknown := [key for key in value if key not in KEYS]:
        raise InvalidRequest(f"unknown field {unknown[0]!r}", hint=f"known fields: {', '.join(KEYS)}")
    if "messages" not in value:
        raise InvalidRequest("the field 'messages' is missing")
    name = value.get("id", place)
    if not isinstance(name, str) or not name:
        raise InvalidRequest("id must be text")
    called = _tools(value["tools"], known) if "tools" in value else tuple(tools)
    messages = normalize_messages(value["messages"])
    if "calls" not in value and "text" not in value:
        reply = _last_reply(messages)
        calls, text = _calls(reply.get("tool_calls", ()), "messages[-1].tool_calls", called), reply["content"] or None
    else:
        calls, text = _calls(value.get("calls", ()), "calls", called), _text(value.get("text"))
    if messages[-1]["role"] == "assistant":
        raise InvalidRequest("messages end with a reply", hint="leave it out: calls and text say what it should be")
    return Example(name, tuple(messages), called, calls, text)


def _last_reply(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Take the reply off messages that end with it, as files for training have it."""
    if len(messages) < 2 or messages[-1]["role"] != "assistant":
        raise InvalidRequest(
            "there is no expected reply", hint='give "calls" or "text", or end messages with the assistant\'s'
        )
    return messages.pop()


def _tools(value: object, known: dict[str, tuple[Tool, ...]]) -> tuple[Tool, ...]:
    """Return tools; definitions that stand in many lines are read once."""
    if not isinstance(value, list):
        raise InvalidRequest("tools must be a list of definitions")
    text = json.dumps(value)
    if text not in known:
        known[text] = tuple(as_tools(value))
    return known[text]


def _calls(value: object, field: str, tools: Sequence[Tool]) -> tuple[ToolCall, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidRequest(f"{field} must be a list of calls")
    by_name = {tool.name: tool for tool in tools}
    calls = []
    for index, item in enumerate(value):
        call = normalize_call(item, f"{field}[{index}]")
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        if problems := problems_of(name, arguments, by_name):
            raise InvalidRequest(f"{field}[{index}]: {problems[0]}")
        calls.append(ToolCall(call["id"], name, arguments))
    return tuple(calls)


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidRequest("text must be text")
    return value

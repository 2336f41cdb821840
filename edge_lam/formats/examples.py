"""Conversations with the reply that they should get, from a JSONL file: what calibrates and tests a model.

Each line is ``{"messages", "tools", "calls" and/or "text"}``; docs/calibration.md describes it. In comes a path, out
come `Example` objects. Knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam.formats.calls import problems_of
from edge_lam.formats.json_text import decode
from edge_lam.formats.messages import normalize_call, normalize_messages
from edge_lam.tools import Tool, ToolCall, as_tools

if TYPE_CHECKING:
    import os

KEYS = ("id", "messages", "tools", "calls", "text")
LONGEST_LINE = 2**24  # bytes


@dataclass(frozen=True)
class Example:
    """A conversation and its expected reply.

    Attributes:
        id: what the file calls it, else "line N".
        messages: up to the reply, as `normalize_messages` returns them.
        tools: what may be called.
        calls: those that the reply should make; none if it should make none.
        text: what it should say beside them, or None if that is not told.
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


def read_examples(path: str | os.PathLike[str], tools: Sequence[Tool] = ()) -> list[Example]:
    """Read a file.

    Args:
        path: JSON, one object a line.
        tools: for the lines that bring none.

    Raises:
        InvalidRequest: it can't be read, holds nothing, or has a line that is wrong; names line and field.
    """
    file = Path(path)
    known: dict[str, tuple[Tool, ...]] = {}

    def read(number: int, line: str) -> Example:
        try:
            return example_of(decode(line, own_keys_once=True), f"line {number}", tools, known)
        except (EdgeLamError, ValueError) as error:
            raise wrong_line(file, number, error) from error

    examples = [read(number, line) for number, line in numbered_lines(file)]
    if not examples:
        raise InvalidRequest(f"{file} holds no conversations", param="calls")
    return examples


def wrong_line(path: Path, number: int, error: EdgeLamError | ValueError) -> InvalidRequest:
    """Return the error that says which line of a file is wrong, and how."""
    if isinstance(error, EdgeLamError):
        return InvalidRequest(f"{path}, line {number}: {error.message}", hint=error.hint, param="calls")
    return InvalidRequest(f"{path}, line {number} is not JSON: {error}", param="calls")


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that are not empty, with their numbers.

    Raises:
        InvalidRequest: it can't be read, a line is too long, or it is no text.
    """
    number = 0
    try:
        with path.open("rb") as file:
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise InvalidRequest(f"{path}, line {number} is longer than {LONGEST_LINE:,} bytes", param="calls")
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if text:
                    yield number, text
    except FileNotFoundError as error:
        raise InvalidRequest(f"no such file: {path}", param="calls") from error
    except OSError as error:
        raise InvalidRequest(f"{path} can't be read: {error.strerror or error}", param="calls") from error
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{path}, line {number} is not UTF-8 text", param="calls") from error


def example_of(value: object, place: str, tools: Sequence[Tool], known: dict[str, tuple[Tool, ...]]) -> Example:
    """Return the example that a line describes.

    Args:
        value: the line, read.
        place: its name if it has none, such as "line 3".
        tools: for a line that brings none.
        known: tools of the lines before, by their definitions; is added to.

    Raises:
        InvalidRequest, InvalidTool: a field is wrong; names it.
    """
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

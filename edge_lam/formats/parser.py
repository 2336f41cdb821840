"""A model's whole reply -> text, calls and errors.

In comes what the model wrote, constrained or not; out comes what can be used of it. Calls are looked for where models
put them: a bare array or object at the start, code fences, ``[TOOL_CALLS]``, ``<tool_call>`` blocks. Never raises, and
reads each character a fixed number of times. Knows nothing of tokens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from edge_lam.errors import InvalidCall
from edge_lam.formats.calls import is_call, read_call
from edge_lam.formats.json_text import Extent, decode, measure
from edge_lam.tools import Tool, ToolCall

THINKING = re.compile(r"\s*<think>")
START = re.compile(r"[ \t\r\n]*(?=[\[{])(?!\[TOOL_CALLS\])")
BETWEEN = re.compile(r"[ \t\r\n;,]*(?=[\[{])")  # what may stand between two calls that follow each other
MARKER = re.compile(r"(?P<block><tool_call>)\s*|(?P<array>\[TOOL_CALLS\])\s*|(?P<fence>```)\w*\s*(?=[\[{])")
MARKER_OR_ARRAY = re.compile(rf"{MARKER.pattern}|(?P<prose>)\[(?=\s*\{{)")
BLOCK_END = "</tool_call>"
AFTER_BLOCK = re.compile(rf"\s*{BLOCK_END}")
AFTER_FENCE = re.compile(r"\s*```")
# A call that can't be decoded, or was cut off, is told from prose and other JSON by its first key.
BROKEN_CALL = re.compile(r'\[?\s*\{\s*"(?:name|arguments|parameters|function|type|id|tool_calls|thought)"\s*:')
CUT_ARRAY = re.compile(r"\[\s*(?:\{|\Z)")


@dataclass(frozen=True)
class ParsedReply:
    """What a reply holds.

    Attributes:
        text: what is meant for the user.
        calls: in the order in which they were written.
        errors: what was meant as a call but can't be used, with its raw text.
        thinking: the content of a leading ``<think>`` block.
        raw: the whole reply.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    errors: tuple[InvalidCall, ...] = ()
    thinking: str = ""
    raw: str = ""


def parse_reply(
    text: str, tools: Sequence[Tool], *, complete: bool = True, calls_in_prose: bool = False
) -> ParsedReply:
    """Read a reply.

    Args:
        text: everything the model wrote, without the end of turn.
        tools: what could be called; without any, the reply is text.
        complete: False if the reply was cut off; a call that is not whole is then dropped without an error.
        calls_in_prose: also read an array that follows prose without a marker.
    """
    thinking, body = _split_thinking(text)
    if not tools:
        return ParsedReply(body, thinking=thinking, raw=text)
    reader = _Reader(body, {tool.name: tool for tool in tools}, complete, calls_in_prose)
    reader.read()
    if not reader.consumed:
        return ParsedReply(body, thinking=thinking, raw=text)
    prose = "".join(reader.prose).strip()
    return ParsedReply(prose, tuple(reader.calls), tuple(reader.errors), thinking, text)


def _split_thinking(text: str) -> tuple[str, str]:
    opening = THINKING.match(text)
    if not opening:
        return "", text
    thinking, _, body = text[opening.end() :].partition("</think>")
    return thinking.strip(), body.lstrip()


@dataclass
class _Reader:
    """One pass over a reply, from left to right.

    Attributes:
        prose: the text outside of calls, in pieces.
        consumed: whether anything was taken out of the text.
        open_ended: a value that is no call has no end, so the values behind it can't be told apart without a marker.
    """

    body: str
    tools: dict[str, Tool]
    complete: bool
    calls_in_prose: bool
    calls: list[ToolCall] = field(default_factory=list)
    errors: list[InvalidCall] = field(default_factory=list)
    prose: list[str] = field(default_factory=list)
    consumed: bool = False
    open_ended: bool = False

    def read(self) -> None:
        marker_pattern = MARKER_OR_ARRAY if self.calls_in_prose else MARKER
        position = search = 0
        if start := START.match(self.body):
            search, taken = self._values(start.end(), marked=False)
            position = search if taken else 0
        while marker := marker_pattern.search(self.body, search):
            before = len(self.prose)
            search, taken = self._marked(marker)
            if taken:
                self.prose.insert(before, self.body[position : marker.start()])
                position = search
        self.prose.append(self.body[position:])

    def _marked(self, marker: re.Match[str]) -> tuple[int, bool]:
        """Read what follows a marker; return where to go on and whether it was taken as calls."""
        kind, start = marker.lastgroup, marker.end()
        if kind == "block":
            return self._block(start)
        if kind == "array":
            return self._values(start, marked=True) if self._opens(start) else (start, False)
        if self.open_ended:
            return start, False
        if kind == "prose":
            return self._values(marker.start(), marked=False)
        end, taken = self._values(start, marked=False)
        closing = AFTER_FENCE.match(self.body, end) if taken else None
        return (closing.end() if closing else end), taken

    def _block(self, start: int) -> tuple[int, bool]:
        if self._opens(start):
            end, _ = self._values(start, marked=True)
            closing = AFTER_BLOCK.match(self.body, end)
            return (closing.end() if closing else end), True
        if start > self._last_block_end:
            return start, False
        end = self.body.index(BLOCK_END, start)
        self.errors.append(InvalidCall("a <tool_call> block holds no JSON", raw=self.body[start:end].strip()))
        self.consumed = True
        return end + len(BLOCK_END), True

    @cached_property
    def _whole(self) -> str:
        return self.body.strip()

    @cached_property
    def _last_block_end(self) -> int:
        return self.body.rfind(BLOCK_END)

    def _opens(self, position: int) -> bool:
        return self.body[position : position + 1] in ("[", "{")

    def _values(self, position: int, *, marked: bool) -> tuple[int, bool]:
        """Read the values that follow each other from `position` on, up to the first that is no call.

        Returns:
            Where to go on, and whether at least one value was taken.
        """
        end, taken = position, False
        while True:
            extent = measure(self.body, position)
            if extent.end is None:
                if self._cut_off(position, extent, marked):
                    return len(self.body), True
                self.open_ended = True
                return end, taken
            if not self._value(position, extent, marked):
                return (end if taken else extent.end), taken
            self.consumed = taken = True
            end = extent.end
            between = BETWEEN.match(self.body, end)
            if not between:
                return end, True
            position, marked = between.end(), False

    def _value(self, start: int, extent: Extent, marked: bool) -> bool:
        """Take the calls of one whole value; return False if it holds none and is text."""
        raw = self.body[start : extent.end]
        try:
            value = decode(raw)
        except ValueError as error:
            if not marked and not BROKEN_CALL.match(raw):
                return False
            if not self._members(extent):
                self.errors.append(InvalidCall(f"a call is not JSON: {error}", raw=raw))
            return True
        items = value if isinstance(value, list) else [value]
        if isinstance(value, dict) and "tool_calls" in value:
            items, marked = self._wrapped(value), True
        elif not items and not marked:
            return self._whole == raw
        if not marked and not any(is_call(item, self.tools) for item in items):
            return False
        for item in items:
            self._add(read_call(item, raw, self.tools))
        return True

    def _wrapped(self, value: dict[str, Any]) -> list[Any]:
        """Return the calls of ``{"thought": …, "tool_calls": […]}``; the thought is text for the user."""
        if isinstance(value.get("thought"), str):
            self.prose.append(value["thought"])
        calls = value["tool_calls"] or []
        return calls if isinstance(calls, list) else [calls]

    def _cut_off(self, start: int, extent: Extent, marked: bool) -> bool:
        """Take the whole calls of a value that the text ends inside; return False if it is text."""
        looks_cut = not self.complete and CUT_ARRAY.match(self.body, start)
        if not (marked or looks_cut or BROKEN_CALL.match(self.body, start)):
            return False
        self._members(extent)
        if self.complete:
            self.errors.append(InvalidCall("the reply ends inside a call", raw=self.body[start:]))
        self.consumed = True
        return True

    def _members(self, extent: Extent) -> bool:
        """Take the objects of an array that can't be decoded as a whole, each by itself."""
        for start, end in extent.members:
            raw = self.body[start:end]
            try:
                self._add(read_call(decode(raw), raw, self.tools))
            except ValueError as error:
                self.errors.append(InvalidCall(f"a call is not JSON: {error}", raw=raw))
        return bool(extent.members)

    def _add(self, call: ToolCall | InvalidCall) -> None:
        if isinstance(call, ToolCall):
            self.calls.append(call)
        else:
            self.errors.append(call)

"""One bracketed value of a reply, read as it comes: which calls it holds, and whether it is meant as calls at all.

In come pieces of text from the opening bracket on; calls go to `Calls` as soon as they are certain. What is no call is
text, and only its reader knows where it goes. Every character is looked at a fixed number of times.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from edge_lam.errors import InvalidCall
from edge_lam.formats.call_reader import CallReader
from edge_lam.formats.calls import Calls, decode_object, is_call
from edge_lam.formats.json_text import BracketFinder, decode
from edge_lam.formats.pythonic import BEGINS
from edge_lam.formats.thought import ThoughtReader

SPACE = r"[ \t\r\n]*"
STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
# What stands before the arguments of a call, and before the list of calls, where models write them in their own order.
BEFORE_ARGUMENTS = re.compile(
    rf'\{{{SPACE}"name"{SPACE}:{SPACE}({STRING}){SPACE},{SPACE}"arguments"{SPACE}:{SPACE}', re.DOTALL
)
BEFORE_LIST = re.compile(
    rf'\{{{SPACE}(?:"thought"{SPACE}:{SPACE}{STRING}{SPACE},{SPACE})?"tool_calls"{SPACE}:{SPACE}', re.DOTALL
)
# A call that can't be decoded, or was cut off, is told from prose and other JSON by its first key.
LIKE_A_CALL = re.compile(
    rf"""(?:\[{SPACE}){{0,2}}\{{{SPACE}(["'])(?:name|arguments|parameters|function|type|id|tool_calls|thought)\1{SPACE}:"""
)
BEFORE_FIRST_KEY = re.compile(rf"""(?:\[{SPACE}){{0,2}}(?:\{{{SPACE}(?:["']\w*["']?{SPACE})?)?""")
FIRST = re.compile(rf"{SPACE}([^ \t\r\n])")
ANYTHING = "anything"
CAN_BE_FIRST = {"[": "{[]", "{": "\"'}"}


class ValueReader(CallReader):
    """Reads one array or object, in JSON or in Python's spelling of it.

    Args:
        calls: where calls and errors go.
        show: is given text for the user.
        opening: the bracket that the value begins with.
        marked: whether a marker says that it is meant as calls, whatever it holds.
        in_fence: whether it stands between code fences.
        in_prose: whether it stands in a sentence, where only an array of objects is meant as calls.
        looks_for_python: whether to read no further where a list begins with a name.

    Attributes:
        is_pythonic: whether it is a list that begins with a name.
    """

    def __init__(
        self,
        calls: Calls,
        show: Callable[[str], object],
        opening: str,
        *,
        marked: bool,
        in_fence: bool = False,
        in_prose: bool = False,
        looks_for_python: bool = True,
    ) -> None:
        super().__init__(calls, taken=marked)
        self._show = show
        self._in_fence = in_fence and not marked
        self._is_array = opening == "["
        self._is_nested = False  # whether calls stand in a list in the list
        self._first = ANYTHING if marked else CAN_BE_FIRST[opening]
        if in_prose:
            self._first = "{]"
        self.is_pythonic = False
        self._looks_for_python = looks_for_python and self._is_array
        self._finder = BracketFinder()
        self._thought = ThoughtReader()
        self._depth = 0
        self._level = 1 if self._is_array else 0  # how deeply calls are nested; -1 behind the list of calls
        self._in_call = self._in_arguments = False
        self._is_fresh = False  # whether the first bracket inside of a call is still to come
        self._spans: list[str] = []  # what was read: calls, and what stands between them
        self._span: list[str] = []
        self._begin = 0  # from here on, the text at hand is not in the span yet
        self._no_calls: list[str] = []  # members of an array in which no call was found so far
        self._list_head = ""

    @property
    def raw(self) -> str:
        """All that was read."""
        return "".join([*self._spans, *self._span])

    def read(self, text: str, position: int) -> int:
        """Read on; see `CallReader.read`."""
        self._begin = position
        if not self._is_array and not self._thought.is_done:
            self._follow_thought(text, position)
        if not self._depth:
            self._open(text, position)
            position += 1
        while self._first:
            first = FIRST.match(text, position)
            if not first:
                return self._keep(text, len(text))
            self.is_pythonic = self._looks_for_python and BEGINS.match(first[1]) is not None
            if self.is_pythonic or (self._first != ANYTHING and first[1] not in self._first):
                self.is_done = True
                return self._keep(text, first.start(1))
            is_list = first[1] == "[" and self._first != ANYTHING
            self._first = "{]" if is_list else ""
            if is_list:
                self._open(text, first.start(1))
                position = first.end(1)
        while not self.is_done:
            position = self._finder.find(text, position)
            if position == len(text):
                return self._keep(text, position)
            if text[position] in "[{":
                self._open(text, position)
            else:
                self._close(text, position)
            position += 1
        return position

    def cut_off(self, *, complete: bool) -> None:
        """End the value where the reply ends; see `CallReader.cut_off`."""
        self.is_done = True
        span, raw = "".join(self._span).strip(), self.raw
        likely = LIKE_A_CALL.match(raw) or (not complete and BEFORE_FIRST_KEY.fullmatch(raw))
        self.taken = self.taken or bool(likely)
        if self.taken:
            self._calls.fail(InvalidCall("the reply ends inside a call", raw=span or raw) if complete else None)

    def _keep(self, text: str, end: int) -> int:
        """Add the text up to `end` to the span, and to the arguments if it belongs to them; return `end`."""
        piece = text[self._begin : end]
        self._begin = end
        self._span.append(piece)
        if self._in_arguments:
            self._calls.add_arguments(piece)
        return end

    def _end_span(self) -> str:
        span = "".join(self._span)
        self._spans.append(span)
        self._span.clear()
        return span

    def _follow_thought(self, text: str, position: int) -> None:
        if thought := self._thought.read(text, position):
            self._show(thought)
        self.taken = self.taken or self._thought.found

    def _open(self, text: str, position: int) -> None:
        """Take an opening bracket."""
        mark = text[position]
        if self._is_array and not self._depth:
            self._keep(text, position + 1)
            self._end_span()
        elif self._depth == self._level and mark == "{":
            self._keep(text, position)
            self._between(self._end_span())
            self._in_call = self._is_fresh = True
        elif mark == "[" and self._is_array and self._depth == self._level == 1:
            self._keep(text, position)
            self._between(self._end_span())
            self._end_nested(text, position, nested=True)
        elif self._in_call and self._is_fresh and self._depth == self._level + 1:
            self._is_fresh = False
            self._keep(text, position)
            if mark == "{":
                self._begin_arguments("".join(self._span))
            elif self._level == 0 and BEFORE_LIST.fullmatch(head := "".join(self._span)):
                self._keep(text, position + 1)
                self._begin_list(head)
        self._depth += 1

    def _close(self, text: str, position: int) -> None:
        """Take a closing bracket. Which kind it is only matters to the decoding of the whole."""
        self._depth -= 1
        if self._in_arguments and self._depth == self._level + 1:
            self._keep(text, position + 1)
            self._in_arguments = False
        elif self._in_call and self._depth == self._level:
            self._keep(text, position + 1)
            self._in_call = False
            self._member(self._end_span())
        elif self._depth == self._level - 1:
            self._keep(text, position)
            self._between(self._end_span())
            if self._is_nested and self._depth:
                self._end_nested(text, position, nested=False)
            else:
                self._level = -1
        if not self._depth:
            self._keep(text, position + 1)
            self._finish(self._end_span())

    def _end_nested(self, text: str, position: int, *, nested: bool) -> None:
        """Go into a list in the list, or out of it; its bracket belongs to no call."""
        self._is_nested, self._level = nested, 1 + nested
        self._keep(text, position + 1)
        self._end_span()

    def _begin_arguments(self, head: str) -> None:
        """Start a call if what was read of it is a name, and its arguments follow."""
        match = BEFORE_ARGUMENTS.fullmatch(head)
        try:
            name = decode(match[1]) if match else ""
        except ValueError:  # no name yet: what follows may complete it
            return
        if name and (not self._in_fence or name in self._calls.tools):
            self._take()
            self._calls.start(name)
            self._in_arguments = True

    def _begin_list(self, head: str) -> None:
        """Go on as in an array: the list of calls follows."""
        self._take()
        self._list_head = head
        self._end_span()
        self._level = 2
        self._in_call = False

    def _between(self, span: str) -> None:
        """Take what stands between calls."""
        if other := span.strip(" \t\r\n,"):
            self._no_call(other)

    def _member(self, raw: str) -> None:
        """Take one whole object."""
        try:
            value = decode_object(raw)
        except ValueError as error:
            if not self.taken and not LIKE_A_CALL.match(raw):
                self._no_calls.append(raw)
                return
            self._take()
            self._calls.fail(InvalidCall(f"a call is not JSON: {error}", raw=raw))
            return
        if self._level == 0 and "tool_calls" in value:
            self._wrapped(value, raw)
        elif self._level == 0 and self._thought.found and not is_call(value, self._calls.tools):
            return  # a thought alone
        elif self.taken or is_call(value, self._calls.tools, in_fence=self._in_fence):
            self._take()
            self._calls.finish(value, raw)
        else:
            self._no_calls.append(raw)

    def _wrapped(self, value: dict[str, Any], raw: str) -> None:
        """Take the calls of ``{"thought": …, "tool_calls": […]}`` with keys in another order, or another value."""
        self._take()
        self._show_thought(value)
        calls = value["tool_calls"] or []
        if isinstance(calls, str) and not calls.strip(" []"):  # as xLAM 1.0's instruction puts it
            calls = []
        for call in calls if isinstance(calls, list) else [calls]:
            self._calls.finish(call, raw)

    def _show_thought(self, value: dict[str, Any]) -> None:
        if not self._thought.found and isinstance(value.get("thought"), str):
            self._show(value["thought"])

    def _no_call(self, raw: str) -> None:
        if self.taken:
            self._calls.fail(InvalidCall("a call names no tool", raw=raw))
        else:
            self._no_calls.append(raw)

    def _take(self) -> None:
        """Make up our mind that the value is meant as calls."""
        self.taken = True
        for raw in self._no_calls:
            self._no_call(raw)
        self._no_calls.clear()

    def _finish(self, tail: str) -> None:
        self.is_done = True
        self.is_empty_list = self._is_array and not self.taken and not self._no_calls
        if self._list_head:
            try:
                self._show_thought(decode(f"{self._list_head}[{tail}", own_keys_once=True))
            except ValueError as error:
                self._calls.fail(InvalidCall(f"a list of calls is not JSON: {error}", raw=tail))

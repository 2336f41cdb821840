"""Calls as Python writes them, in a list: ``[get_time(city="Oslo"), now()]``, as Llama 3.2 and LFM2 do."""

from __future__ import annotations

import re

from edge_lam.errors import InvalidCall
from edge_lam.formats.call_reader import CallReader
from edge_lam.formats.calls import Calls
from edge_lam.formats.json_text import BracketFinder
from edge_lam.formats.python_text import read_python_call

BEGINS = re.compile(r"[A-Za-z_]")
_NAME = re.compile(r"[\w.:/-]*", re.ASCII)
_LONGEST_NAME = 128
_BETWEEN = re.compile(r"[\s,]*")
_METHOD = ".call"  # of a tool, as Llama 3.1 writes its built-in ones


class PythonicReader(CallReader):
    """Reads a list of calls, or one call alone.

    Args:
        calls: where calls and errors go.
        is_bare: whether it begins with the name of a call, not with a bracket.
        marked: whether a marker says that a call is meant, whatever tool it names.
    """

    def __init__(self, calls: Calls, *, is_bare: bool = False, marked: bool = False) -> None:
        super().__init__(calls, taken=False)
        self._is_bare, self._marked = is_bare, marked
        self._parts: list[str] = []
        self._name: list[str] = []
        self._call: list[str] = []
        self._finder: BracketFinder | None = None  # inside of a call
        self._depth = 0
        self._is_open = is_bare  # whether the bracket of the list was read

    @property
    def raw(self) -> str:
        """All that was read."""
        return "".join(self._parts)

    def read(self, text: str, position: int) -> int:
        """Read on; see `CallReader.read`."""
        while position < len(text) and not self.is_done:
            if not self._is_open:
                self._is_open = True
                position = self._take(text, position, position + 1)
            elif self._finder:
                position = self._read_call(text, position, self._finder)
            else:
                position = self._read_name(text, position)
        return position

    def cut_off(self, *, complete: bool) -> None:
        """End where the reply ends; see `CallReader.cut_off`."""
        self.is_done = True
        if self.taken and complete:
            raw = ("".join(self._name) + "".join(self._call)) or self.raw
            self._calls.fail(InvalidCall("the reply ends inside a call", raw=raw))

    def _take(self, text: str, start: int, end: int) -> int:
        self._parts.append(text[start:end])
        return end

    def _read_name(self, text: str, position: int) -> int:
        """Read the name of a call, or what stands between two."""
        if not self._name:
            between = _BETWEEN.match(text, position)
            position = self._take(text, position, between.end() if between else position)
            if position == len(text):
                return position
        name = _NAME.match(text, position)
        end = name.end() if name else position
        self._name.append(text[position:end])
        position = self._take(text, position, end)
        if sum(map(len, self._name)) > _LONGEST_NAME:
            self.is_done = True
        elif position < len(text):
            self._decide("".join(self._name), text[position])
            if self.taken and self.is_done and text[position] == "]":
                position = self._take(text, position, position + 1)
        return position

    def _decide(self, name: str, follows: str) -> None:
        """Go on with what follows a name."""
        is_known = name.removesuffix(_METHOD) in self._calls.tools
        if follows == "(" and name and (is_known or self.taken or self._marked):
            self.taken = True
            self._finder = BracketFinder(python=True)
        else:
            self.is_done = True

    def _read_call(self, text: str, position: int, finder: BracketFinder) -> int:
        """Read up to the next bracket of a call."""
        end = finder.find(text, position)
        if end < len(text):
            self._depth += 1 if text[end] in "([{" else -1
            end += 1
        self._call.append(text[position:end])
        position = self._take(text, position, end)
        if self._call[-1] and not self._depth and self._call[-1][-1] in ")]}":
            self._finish()
        return position

    def _finish(self) -> None:
        """Take a whole call."""
        name, arguments = "".join(self._name), "".join(self._call)
        self._name.clear()
        self._call.clear()
        self._finder = None
        if name not in self._calls.tools:
            name = name.removesuffix(_METHOD)
        raw = f"{name}{arguments}"
        tool = self._calls.tools.get(name)
        try:
            given = read_python_call(f"f{arguments}", list(tool.parameters["properties"]) if tool else ())
        except ValueError as error:
            self._calls.fail(InvalidCall(f"a call is not Python: {error}", raw=arguments, tool=name))
        else:
            self._calls.finish({"name": name, "arguments": given}, raw)
        self.is_done = self._is_bare

"""Calls whose name stands before their arguments: ``<function=get_time>{"city": "Oslo"}</function>`` and its like."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_lam.errors import InvalidCall
from edge_lam.formats.call_reader import CallReader
from edge_lam.formats.calls import Calls
from edge_lam.formats.json_text import BracketFinder, decode, is_text

_LETTERS = re.compile(r"[\w.:/ -]*", re.ASCII)
_LETTERS_OF_MISTRAL = re.compile(r"[\w.:/ \[\]-]*", re.ASCII)
_LONGEST_HEAD = 200
_NAME = re.compile(r" *([\w.:/-]+) *", re.ASCII)
BEHIND_NAMES = ("[CALL_ID]", "[ARGS]")
_NAME_OF_MISTRAL = re.compile(r" *([\w.:/-]+?)(?:\[CALL_ID\][\w-]*)?(?:\[ARGS\])? *", re.ASCII)
_SPACE = re.compile(r"\s*")
_PARAMETER = re.compile(r"<parameter=([^<>\n]+)>\n?(.*?)\n?(?:</parameter>|(?=<parameter=)|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Spelling:
    """How one family writes such calls.

    Attributes:
        opening: what stands before the name.
        head_end: the character that follows the name; a bracket belongs to the arguments.
        head: the name, with what may stand behind it; its first group is the name.
        letters: what all of that is made of.
        closing: what stands behind the arguments, and may be left out; "" for nothing.
        is_marker: whether the opening is never text, so that a call is meant whatever tool it names.
    """

    opening: str
    head_end: str
    head: re.Pattern[str] = _NAME
    letters: re.Pattern[str] = _LETTERS
    closing: str = ""
    is_marker: bool = True


FUNCTION = Spelling("<function=", ">", closing="</function>")  # Llama 3.1, Functionary 3.1, Qwen3-Coder
RECIPIENT = Spelling(">>>", "\n", is_marker=False)  # Functionary 3.2
MISTRAL = Spelling("", "{", _NAME_OF_MISTRAL, _LETTERS_OF_MISTRAL)  # behind [TOOL_CALLS], since 2025
EVERYONE = "all"  # who Functionary 3.2 speaks to in text
SPELLINGS = {spelling.opening: spelling for spelling in (FUNCTION, RECIPIENT)}


class NamedCallReader(CallReader):
    """Reads one call, from behind its opening on: a name, then arguments in JSON or as ``<parameter=…>`` blocks.

    Attributes:
        is_dropped: whether what was read is neither a call nor text: the name of who is spoken to.

    Args:
        calls: where calls and errors go.
        spelling: how it is written.
        everyone: the name that stands for the user, before text; "" for none. Any other name is then that of a call.
        prefilled: whether the opening stands in the prompt.
        can_call: whether there can be a call; if not, only `everyone` is looked for.
    """

    def __init__(
        self, calls: Calls, spelling: Spelling, everyone: str = "", *, prefilled: bool = False, can_call: bool = True
    ) -> None:
        super().__init__(calls, taken=False)
        self.is_dropped = False
        self._opening = "" if prefilled else spelling.opening
        self._can_call = can_call
        self._spelling, self._everyone = spelling, everyone
        self._parts: list[str] = []
        self._head: list[str] = []
        self._name: str | None = None
        self._body: list[str] = []
        self._finder: BracketFinder | None = None  # inside of JSON
        self._depth = 0
        self._is_read = False  # whether only what closes the call is still to come
        self._tail = ""

    @property
    def raw(self) -> str:
        """All that was read."""
        return self._opening + "".join(self._parts)

    def read(self, text: str, position: int) -> int:
        """Read on; see `CallReader.read`."""
        while position < len(text) and not self.is_done:
            if self._name is None:
                position = self._read_name(text, position)
            elif self._is_read:
                position = self._read_closing(text, position)
            elif self._finder:
                position = self._read_json(text, position, self._finder)
            elif not self._body:
                position = self._read_first(text, position)
            else:
                position = self._read_block(text, position)
        return position

    def cut_off(self, *, complete: bool) -> None:
        """End where the reply ends; see `CallReader.cut_off`."""
        self.is_done = True
        if not self.taken or self._is_read:
            return
        self._calls.fail(InvalidCall("the reply ends inside a call", raw=self.raw) if complete else None)

    def _take(self, text: str, start: int, end: int) -> int:
        self._parts.append(text[start:end])
        return end

    def _read_name(self, text: str, position: int) -> int:
        head = self._spelling.letters.match(text, position)
        end = head.end() if head else position
        self._head.append(text[position:end])
        position = self._take(text, position, end)
        if sum(map(len, self._head)) > _LONGEST_HEAD:
            self.is_done = True
        elif position < len(text):
            matched = self._spelling.head.fullmatch("".join(self._head))
            if text[position] != self._spelling.head_end or not matched:
                self.is_done = True
                return position
            if self._spelling.head_end != "{":
                position = self._take(text, position, position + 1)
            self._decide(matched[1])
        return position

    def _decide(self, name: str) -> None:
        """Go on with what a name means."""
        self._name = name
        self.is_dropped = bool(self._everyone) and name == self._everyone
        self.taken = self._spelling.is_marker or self.is_dropped
        is_call = self.taken or bool(self._everyone) or name in self._calls.tools
        self.is_done = self.is_dropped or not (is_call and self._can_call)

    def _read_first(self, text: str, position: int) -> int:
        """Read up to the first character of the arguments."""
        space = _SPACE.match(text, position)
        position = self._take(text, position, space.end() if space else position)
        if position == len(text):
            return position
        if text[position] == "{":
            self.taken = True
            self._finder = BracketFinder()
        elif self.taken:
            self._body.append("")
        else:
            self.is_done = True
        return position

    def _read_json(self, text: str, position: int, finder: BracketFinder) -> int:
        end = finder.find(text, position)
        if end < len(text):
            self._depth += 1 if text[end] in "[{" else -1
            end += 1
        self._body.append(text[position:end])
        position = self._take(text, position, end)
        if not self._depth and self._body[-1] and self._body[-1][-1] in "]}":
            self._finish("".join(self._body))
        return position

    def _finish(self, arguments: str) -> None:
        """Take a whole call; its arguments are text in JSON, or decoded by now."""
        self._is_read = True
        self.is_done = not self._spelling.closing
        self._calls.finish({"name": self._name, "arguments": arguments}, self.raw)

    def _read_closing(self, text: str, position: int) -> int:
        """Read what closes a call behind its arguments, if that stands there."""
        closing = self._spelling.closing
        if not self._tail:
            space = _SPACE.match(text, position)
            position = self._take(text, position, space.end() if space else position)
        while position < len(text) and not self.is_done:
            if not closing.startswith(self._tail + text[position]):
                self.is_done = True
                return position
            self._tail += text[position]
            position = self._take(text, position, position + 1)
            self.is_done = self._tail == closing
        return position

    def _read_block(self, text: str, position: int) -> int:
        """Read ``<parameter=city>Oslo</parameter>`` blocks up to what closes the call."""
        closing = self._spelling.closing
        known = "".join(self._body[-len(closing) :])[-len(closing) :]
        at = (known + text[position:]).find(closing)
        end = len(text) if at < 0 else at + len(closing) - len(known) + position
        self._body.append(text[position:end])
        position = self._take(text, position, end)
        if at >= 0:
            self._is_read = self.is_done = True
            self._take_blocks("".join(self._body).removesuffix(closing))
        return position

    def _take_blocks(self, body: str) -> None:
        name = self._name or ""
        tool = self._calls.tools.get(name)
        properties = tool.parameters["properties"] if tool else {}
        given = {key.strip(): value for key, value in _PARAMETER.findall(body)}
        if body.strip() and (not given or not is_text(body)):
            self._calls.fail(InvalidCall(f"the arguments of {name!r} are not JSON", raw=self.raw, tool=name))
            return
        arguments = {key: _typed(value, properties.get(key)) for key, value in given.items()}
        self._calls.finish({"name": name, "arguments": arguments}, self.raw)


def _typed(value: str, schema: object) -> object:
    """Return a parameter's value: text where its schema wants text, else what it says in JSON."""
    if isinstance(schema, dict) and schema.get("type") == "string":
        return value
    try:
        return decode(value)
    except ValueError:  # models write text without quotes there; the schema judges it
        return value

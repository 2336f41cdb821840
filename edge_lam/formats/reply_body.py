"""What follows the thinking of a reply: text and calls, told apart where models put them.

A state is the method that understands what comes next. Calls stand at the start, behind a marker, in a block or between
code fences; what is no call after all is shown as text, in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from edge_lam.errors import InvalidCall
from edge_lam.formats.call_reader import CallReader
from edge_lam.formats.calls import Calls
from edge_lam.formats.events import ParserEvent
from edge_lam.formats.named_calls import EVERYONE, MISTRAL, RECIPIENT, SPELLINGS, NamedCallReader
from edge_lam.formats.pythonic import BEGINS, PythonicReader
from edge_lam.formats.reply_text import (
    BLOCK,
    BLOCK_END,
    BLOCK_MARKER,
    FENCE,
    KINDS,
    LIST,
    MARKER,
    MARKER_OR_ARRAY,
    MARKERS,
    PYTHON_TAG,
    Begun,
    TextReader,
)
from edge_lam.formats.values import ValueReader
from edge_lam.tools import Tool

BEGUN = Begun(*MARKERS)
LANGUAGE = re.compile(r"\w*")  # behind a fence
SPACE = re.compile(r"\s*")
SEPARATORS = re.compile(r"[\s;,]*")  # what may stand between two values that follow each other


class BodyReader(TextReader):
    """Reads text and calls.

    Args:
        tools: what could be called; None if all is text, whatever it looks like.
        calls_in_prose: also read an array that follows prose without a marker.
        reply_id: the ids of the calls are made of it.
        opening: what the prompt has written of the reply already: "", or Functionary's ``>>>``.
    """

    def __init__(self, tools: Sequence[Tool] | None, *, calls_in_prose: bool, reply_id: str, opening: str) -> None:
        super().__init__()
        self._is_plain = tools is None
        self._calls = Calls(tools or (), reply_id, self._events.append)
        self._at_markers = MARKER_OR_ARRAY if calls_in_prose else MARKER
        # The method that understands what comes next. It returns False if it needs more text.
        self._state: Callable[[], bool] = self._read_text
        self._markers: set[str] = set()  # the kinds of those that are held back
        self._is_tagged = False  # whether the last of them was Llama's
        self._separators = SPACE
        self._at_language = False
        self._value: CallReader  # while one is read
        self._opening = opening
        self._was_taken = False  # whether anything was taken out of the text
        self._in_fence = False  # whether the fence around calls is still to be closed
        self._only_marked = False  # a value that has no end hides those behind it, but not their markers

    def _run(self, piece: str) -> list[ParserEvent]:
        self._append(piece)
        while self._position < len(self._buffer) and self._state():
            pass
        return self._new_events()

    def _begin_body(self) -> None:
        self._await_value(SPACE)
        if self._opening:
            can_call = not self._is_plain
            self._begin(NamedCallReader(self._calls, RECIPIENT, EVERYONE, prefilled=True, can_call=can_call))
        elif self._is_plain:
            self._state = self._read_plain

    def _read_plain(self) -> bool:
        """In a reply that can hold no calls."""
        self._show(self._take_until(len(self._buffer)))
        return False

    def _read_text(self) -> bool:
        """In text, up to the next marker."""
        found = self._at_markers.search(self._buffer, self._position)
        self._show(self._take_until(found.start() if found else BEGUN.find(self._buffer, self._position)))
        if not found or (found[0] == "[" and BEGUN.at(self._buffer, self._position)):
            return False
        self._markers.clear()
        if found[0] == "[":
            self._begin_value(in_prose=True)
        else:
            self._position = found.end()
            self._take_marker(found[0])
        return True

    def _await_value(self, separators: re.Pattern[str]) -> None:
        """Expect a value, or the marker of one."""
        self._held.clear()
        self._markers.clear()
        self._is_tagged = False
        self._at_language = False
        self._separators = separators
        self._state = self._read_opening

    def _read_opening(self) -> bool:
        """Where a value may begin: at the start, behind a marker, or behind another value."""
        if self._at_language:
            more = self._hold(LANGUAGE)
            if self._held[-1]:
                self._markers.add(FENCE)
            if not more:
                return False
            self._at_language = False
        if not self._hold(self._separators):
            return False
        if marker := MARKER.match(self._buffer, self._position):
            kind = KINDS.get(marker[0], "")
            if BLOCK in self._markers and (kind == BLOCK_END or self._markers >= {FENCE, kind}):
                self._state = self._read_block
                return True
            self._position = marker.end()
            self._take_marker(marker[0])
        elif BEGUN.at(self._buffer, self._position):
            return False
        elif self._buffer[self._position] in "[{" and (self._is_marked or not self._only_marked):
            self._begin_value()
        elif LIST in self._markers and BEGINS.match(self._buffer, self._position):
            bare = PythonicReader(self._calls, is_bare=True)
            self._begin(bare if self._is_tagged else NamedCallReader(self._calls, MISTRAL))
        elif BLOCK in self._markers:
            self._state = self._read_block
        else:
            self._release()
        return True

    @property
    def _is_marked(self) -> bool:
        return BLOCK in self._markers or LIST in self._markers

    def _take_marker(self, marker: str) -> None:
        """Go on behind a marker."""
        kind = KINDS.get(marker)
        if kind is None:
            everyone = EVERYONE if self._opening else ""
            self._begin(NamedCallReader(self._calls, SPELLINGS[marker], everyone))
        elif kind == BLOCK_END and self._was_taken:
            if self._markers:
                self._release()
            self._await_value(SEPARATORS)
        elif kind == BLOCK_END:
            self._release()
            self._show(marker)
        elif kind == FENCE and self._in_fence and not self._markers:
            self._in_fence = False
            self._await_value(SEPARATORS)
            self._at_language = True
        else:
            if kind == FENCE and FENCE in self._markers:
                self._release()
            self._is_tagged = marker == PYTHON_TAG
            if self._markers or not self._is_tagged:  # what follows may be code, without its tag
                self._held.append(marker)
            self._markers.add(kind)
            self._at_language = kind == FENCE
            self._separators = SPACE
            self._state = self._read_opening

    def _begin_value(self, *, looks_for_python: bool = True, in_prose: bool = False) -> None:
        self._begin(
            ValueReader(
                self._calls,
                self._show,
                self._buffer[self._position],
                marked=self._is_marked,
                in_fence=FENCE in self._markers,
                looks_for_python=looks_for_python and not in_prose,
                in_prose=in_prose,
            )
        )

    def _begin(self, reader: CallReader) -> None:
        self._value = reader
        self._state = self._read_value

    def _begin_again(self, value: CallReader) -> bool:
        """Give what one reader read to another one, if it may be of that one's kind."""
        is_pythonic = isinstance(value, ValueReader) and value.is_pythonic
        if not is_pythonic and not (isinstance(value, PythonicReader) and not value.taken and self._is_marked):
            return False
        if self._is_tagged and not is_pythonic:  # code
            return False
        self._buffer, self._position = value.raw + self._buffer[self._position :], 0
        if is_pythonic:
            self._begin(PythonicReader(self._calls, marked=self._is_marked))
        else:
            self._begin_value(looks_for_python=False)
        return True

    def _read_value(self) -> bool:
        value = self._value
        self._position = value.read(self._buffer, self._position)
        if not value.is_done:
            return False
        if self._begin_again(value):
            return True
        if isinstance(value, NamedCallReader) and value.is_dropped:
            self._held.clear()
            self._state = self._read_plain if self._is_plain else self._read_text
        elif isinstance(value, NamedCallReader) and not value.raw:
            self._opening = ""
            self._begin_body()
        elif value.taken:
            self._end_calls()
        else:
            self._held.append(value.raw)
            if value.is_empty_list and not self._markers and not self._text.parts:
                self._state = self._read_behind_empty_list
            else:
                self._release()
        return True

    def _end_calls(self) -> None:
        self._was_taken = True
        self._in_fence = self._in_fence or FENCE in self._markers
        self._await_value(SEPARATORS)

    def _read_behind_empty_list(self) -> bool:
        """Behind ``[]`` at the start, which is no text if nothing follows."""
        if not self._hold(SPACE):
            return False
        self._release()
        return True

    def _read_block(self) -> bool:
        """In a <tool_call> block without JSON: if it is closed, it is no text."""
        found = BLOCK_MARKER.search(self._buffer, self._position)
        self._held.append(self._take_until(found.start() if found else BEGUN.find(self._buffer, self._position)))
        if not found:
            return False
        if KINDS[found[0]] == BLOCK_END:
            raw = "".join(self._held).strip()
            self._calls.fail(InvalidCall("a block of calls holds no JSON", raw=raw))
            self._position = found.end()
            self._end_calls()
        else:
            self._release()
        return True

    def _end_value(self, complete: bool) -> list[ParserEvent]:
        self._value.cut_off(complete=complete)
        if self._value.taken:
            self._end_calls()
            return self._new_events()
        # No call, but there may be some behind markers in it.
        text = "".join([*self._held, self._value.raw])
        self._held.clear()
        if self._only_marked:  # it was looked for once
            self._show(text)
            return self._new_events()
        self._state = self._read_text
        self._only_marked = True
        self._at_markers = MARKER
        return self._run(text)

    def _release(self) -> None:
        """Show what was held back: it is text."""
        self._show_held()
        self._markers.clear()
        self._state = self._read_plain if self._is_plain else self._read_text

"""A model's reply, piece by piece or whole -> text, calls and errors: one parser for all formats.

In come pieces of what the model wrote, constrained or not; out come events, and at the end the whole reply. However it
is cut into pieces, the same comes out. Calls are looked for where models put them: a bare array or object at the start,
code fences, blocks such as ``<tool_call>``, markers such as ``[TOOL_CALLS]``; each spelling has a reader of its own.
Never raises, and looks at each character a fixed number of times.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from edge_lam.formats.events import ParsedReply, ParserEvent
from edge_lam.formats.reply_body import SPACE, BodyReader
from edge_lam.formats.reply_text import THINKING, Begun
from edge_lam.formats.thinking import TAGS
from edge_lam.tools import Tool

BEGUN_THINKING = Begun(*TAGS)


def parse_reply(
    text: str, tools: Sequence[Tool] | None, *, complete: bool = True, calls_in_prose: bool = False, reply_id: str = ""
) -> ParsedReply:
    """Read a whole reply; see `ReplyParser` and `ReplyParser.finish` for the arguments."""
    parser = ReplyParser(tools, calls_in_prose=calls_in_prose, reply_id=reply_id)
    parser.feed(text)
    parser.finish(complete=complete)
    return parser.reply


class ReplyParser(BodyReader):
    """Reads one reply.

    Args:
        tools: what could be called; None if the reply is text, whatever it looks like.
        calls_in_prose: also read an array that follows prose without a marker.
        reply_id: the ids of the calls are made of it; "" for a new one.
        thinking_end: what closes the thinking that the prompt ended inside of; "" if the reply begins with none.
        opening: what the prompt has written of the reply already: "", or Functionary's ``>>>``.
    """

    def __init__(
        self,
        tools: Sequence[Tool] | None,
        *,
        calls_in_prose: bool = False,
        reply_id: str = "",
        thinking_end: str = "",
        opening: str = "",
    ) -> None:
        reply_id = reply_id or uuid.uuid4().hex
        super().__init__(tools, calls_in_prose=calls_in_prose, reply_id=reply_id, opening=opening)
        self._raw: list[str] = []
        self._state = self._read_start
        if thinking_end:
            self._begin_thinking(thinking_end)

    def read_as_text(self) -> None:
        """Take the reply, of which nothing but thinking came so far, as text, whatever it looks like."""
        self._is_plain = True
        if self._state == self._read_opening:
            self._state = self._read_plain

    def feed(self, piece: str) -> list[ParserEvent]:
        """Take more of the reply and return what is certain now."""
        self._raw.append(piece)
        return self._run(piece)

    def finish(self, *, complete: bool = True) -> list[ParserEvent]:
        """Take the end of the reply and return what it makes certain.

        Args:
            complete: False if the reply was cut off, by a token limit for example. A call that is not whole is then
                dropped without an error, and so is half a marker.
        """
        events = self._end(complete)
        if self._only_marked:
            events += self._end(complete)
        return events

    @property
    def reply(self) -> ParsedReply:
        """The reply so far; whole after `finish`."""
        calls = self._calls
        return ParsedReply(
            str(self._text), tuple(calls.found), tuple(calls.errors), str(self._thinking), "".join(self._raw)
        )

    def _read_start(self) -> bool:
        """At the start of the reply: it may begin with thinking."""
        if not self._hold(SPACE):
            return False
        if opening := THINKING.match(self._buffer, self._position):
            self._position = opening.end()
            self._begin_thinking(TAGS[opening[0]])
        elif BEGUN_THINKING.at(self._buffer, self._position):
            return False
        else:
            self._begin_body()
        return True

    def _begin_thinking(self, end: str) -> None:
        self._thinking_end, self._begun_thinking_end = end, Begun(end)
        self._state = self._read_thinking

    def _read_thinking(self) -> bool:
        end = self._buffer.find(self._thinking_end, self._position)
        self._think(self._take_until(end if end >= 0 else self._begun_thinking_end.find(self._buffer, self._position)))
        if end < 0:
            return False
        self._position += len(self._thinking_end)
        self._begin_body()
        return True

    def _end(self, complete: bool) -> list[ParserEvent]:
        """Take the end of the text: nothing that is held back can be explained any more."""
        rest = self._take_until(len(self._buffer))
        if self._state == self._read_value:
            return self._end_value(complete)
        if self._state == self._read_thinking:
            self._think(rest if complete else "")
        elif self._state == self._read_block or (complete and (rest or self._markers)):
            self._release()
            self._show(rest if complete else "")
        self._held.clear()
        return self._new_events()

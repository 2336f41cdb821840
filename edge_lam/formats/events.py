"""What a parser tells of a reply: events while it grows, in the order in which it was written, and the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from edge_lam.errors import InvalidCall
from edge_lam.tools import ToolCall


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text for the user. All deltas of a reply add up to its text."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More of what the model wrote in a leading <think> block."""

    text: str


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call begins. It ends with `CallFinished` or `CallDropped`, before anything else begins.

    Attributes:
        index: how many calls began before it in this reply.
        id: that of the finished call.
        name: whole; the tool may not exist.
    """

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ArgumentsDelta:
    """More of a call's arguments. All deltas of a finished call add up to the JSON text of its arguments."""

    index: int
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class CallFinished:
    """A call is complete, and checked against its tool's schema: see `ToolCall.problems`."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class CallDropped:
    """A call that began can't be used.

    Attributes:
        index, id: as in `CallStarted`.
        error: what is wrong with it; None if the reply was cut off in it.
    """

    index: int
    id: str
    error: InvalidCall | None


ParserEvent: TypeAlias = TextDelta | ThinkingDelta | CallStarted | ArgumentsDelta | CallFinished | CallDropped


@dataclass(frozen=True)
class ParsedReply:
    """What a reply holds.

    Attributes:
        text: what is meant for the user, without white space around it.
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

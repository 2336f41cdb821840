"""The events of one reply. Every way to get a reply, whole or streamed, is a view of this one stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from edge_lam.engine.reply import Reply
from edge_lam.tools import ToolCall


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text. All deltas of a reply add up to its text."""

    text: str


@dataclass(frozen=True, slots=True)
class CallFinished:
    """A call is complete."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The last event."""

    reply: Reply


Event: TypeAlias = TextDelta | CallFinished | ReplyFinished

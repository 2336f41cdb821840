"""The events of one reply. Every way to get a reply, whole or streamed, is a view of this one stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from edge_lam.engine.reply import Reply
from edge_lam.formats.events import (
    ArgumentsDelta,
    CallDropped,
    CallFinished,
    CallStarted,
    ParserEvent,
    TextDelta,
    ThinkingDelta,
)

__all__ = [
    "ArgumentsDelta",
    "CallDropped",
    "CallFinished",
    "CallStarted",
    "Event",
    "ReplyFinished",
    "TextDelta",
    "ThinkingDelta",
]


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The last event."""

    reply: Reply


Event: TypeAlias = ParserEvent | ReplyFinished

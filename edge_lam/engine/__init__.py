"""The engine: owns the context and turns each request into one stream of events. Knows nothing of who asks."""

from __future__ import annotations

from edge_lam.engine.engine import QUEUE_LIMIT, Engine
from edge_lam.engine.events import (
    ArgumentsDelta,
    CallDropped,
    CallFinished,
    CallStarted,
    Event,
    ReplyFinished,
    TextDelta,
    ThinkingDelta,
)
from edge_lam.engine.reply import Reply
from edge_lam.engine.request import ChatOptions, ReplyOptions, Request

__all__ = [
    "QUEUE_LIMIT",
    "ArgumentsDelta",
    "CallDropped",
    "CallFinished",
    "CallStarted",
    "ChatOptions",
    "Engine",
    "Event",
    "Reply",
    "ReplyFinished",
    "ReplyOptions",
    "Request",
    "TextDelta",
    "ThinkingDelta",
]

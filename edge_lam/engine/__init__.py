"""The engine: owns the context and turns each request into one stream of events.

A `Request` becomes a `Sequence` in its caller's thread (`prompt`, `engine`). The owner of the context (`core`) asks the
`scheduler` which tokens the next pass reads, runs it, and lets each `Decoder` choose from the logits; `output` makes
events of the tokens, which arrive in an `EventStream`.
"""

from __future__ import annotations

from edge_lam.engine.core import EngineCore
from edge_lam.engine.decoder import Decoder
from edge_lam.engine.engine import Engine
from edge_lam.engine.reply import Event, LogprobsDelta, Reply, ReplyFinished, ReplyStream
from edge_lam.engine.sequence import Sequence
from edge_lam.formats.events import (
    ArgumentsDelta,
    CallDropped,
    CallFinished,
    CallStarted,
    TextDelta,
    ThinkingDelta,
)

__all__ = [
    "ArgumentsDelta",
    "CallDropped",
    "CallFinished",
    "CallStarted",
    "Decoder",
    "Engine",
    "EngineCore",
    "Event",
    "LogprobsDelta",
    "Reply",
    "ReplyFinished",
    "ReplyStream",
    "Sequence",
    "TextDelta",
    "ThinkingDelta",
]

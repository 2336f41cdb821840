"""The events of one reply. Every way to get a reply, whole or streamed, is a view of this one stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

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
from edge_lam.stream import EventStream

if TYPE_CHECKING:
    from edge_lam.decoding import TokenLogprob
    from edge_lam.engine.sequence import Sequence
    from edge_lam.stream import Channel

__all__ = [
    "ArgumentsDelta",
    "CallDropped",
    "CallFinished",
    "CallStarted",
    "Event",
    "LogprobsDelta",
    "ReplyFinished",
    "ReplyStream",
    "TextDelta",
    "ThinkingDelta",
]


@dataclass(frozen=True, slots=True)
class LogprobsDelta:
    """Log probabilities, if they were asked for, of the tokens that the next events come from.

    All deltas of a reply add up to its `logprobs`.
    """

    tokens: tuple[TokenLogprob, ...]


@dataclass(frozen=True, slots=True)
class ReplyFinished:
    """The last event."""

    reply: Reply


Event: TypeAlias = ParserEvent | LogprobsDelta | ReplyFinished


class ReplyStream(EventStream[Event, Reply]):
    """The events of one reply, and the reply as their result."""

    def __init__(self, begin: Callable[[Channel[Event, Reply]], None], sequence: Sequence) -> None:
        super().__init__(begin)
        self._sequence = sequence

    @property
    def n_prompt(self) -> int:
        """Tokens of the prompt; 0 until it has begun."""
        return len(self._sequence.prompt)

    @property
    def progress(self) -> tuple[int, int]:
        """How many tokens of the prompt were cached, and how many are read, those included; zeros while it waits."""
        sequence = self._sequence
        return sequence.counts.cached, min(sequence.n_computed, len(sequence.prompt))

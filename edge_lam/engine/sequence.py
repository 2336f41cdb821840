"""`Sequence`: a request in flight, as token ids and counters: its prompt, its reply, and what it needs read next."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from enum import Enum
from time import perf_counter
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from edge_lam.decoding import Draft
from edge_lam.metrics.report import Passes, Times, Tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.cache import Slot
    from edge_lam.llama import Context

FinishReason: TypeAlias = Literal["", "stop", "length", "timeout"]
StopReason: TypeAlias = Literal["", "cancelled", "timeout"]

logger = logging.getLogger("edge_lam.engine")


class Status(Enum):
    """How far a sequence is."""

    WAITING = "waiting"  # for a slot
    PREFILL = "prefill"  # its prompt is read
    DECODE = "decode"  # its first token was chosen
    FINISHED = "finished"


class Rows(Protocol):
    """Logits that were requested, a row for each token that wanted some."""

    def __getitem__(self, row: int) -> NDArray[np.float32]:
        """Return a row, shape (n_vocab,); valid until the next pass."""
        ...


class LogitRows:
    """The rows of one sequence among those of the last pass, fetched when they are looked at."""

    def __init__(self, context: Context, first: int) -> None:
        self._context, self._first = context, first

    def __getitem__(self, row: int) -> NDArray[np.float32]:
        return self._context.logits(self._first + row)


class Consumer(Protocol):
    """What a sequence is run for. The engine's thread calls `begin`, `advance` as often as needed, and always `end`."""

    def begin(self, slot: Slot) -> None:
        """Take the slot that the sequence has until its end; it holds what was known of the prompt."""

    def advance(self, logits: Rows, n_others: int) -> None:
        """Take logits: all that the sequence has was read. `n_others` tokens of other sequences were in that pass."""

    def end(self, error: BaseException | None) -> None:
        """Take the end: the error that ended the sequence, or None if it is whole."""


class _Nobody:
    """Whom nothing is run for."""

    def begin(self, slot: Slot) -> None: ...

    def advance(self, logits: Rows, n_others: int) -> None: ...

    def end(self, error: BaseException | None) -> None: ...


NOBODY: Consumer = _Nobody()


@dataclass(eq=False)
class Sequence:
    """One request in flight. Only the engine's thread changes it, from the moment it is submitted.

    Attributes:
        prompt: token ids, at least one.
        tokens: those of the reply.
        draft: tokens behind them that are guessed, to be verified by the next pass.
        n_computed: how many of prompt, tokens and draft have been read: their keys and values are in the slot.
        max_tokens: most tokens of the reply; with 0, the prompt is read but for its last token, which is there for
            logits alone.
        adapter: the name of the adapters that it is computed with.
        n_static: how many tokens of the prompt others will share; 0 if that is not to be stored.
        checkpoint: where reading stops, so that what is held there is stored; 0 for nowhere.
        cache: whether its static tokens were found, as of `cache.PrefixMatch`.
        wants_prompt: whether logits are wanted after each token of the prompt: what is held of it is read all the same.
        wants_start: whether logits after the prompt are wanted although forced tokens follow it.
        deadline: when it has to end, in seconds of `perf_counter`; None for never.
        stop: why it was made to end early.
        finish_reason: why it is whole.
        n_skipped: passes in a row that had no room for it.
        consumer: what it is run for.
        arrived: when the request came, in seconds of `perf_counter`.
        counts, passes, times: counters for the report; nothing is decided by them.
    """

    max_tokens: int
    prompt: list[int] = field(default_factory=list)
    adapter: str = ""
    n_static: int = 0
    deadline: float | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    tokens: list[int] = field(default_factory=list)
    draft: Draft = field(default_factory=Draft)
    n_computed: int = 0
    checkpoint: int = 0
    cache: str = ""
    wants_prompt: bool = False
    wants_start: bool = False
    status: Status = Status.WAITING
    stop: StopReason = ""
    finish_reason: FinishReason = ""
    n_skipped: int = 0
    consumer: Consumer = NOBODY
    arrived: float = field(default_factory=perf_counter)
    counts: Tokens = field(default_factory=Tokens)
    passes: Passes = field(default_factory=Passes)
    times: Times = field(default_factory=Times)

    @property
    def n_unread(self) -> int:
        """How many tokens have to be read before it can go on."""
        n_certain = len(self.prompt) + len(self.tokens) - (not self.max_tokens)
        return n_certain + len(self.draft.tokens) - self.n_computed

    @property
    def n_whole(self) -> int:
        """How many of the unread ones have to be read in one pass, the last ones: their logits are judged together."""
        return 1 + len(self.draft.tokens) if self.max_tokens else 0

    def unread(self, n: int) -> list[int]:
        """Return the next `n` tokens to read."""
        start, n_prompt = self.n_computed, len(self.prompt)
        if start + n <= n_prompt:
            return self.prompt[start : start + n]
        written = self.tokens[max(0, start - n_prompt) :]
        return [*self.prompt[start:], *written, *self.draft.tokens][:n]

    def rows(self, n: int) -> list[int]:
        """Return after which of the next `n` tokens logits are wanted, by their indices, ascending."""
        rows = list[int]()
        if self.wants_prompt:  # the last of them is wanted for the reply
            rows += range(min(n, max(0, len(self.prompt) - 1 - self.n_computed)))
        if self.wants_start and 0 <= (start := len(self.prompt) - 1 - self.n_computed) < n:
            rows.append(start)
        if self.n_whole and n == self.n_unread:
            last = n - self.n_whole
            rows += [last + offset for offset in [*self.draft.offsets, len(self.draft.tokens)]]
        return rows

    def end(self, error: BaseException | None = None) -> None:
        """Tell the consumer, and hold it no longer: what it holds, and who reads from it, holds the sequence."""
        consumer, self.consumer = self.consumer, NOBODY
        try:
            consumer.end(error)
        except Exception:  # a failure there ends nobody else
            logger.exception("the end of a request could not be told")

    def note_start(self) -> None:
        """Note that it has a slot: what was no work of its own until now was waiting."""
        times = self.times
        times.queue = max(0.0, self.elapsed() - times.render - times.tokenize - times.compile)

    def note_pass(self, n_tokens: int, seconds: float) -> None:
        """Note that a pass read so many of its tokens; it waited for all of the pass, whatever else was in there."""
        self.n_computed += n_tokens
        if self.status is Status.DECODE:
            self.times.decode += seconds
            self.passes.decode += 1
        else:
            self.times.prefill += seconds
            self.passes.prefill += 1

    def elapsed(self) -> float:
        """Return the seconds since the request came."""
        return perf_counter() - self.arrived

"""`Runner`: sequences on the slots of one context, a pass of the model at a time.

One thread drives it, and it knows of no other but by `abort`: who comes, waits and hears of it is `core`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from edge_lam.cache import PrefixMatch
from edge_lam.engine.scheduler import PREFILL_CHUNK, Scheduler
from edge_lam.engine.sequence import LogitRows, Status
from edge_lam.errors import Cancelled, EdgeLamError, UnusableLogits

if TYPE_CHECKING:
    from edge_lam.cache import Slot, Slots
    from edge_lam.decoding import PassCosts
    from edge_lam.engine.scheduler import Chunk
    from edge_lam.engine.sequence import Sequence
    from edge_lam.llama import Context


class Runner:
    """Gives sequences slots, and runs passes until each is finished.

    Attributes:
        waiting: sequences that wait for a slot, in the order in which they came; new ones are added at the end.
        running: those that have one, in that order too.
        n_passes: of the model, so far.
        n_passed: sequences in all of these passes together.

    Args:
        context: nobody else may use it from now on.
        slots: its slots.
        costs: learn what passes take.
        finished: called with each sequence that ends, before its consumer hears of it.
    """

    def __init__(
        self, context: Context, slots: Slots, costs: PassCosts, *, finished: Callable[[Sequence], None]
    ) -> None:
        self._context, self._slots, self._costs, self._finished = context, slots, costs, finished
        self._scheduler = Scheduler(context.n_batch, context.n_logits)
        self.waiting: list[Sequence] = []
        self.running = self._scheduler.running
        self._slot_of: dict[Sequence, Slot] = {}
        self.n_passes = self.n_passed = 0
        self._is_poisoned = False  # the context may hold keys and values that are no numbers
        self._under_way: list[Chunk] = []  # the pass that runs now
        self._lock = threading.Lock()  # guards that pass: an `abort` that came too late would end the next one

    def step(self) -> None:
        """Admit, schedule, run, advance."""
        self._end_stopped()
        self._admit()
        with self._lock:
            self._under_way = chunks = self._scheduler.schedule()
        if chunks and self._run(chunks):
            self._advance(chunks)

    def abort(self, sequence: Sequence | None = None) -> None:
        """Abort the pass under way, from any thread; its tokens are read again.

        Args:
            sequence: for whose sake, if not for all; where it shares a short pass with others, the pass goes on: what
                they read again would cost more than is won.
        """
        with self._lock:
            chunks = self._under_way
            if sequence is not None:
                is_long = sum(len(chunk.tokens) for chunk in chunks) > PREFILL_CHUNK
                is_in = any(chunk.sequence is sequence for chunk in chunks)
                chunks = chunks if is_in and (is_long or len(chunks) == 1) else []
            if chunks:
                self._context.abort()

    def _end_stopped(self) -> None:
        now = perf_counter()
        for sequence in [*self.waiting, *self.running]:
            if sequence.stop == "cancelled":
                self._finish(sequence, Cancelled("the request was cancelled"))
            elif sequence.stop == "timeout" or (sequence.deadline is not None and now >= sequence.deadline):
                sequence.finish_reason = "timeout"
                self._finish(sequence)

    def _admit(self) -> None:
        """Give waiting sequences a slot, in the order in which they came."""
        if self._is_poisoned:
            # Attention multiplies what is forgotten by 0, and of NaN that is NaN: others would go wrong too.
            if self.running:
                return
            self._slots.clear()
            self._is_poisoned = False
        for sequence in list(self.waiting):
            alike = [other.prompt for other in self.running if other.adapter == sequence.adapter]
            slot = self._slots.take(sequence.prompt, alike, sequence.adapter)
            if slot is None and not self._slots.n_free:
                return
            if slot is None:  # what it begins with is being read by another one
                continue
            self.waiting.remove(sequence)
            self.running.append(sequence)
            self._attempt(sequence, partial(self._start, sequence, slot))

    def _start(self, sequence: Sequence, slot: Slot) -> None:
        """Let a slot begin the prompt with what is known of it, and plan to store its static tokens if they are new."""
        self._slot_of[sequence], sequence.status = slot, Status.PREFILL
        with sequence.times.measure("restore"):
            if sequence.wants_prompt:
                slot.keep(0)
            match = PrefixMatch(0) if sequence.wants_prompt else slot.match_prefix(sequence.prompt, sequence.n_static)
        sequence.n_computed = sequence.counts.cached = match.n_held
        sequence.counts.restored = match.n_restored
        sequence.checkpoint, sequence.cache = match.checkpoint, match.outcome
        sequence.consumer.begin(slot)

    def _run(self, chunks: list[Chunk]) -> bool:
        """Run a pass, and tell whether it is through; what was aborted is read again."""
        start = perf_counter()
        try:
            parts = [self._slot_of[chunk.sequence].part(chunk.tokens, chunk.rows) for chunk in chunks]
            self._context.use_adapter(chunks[0].sequence.adapter)
            is_done = self._context.decode_parts(parts)
        except EdgeLamError as error:
            for chunk in chunks:
                self._slot_of[chunk.sequence].keep(0)
                self._finish(chunk.sequence, error)
            return False
        finally:
            with self._lock:
                self._under_way = []
        if not is_done:
            return False
        seconds = perf_counter() - start
        self.n_passes, self.n_passed = self.n_passes + 1, self.n_passed + len(chunks)
        self._costs.record(sum(len(chunk.tokens) for chunk in chunks), seconds)
        for chunk in chunks:
            self._slot_of[chunk.sequence].append(chunk.tokens)
            chunk.sequence.note_pass(len(chunk.tokens), seconds)
        return True

    def _advance(self, chunks: list[Chunk]) -> None:
        """Let sequences go on with what the pass gave."""
        n_tokens, first_row = sum(len(chunk.tokens) for chunk in chunks), 0
        for chunk in chunks:
            logits = LogitRows(self._context, first_row)
            first_row += len(chunk.rows)
            n_others = n_tokens - len(chunk.tokens)
            self._attempt(chunk.sequence, partial(self._go_on, chunk, logits, n_others))

    def _go_on(self, chunk: Chunk, logits: LogitRows, n_others: int) -> None:
        sequence, slot = chunk.sequence, self._slot_of[chunk.sequence]
        if sequence.n_computed == sequence.checkpoint:
            with sequence.times.measure("save"):
                slot.save()
        if chunk.rows:
            sequence.consumer.advance(logits, n_others)
            slot.keep(sequence.n_computed)  # guesses that were wrong are forgotten

    def _attempt(self, sequence: Sequence, step: Callable[[], None]) -> None:
        """Take a sequence a step further, and end it if that fails, or nothing is left to do."""
        try:
            step()
        except BaseException as error:
            self._is_poisoned |= isinstance(error, UnusableLogits)
            self._finish(sequence, error)
        else:
            if sequence.finish_reason or not sequence.n_unread:
                self._finish(sequence)

    def _finish(self, sequence: Sequence, error: BaseException | None = None) -> None:
        """End a sequence. Whoever waits for it may take its place in line at once."""
        if slot := self._slot_of.pop(sequence, None):
            self.running.remove(sequence)
            self._slots.give_back(slot)
        else:
            self.waiting.remove(sequence)
        sequence.status = Status.FINISHED
        self._finished(sequence)
        sequence.end(error)

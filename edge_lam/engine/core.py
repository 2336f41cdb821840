"""`EngineCore`: the thread that owns a context, and runs sequences on it until each is finished.

Any thread submits sequences and stops them. In one turn the owner admits those that wait, schedules a pass, runs it,
and lets those go on that have all they need.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from edge_lam.cache import PrefixMatch
from edge_lam.engine.deadlines import Deadlines
from edge_lam.engine.scheduler import PREFILL_CHUNK, Scheduler
from edge_lam.engine.sequence import NOBODY, LogitRows, Status
from edge_lam.errors import BackendError, Busy, Cancelled, Closed, EdgeLamError

if TYPE_CHECKING:
    from edge_lam.cache import Slot, Slots
    from edge_lam.decoding import PassCosts
    from edge_lam.engine.scheduler import Chunk
    from edge_lam.engine.sequence import Sequence as Generation
    from edge_lam.engine.sequence import StopReason
    from edge_lam.llama import Context

IDLE_SECONDS = 1.0  # without work, before conversations are stored: the results of a call come sooner

logger = logging.getLogger("edge_lam.engine")


@dataclass(frozen=True, slots=True)
class Activity:
    """What an engine does now, and did so far.

    Attributes:
        running: sequences that have a slot.
        waiting: those that wait for one, or are being prepared.
        passes: of the model.
        sequences: in all of these passes together.
    """

    running: int = 0
    waiting: int = 0
    passes: int = 0
    sequences: int = 0


class EngineCore:
    """Runs sequences on the slots of one context.

    Attributes:
        slots: those of the context.
        is_closing: whether it takes no sequences any more.
        n_places: sequences that run, wait, or are being prepared.
        owner: the thread that runs them; it ends with `close`.

    Args:
        context: nobody else may use it from now on.
        slots: its slots.
        costs: learn what passes take.
        queue_limit: sequences that may wait for a slot.
        release: frees the context, at the end, in the owner's thread.
    """

    def __init__(
        self, context: Context, slots: Slots, costs: PassCosts, *, queue_limit: int, release: Callable[[], None]
    ) -> None:
        self.slots = slots
        self._context, self._costs, self._release = context, costs, release
        self._scheduler = Scheduler(context.n_batch, context.n_logits)
        self._most = context.n_sequences + queue_limit
        self._process = os.getpid()
        self._deadlines = Deadlines(partial(self.stop, reason="timeout"))
        self._changed = threading.Condition()  # guards what follows
        self.n_places = 0
        self._arrived: deque[Generation] = deque()
        self._pass: Sequence[Chunk] = ()
        self.is_closing = self._is_dropping = False
        self._waiting: list[Generation] = []  # this and what follows is the owner's alone
        self._slot_of: dict[Generation, Slot] = {}
        self._n_passes = self._n_passed = 0
        self.owner = threading.Thread(target=self._own, name="edge-lam", daemon=True)
        self.owner.start()

    def check_open(self) -> None:
        """Raise `Closed` after `close`, and `BackendError` in a forked child, which has no owner's thread."""
        if os.getpid() != self._process:
            raise BackendError("the model belongs to the process that loaded it", hint="load it after the fork")
        if self.is_closing:
            raise Closed("the model is closed")

    @property
    def activity(self) -> Activity:
        """What it does now, and did so far."""
        with self._changed:
            running = len(self._slot_of)
            return Activity(running, self.n_places - running, self._n_passes, self._n_passed)

    def reserve(self) -> None:
        """Take a place in line, before the work of making a prompt; `submit` or `give_up` has to follow.

        Raises:
            Busy: too many requests run or wait already.
            Closed, BackendError: as `check_open`.
        """
        self.check_open()
        with self._changed:
            self.check_open()
            if self.n_places >= self._most:
                raise Busy(f"{self.n_places} requests are running or waiting already", hint="try again later")
            self.n_places += 1

    def give_up(self) -> None:
        """Give a place in line back."""
        with self._changed:
            self.n_places -= 1

    def submit(self, sequence: Generation) -> None:
        """Run a sequence, for which there is a place in line.

        Raises:
            Closed: after `close`.
        """
        sequence.counts.prompt = len(sequence.prompt)
        with self._changed:
            self.check_open()
            self._deadlines.add(sequence)
            self._arrived.append(sequence)
            self._changed.notify()

    def stop(self, sequence: Generation, reason: StopReason) -> None:
        """Have a sequence end early, from any thread; it ends within a pass, or amid one that reads a prompt."""
        if os.getpid() != self._process:
            return
        with self._changed:
            sequence.stop = sequence.stop or reason
            # What others read in this pass has to be read again: too dear unless the pass is a long one.
            n_tokens = sum(len(chunk.tokens) for chunk in self._pass)
            is_worth_it = len(self._pass) == 1 or n_tokens > PREFILL_CHUNK
            if is_worth_it and any(chunk.sequence is sequence for chunk in self._pass):
                self._context.abort()
            self._changed.notify()

    def close(self) -> None:
        """End all sequences with `Closed`, free the context and wait for that; a second call does nothing."""
        if os.getpid() != self._process:
            return
        with self._changed:
            self.is_closing = True
            if self._pass:
                self._context.abort()
            self._changed.notify()
        if threading.current_thread() is not self.owner:  # it may be the last to hold the engine
            self.owner.join()

    def drop_prefixes(self) -> None:
        """Have what is kept of prompts in memory dropped, between two passes; what is on disk stays."""
        with self._changed:
            self._is_dropping = True
            self._changed.notify()

    def _own(self) -> None:
        """Work until closed. A failure here is a bug: everyone who waits gets it, and the context is freed."""
        reason: BaseException = Closed("the model was closed")
        try:
            while self._wait():
                self._turn()
        except BaseException as error:
            reason = error
        with self._changed:
            self.is_closing = True
            left = [*self._scheduler.running, *self._waiting, *self._arrived]
        self._deadlines.close()
        for sequence in left:
            _end(sequence, reason)
        try:
            for slot in self.slots.unsaved():
                self._save(slot)
        finally:
            self._release()

    def _turn(self) -> None:
        """Admit, schedule, run, advance."""
        if self._is_dropping:
            self._is_dropping = False
            self.slots.drop_prefixes()
        self._end_stopped()
        self._admit()
        with self._changed:
            self._pass = chunks = self._scheduler.schedule()
        if chunks and self._run(chunks):
            self._advance(chunks)

    def _wait(self) -> bool:
        """Wait until there is something to do, and tell whether there is. A longer wait is used to store conversations.

        They are stored one by one, so that who comes meanwhile waits for one of them at most.
        """
        while True:
            unsaved = self.slots.unsaved()
            with self._changed:
                if self._changed.wait_for(
                    lambda: (
                        self.is_closing
                        or self._is_dropping
                        or self._arrived
                        or self._waiting
                        or self._scheduler.running
                    ),
                    IDLE_SECONDS if unsaved else None,
                ):
                    self._waiting += self._arrived
                    self._arrived.clear()
                    return not self.is_closing
            self._save(unsaved[0])

    def _save(self, slot: Slot) -> None:
        try:
            slot.save_conversation()
        except (EdgeLamError, MemoryError) as error:  # what can't be stored only has to be read again
            logger.debug("a conversation of %d tokens is not stored: %s", len(slot.tokens), error)

    def _end_stopped(self) -> None:
        now = perf_counter()
        for sequence in [*self._waiting, *self._scheduler.running]:
            if sequence.stop == "cancelled":
                self._finish(sequence, Cancelled("the request was cancelled"))
            elif sequence.stop == "timeout" or (sequence.deadline is not None and now >= sequence.deadline):
                sequence.finish_reason = "timeout"
                self._finish(sequence)

    def _admit(self) -> None:
        """Give waiting sequences a slot, in the order in which they came."""
        running = self._scheduler.running
        for sequence in list(self._waiting):
            alike = [other.prompt for other in running if other.adapter == sequence.adapter]
            slot = self.slots.take(sequence.prompt, alike, sequence.adapter)
            if slot is None and not self.slots.n_free:
                return
            if slot is None:  # what it begins with is being read by another one
                continue
            self._waiting.remove(sequence)
            running.append(sequence)
            self._attempt(sequence, partial(self._start, sequence, slot))

    def _start(self, sequence: Generation, slot: Slot) -> None:
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

    def _run(self, chunks: Sequence[Chunk]) -> bool:
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
            with self._changed:
                self._pass = ()
        if not is_done:
            return False
        seconds = perf_counter() - start
        self._n_passes, self._n_passed = self._n_passes + 1, self._n_passed + len(chunks)
        self._costs.record(sum(len(chunk.tokens) for chunk in chunks), seconds)
        for chunk in chunks:
            self._slot_of[chunk.sequence].append(chunk.tokens)
            chunk.sequence.note_pass(len(chunk.tokens), seconds)
        return True

    def _advance(self, chunks: Sequence[Chunk]) -> None:
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

    def _attempt(self, sequence: Generation, step: Callable[[], None]) -> None:
        """Take a sequence a step further, and end it if that fails, or nothing is left to do."""
        try:
            step()
        except BaseException as error:
            self._finish(sequence, error)
        else:
            if sequence.finish_reason or not sequence.n_unread:
                self._finish(sequence)

    def _finish(self, sequence: Generation, error: BaseException | None = None) -> None:
        """End a sequence. Whoever waits for it may take its place in line at once."""
        if slot := self._slot_of.pop(sequence, None):
            self._scheduler.running.remove(sequence)
            self.slots.give_back(slot)
        else:
            self._waiting.remove(sequence)
        sequence.status = Status.FINISHED
        with self._changed:
            self.n_places -= 1
        self._deadlines.remove(sequence)
        _end(sequence, error)


def _end(sequence: Generation, error: BaseException | None) -> None:
    """Tell the consumer, and hold it no longer: what it holds, and who reads from it, holds the sequence."""
    consumer, sequence.consumer = sequence.consumer, NOBODY
    try:
        consumer.end(error)
    except Exception:  # a failure there ends nobody else
        logger.exception("the end of a request could not be told")

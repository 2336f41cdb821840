"""`EngineCore`: who may run, and the thread that runs them.

Any thread takes a place in line, submits a sequence, stops it. The owner, a thread of its own, is the only one that
touches the context: it drives the `Runner` as long as there is something to do.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from edge_lam.engine.runner import Runner
from edge_lam.errors import BackendError, Busy, Closed, EdgeLamError

if TYPE_CHECKING:
    from edge_lam.cache import Slot, Slots
    from edge_lam.decoding import PassCosts
    from edge_lam.engine.sequence import Sequence, StopReason
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
        self.slots, self._release = slots, release
        self._runner = Runner(context, slots, costs, finished=self._free_place)  # the owner's, but for `abort`
        self._most = context.n_sequences + queue_limit
        self._process = os.getpid()
        self._deadlines = Deadlines(partial(self.stop, reason="timeout"))
        self._changed = threading.Condition()  # guards what follows
        self.n_places = 0
        self._arrived: deque[Sequence] = deque()
        self.is_closing = self._is_dropping = False
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
            running = len(self._runner.running)
            return Activity(running, self.n_places - running, self._runner.n_passes, self._runner.n_passed)

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

    def submit(self, sequence: Sequence) -> None:
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

    def stop(self, sequence: Sequence, reason: StopReason) -> None:
        """Have a sequence end early, from any thread; it ends within a pass, or amid one that reads a prompt."""
        if os.getpid() != self._process:
            return
        with self._changed:
            sequence.stop = sequence.stop or reason
            self._runner.abort(sequence)
            self._changed.notify()

    def close(self) -> None:
        """End all sequences with `Closed`, free the context and wait for that; a second call does nothing."""
        if os.getpid() != self._process:
            return
        with self._changed:
            self.is_closing = True
            self._runner.abort()
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
                if self._is_dropping:
                    self._is_dropping = False
                    self.slots.drop_prefixes()
                self._runner.step()
        except BaseException as error:
            reason = error
        with self._changed:
            self.is_closing = True
            left = [*self._runner.running, *self._runner.waiting, *self._arrived]
        self._deadlines.close()
        for sequence in left:
            sequence.end(reason)
        try:
            for slot in self.slots.unsaved():
                self._save(slot)
        finally:
            self._release()

    def _wait(self) -> bool:
        """Wait until there is something to do, and tell whether there is. A longer wait is used to store conversations.

        They are stored one by one, so that who comes meanwhile waits for one of them at most.
        """
        while True:
            unsaved = self.slots.unsaved()
            with self._changed:
                if self._changed.wait_for(self._has_work, IDLE_SECONDS if unsaved else None):
                    self._runner.waiting += self._arrived
                    self._arrived.clear()
                    return not self.is_closing
            self._save(unsaved[0])

    def _has_work(self) -> bool:
        is_busy = self._arrived or self._runner.waiting or self._runner.running
        return self.is_closing or self._is_dropping or bool(is_busy)

    def _save(self, slot: Slot) -> None:
        try:
            slot.save_conversation()
        except (EdgeLamError, MemoryError) as error:  # what can't be stored only has to be read again
            logger.debug("a conversation of %d tokens is not stored: %s", len(slot.tokens), error)

    def _free_place(self, sequence: Sequence) -> None:
        """Give the place of a sequence that has ended to whoever comes next."""
        with self._changed:
            self.n_places -= 1
        self._deadlines.remove(sequence)


class Deadlines:
    """Watches the deadlines of sequences, in one thread that starts with the first of them.

    The engine's thread can't tell by itself amid a pass. A timer for each sequence would start a thread for each
    request: a server gives every request a limit.

    Args:
        expired: called in that thread with each sequence whose deadline has come; not twice.
    """

    def __init__(self, expired: Callable[[Sequence], None]) -> None:
        self._expired = expired
        self._changed = threading.Condition()  # guards what follows
        self._deadlines: dict[Sequence, float] = {}
        self._next = float("inf")  # when the thread looks again
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def add(self, sequence: Sequence) -> None:
        """Watch a sequence, if it has a deadline."""
        if sequence.deadline is None:
            return
        with self._changed:
            self._deadlines[sequence] = sequence.deadline
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="edge-lam-deadlines", daemon=True)
                self._thread.start()
            elif sequence.deadline < self._next:
                self._changed.notify()

    def remove(self, sequence: Sequence) -> None:
        """Watch it no longer."""
        with self._changed:
            self._deadlines.pop(sequence, None)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._is_closed:
                    return
                now = perf_counter()
                over = [sequence for sequence, deadline in self._deadlines.items() if deadline <= now]
                for sequence in over:
                    del self._deadlines[sequence]
                if not over:
                    self._next = min(self._deadlines.values(), default=float("inf"))
                    self._changed.wait(self._next - now if self._deadlines else None)
                    continue
            for sequence in over:
                self._expired(sequence)

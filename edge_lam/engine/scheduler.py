"""`Scheduler`: the thread that owns a context, and what it does next.

In go jobs from any thread. A turn of the owner gathers what each running job needs read, a few tokens of a reply or a
piece of a prompt, into one pass. Knows token ids and sequences, nothing of chat.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from edge_lam.cache import LiveSequence
from edge_lam.decoding import Done, TimeUp
from edge_lam.engine.running import SHORT, Running
from edge_lam.engine.sequences import Sequences
from edge_lam.errors import BackendError, Busy, Cancelled, Closed, EdgeLamError

if TYPE_CHECKING:
    from edge_lam.cache import PrefixStore
    from edge_lam.engine.job import Job, Stop
    from edge_lam.llama import Context

BESIDE = 64  # tokens of prompts in a pass that replies wait for
REST = 1.0  # seconds without work, before conversations are stored: the results of a call come sooner


class Scheduler:
    """Runs jobs on the sequences of one context.

    Attributes:
        sequences: those of the context.

    Args:
        context: nobody else may use it from now on.
        store: where prefixes are kept, or None.
        queue_limit: jobs that may wait for a sequence.
        release: frees the context, at the end, in the owner's thread.
    """

    def __init__(
        self, context: Context, store: PrefixStore | None, *, queue_limit: int, release: Callable[[], None]
    ) -> None:
        self.sequences = Sequences([LiveSequence(context, store, index) for index in range(context.n_sequences)])
        self._context, self._release = context, release
        self._most = context.n_sequences + queue_limit
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._arrived: deque[Job] = deque()
        self._waiting: list[Job] = []
        self._running: list[Running] = []
        self._in_pass: list[Running] = []
        self._closing = False
        self._owner = threading.Thread(target=self._own, name="edge-lam", daemon=True)
        self._owner.start()

    @property
    def may_wait(self) -> bool:
        """Whether this thread can wait for a job: the owner itself and a forked child can't."""
        return threading.current_thread() is not self._owner and os.getpid() == self._process

    def check_process(self) -> None:
        """Raise `BackendError` in a forked child: the owner's thread stayed in the parent."""
        if os.getpid() != self._process:
            raise BackendError("the model belongs to the process that loaded it", hint="load it after the fork")

    def check_open(self) -> None:
        """Raise `Closed` after `close`, and `BackendError` in a forked child."""
        self.check_process()
        if self._closing:
            raise Closed("the model is closed")

    def submit(self, job: Job) -> None:
        """Take a job.

        Raises:
            Busy: too many wait already.
            Closed, BackendError: as `check_open`.
        """
        self.check_open()
        with self._changed:
            self.check_open()
            n_jobs = len(self._arrived) + len(self._waiting) + len(self._running)
            if n_jobs >= self._most:
                raise Busy(f"{n_jobs} requests are running or waiting already", hint="try again later")
            self._arrived.append(job)
            self._changed.notify()

    def stop(self, job: Job, why: Stop) -> None:
        """Have a job end early; it ends within a pass, or amid one that reads a prompt."""
        if os.getpid() != self._process:
            return
        with self._changed:
            job.stop = job.stop or why
            batch = self._in_pass
            # What other replies read in this pass has to be read again: too dear unless the pass is a long one.
            is_worth_it = len(batch) == 1 or sum(running.n_next for running in batch) > SHORT
            if is_worth_it and any(running.job is job for running in batch):
                self._context.abort()
            self._changed.notify()

    def close(self) -> None:
        """End all jobs with `Closed`, free the context and wait for that; a second call does nothing."""
        if os.getpid() != self._process:
            return
        with self._changed:
            self._closing = True
            if self._in_pass:
                self._context.abort()
            self._changed.notify()
        if self.may_wait:
            self._owner.join()

    def _own(self) -> None:
        """Work until closed. A failure here is a bug: everyone who waits gets it, and the context is closed."""
        reason: BaseException = Closed("the model was closed")
        try:
            while self._wait():
                self._turn()
        except BaseException as error:
            reason = error
        with self._changed:
            self._closing = True
            left = [*(running.job for running in self._running), *self._waiting, *self._arrived]
        for running in self._running:
            running.leave()
        for job in left:
            job.end(reason)
        try:
            for sequence in self.sequences.unsaved():
                self._save(sequence)
        finally:
            self._release()

    def _wait(self) -> bool:
        """Wait until there is something to do, and tell whether there is. A longer wait is used to store conversations.

        They are stored one by one, so that who comes meanwhile waits for one of them at most.
        """
        while True:
            unsaved = self.sequences.unsaved()
            with self._changed:
                if self._changed.wait_for(self._has_work, REST if unsaved else None):
                    return not self._closing
            self._save(unsaved[0])

    def _has_work(self) -> bool:
        return bool(self._closing or self._arrived or self._waiting or self._running)

    def _save(self, sequence: LiveSequence) -> None:
        with contextlib.suppress(EdgeLamError, MemoryError):  # what can't be stored only has to be read again
            sequence.save_conversation()

    def _turn(self) -> None:
        while self._arrived:
            self._prepare(self._arrived.popleft())
        self._end_stopped()
        self._start_waiting()
        self._pass()

    def _prepare(self, job: Job) -> None:
        try:
            job.prompt = job.prepare()
        except BaseException as error:
            job.end(error)
        else:
            self._waiting.append(job)
            job.prepared.set()

    def _end_stopped(self) -> None:
        for job in [job for job in self._waiting if job.stop]:
            self._waiting.remove(job)
            if job.stop == "cancelled":
                job.end(Cancelled("the request was cancelled"))
                continue
            try:
                job.expire()
            except BaseException as error:
                job.end(error)
            else:
                job.end(None)
        for running in [running for running in self._running if running.job.stop]:
            if running.job.stop == "cancelled":
                running.leave()
                self._finish(running, Cancelled("the request was cancelled"))
            else:
                self._resume(running, partial(running.expire, TimeUp()))

    def _start_waiting(self) -> None:
        """Give waiting jobs a sequence, in the order in which they came."""
        for job in list(self._waiting):
            if self.sequences.all_taken:
                return
            sequence = self.sequences.take(job.prompt, [running.job.prompt for running in self._running])
            if sequence is None:  # what it begins with is being read by another one
                continue
            self._waiting.remove(job)
            running = Running(job, sequence)
            self._running.append(running)
            self._resume(running, running.begin)

    def _pass(self) -> None:
        """Read what running jobs need, as much as fits one pass, and let those go on that have all they need."""
        with self._changed:
            self._gather()
            batch = self._in_pass
        if not batch:
            return
        start = perf_counter()
        try:
            done = self._context.decode_parts([running.part() for running in batch])
        except EdgeLamError as error:
            for running in batch:
                running.leave()
                running.sequence.keep(0)
                self._finish(running, error)
            return
        finally:
            with self._changed:
                self._in_pass = []
        if not done:
            return
        seconds, n_tokens, row = perf_counter() - start, sum(running.n_next for running in batch), 0
        for running in batch:
            row += running.took(row, seconds)
        for running in batch:
            if not running.unread:
                self._resume(running, partial(running.go_on, Done(running.seconds, running.n_passes, n_tokens)))

    def _gather(self) -> None:
        """Choose what the next pass reads: all that replies need, and prompts in the order in which they came.

        A reply that found no room in the last pass comes first, so that others can't keep it out for ever.
        """
        room, rows = self._context.n_batch, self._context.n_logits
        self._in_pass = []
        for running in sorted(self._running, key=_turn):
            if running.is_prompt and self._in_pass and not self._in_pass[0].is_prompt:
                room = min(room, BESIDE)
            running.choose(room, rows, alone=not self._in_pass)
            if running.n_next:
                self._in_pass.append(running)
                room, rows = room - running.n_next, rows - running.n_rows

    def _resume(self, running: Running, go_on: Callable[[], bool]) -> None:
        """Let a job work until it needs something read, or is through."""
        try:
            if go_on():
                return
        except BaseException as error:
            self._finish(running, error)
        else:
            self._finish(running, None)

    def _finish(self, running: Running, error: BaseException | None) -> None:
        self._running.remove(running)
        self.sequences.give_back(running.sequence)
        running.job.end(error)


def _turn(running: Running) -> int:
    if running.is_prompt:
        return 2
    return 0 if running.was_left_out else 1

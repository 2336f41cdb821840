"""`Deadlines`: one thread that tells when the time of a sequence is over, however many have one.

The engine's thread can't tell by itself amid a pass. A timer for each sequence would start a thread for each request:
a server gives every request a limit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_lam.engine.sequence import Sequence


class Deadlines:
    """Watches the deadlines of sequences; its thread starts with the first of them.

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

"""`Cancellation`: ends a run from any thread, and wakes what waits for something else, so that nobody has to poll."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Cancellation:
    """Set once, and for good."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakes: list[Callable[[], None]] = []
        self._is_set = False

    def set(self) -> None:
        """Cancel."""
        with self._lock:
            self._is_set = True
            wakes = list(self._wakes)
        for wake in wakes:
            wake()

    def is_set(self) -> bool:
        """Return whether it is cancelled."""
        return self._is_set

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have something called, from any thread, when it is cancelled; now, if it is already."""
        with self._lock:
            self._wakes.append(wake)
        try:
            if self._is_set:
                wake()
            yield
        finally:
            with self._lock:
                self._wakes.remove(wake)

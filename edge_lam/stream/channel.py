"""`Channel`: where the events of a stream are put, by any thread, and waited for, or awaited.

It holds what makes the events, by how that is ended, and never who reads them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio

EventT = TypeVar("EventT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class End(Generic[ResultT]):
    """The last thing in a channel: a result or an error."""

    result: ResultT | None = None
    error: BaseException | None = None


class Channel(Generic[EventT, ResultT]):
    """Where events are put, by any one thread at a time, and at last a result or an error.

    Attributes:
        loop: of the coroutine that reads, or None.
        is_cancelled: whether the events are to end early.
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self.is_cancelled = False
        self._items: SimpleQueue[EventT | End[ResultT]] = SimpleQueue()
        self._is_muted = False
        self._ready: asyncio.Event
        self._is_waking = False  # the loop will hear of what is put, and was not told so again
        self._lock = threading.Lock()
        self._cancel: Callable[[], None] | None = None
        self._leave: Callable[[], None] | None = None
        self._was_left = False

    def put(self, event: EventT) -> None:
        """Put an event."""
        if not self._is_muted:
            self._put(event)

    def finish(self, result: ResultT) -> None:
        """Put the result; nothing may follow it."""
        self._put(End(result))

    def fail(self, error: BaseException) -> None:
        """Put the error that ended it; nothing may follow it."""
        self._put(End(error=error))

    def attach(self, *, cancel: Callable[[], None], leave: Callable[[], None] | None = None) -> None:
        """Register what is called with news of the reader; what has happened already is passed at once.

        Args:
            cancel: called when it is to end early; maybe more than once, from any thread.
            leave: called once, when nobody reads any more.
        """
        with self._lock:
            self._cancel, self._leave = cancel, leave
            is_cancelled, was_left = self.is_cancelled, self._was_left
        if was_left and leave:
            leave()
        if is_cancelled:
            cancel()

    def cancel(self) -> None:
        """End it early, from any thread."""
        with self._lock:
            self.is_cancelled, cancel = True, self._cancel
        if cancel:
            cancel()

    def leave(self) -> None:
        """Take note that nobody reads any more."""
        with self._lock:
            leave, self._was_left = None if self._was_left else self._leave, True
        if leave:
            leave()

    def listen(self) -> None:
        """Let the event loop that runs hear of what is put."""
        import asyncio  # here, since it takes longer to import than all of edge-lam

        if self.loop is not (loop := asyncio.get_running_loop()):
            self._ready, self.loop, self._is_waking = asyncio.Event(), loop, False  # another one may never have woken

    def mute(self) -> None:
        """Drop events from now on: nobody is woken up for them."""
        self._is_muted = True

    def get(self) -> EventT | End[ResultT]:
        """Wait for the next event, or the end."""
        return self._items.get()

    async def aget(self) -> EventT | End[ResultT]:
        """Await the next event, or the end; `listen` comes first."""
        while True:
            self._ready.clear()
            with contextlib.suppress(Empty):  # `_ready` is set as soon as there is something
                return self._items.get_nowait()
            await self._ready.wait()

    def _put(self, item: EventT | End[ResultT]) -> None:
        self._items.put(item)
        if self.loop is not None and not self._is_waking:
            self._is_waking = True
            try:
                self.loop.call_soon_threadsafe(self._wake)
            except RuntimeError:  # the loop is closed: nobody listens any more
                self._is_waking = False

    def _wake(self) -> None:
        self._is_waking = False  # first: what is put from now on wakes it again
        self._ready.set()

"""The views of a call's events: a generator, the reply alone, an asynchronous generator. Nothing is decoded here."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING

from edge_lam.engine.events import ReplyFinished, TextDelta

if TYPE_CHECKING:
    from edge_lam.engine.call import Call, Sink
    from edge_lam.engine.events import Event
    from edge_lam.engine.reply import Reply

    Begin = Callable[[Sink], Call]

_BEGUN = TextDelta("")  # nobody sees it


def events_of(begin: Begin) -> Generator[Event, None, None]:
    """Begin a call and return its events; leaving them, also unread, ends it."""
    waiting: queue.SimpleQueue[Event | BaseException | None] = queue.SimpleQueue()
    call = begin(waiting.put)
    events = _events(call, waiting)
    next(events)  # from here on leaving it ends the call, even if nobody asks for an event
    return events


def _events(call: Call, waiting: queue.SimpleQueue[Event | BaseException | None]) -> Generator[Event, None, None]:
    try:
        yield _BEGUN
        while True:
            call.check_process()
            event = waiting.get()
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        if not sys.is_finalizing():  # a stream still open when Python ends
            call.leave()


def reply_of(begin: Begin) -> Reply:
    """Begin a call and wait for its reply; nobody is woken up for what comes before."""
    waiting: queue.SimpleQueue[ReplyFinished | BaseException] = queue.SimpleQueue()

    def sink(event: Event | BaseException | None) -> None:
        if isinstance(event, ReplyFinished | BaseException):
            waiting.put(event)

    call = begin(sink)
    try:
        end = waiting.get()
    finally:
        call.leave()
    if isinstance(end, BaseException):
        raise end
    return end.reply


async def async_events_of(begin: Begin) -> AsyncGenerator[Event, None]:
    """Begin a call and yield its events in the event loop that runs; leaving them ends it."""
    import asyncio

    loop = asyncio.get_running_loop()
    calls: list[Call] = []
    left = threading.Event()
    waiting: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()

    def sink(event: Event | BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(waiting.put_nowait, event)

    def begin_here() -> None:
        calls.append(begin(sink))
        # A cancelled task does not wait for this thread, and its loop may be gone: whichever is later leaves the call.
        if left.is_set():
            calls[0].leave(wait=False)

    try:
        await asyncio.to_thread(begin_here)  # it takes milliseconds, and a moment in which the owner can look at it
        while (event := await waiting.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event
    finally:
        left.set()
        for call in calls:
            call.leave(wait=False)

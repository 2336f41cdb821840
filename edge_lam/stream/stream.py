"""`EventStream`: events as they come, and the result they add up to; one object for code that waits and for asyncio.

What makes the events holds their `Channel` and never the stream, so that a stream that nobody holds any more is left.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Generator
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

from edge_lam.errors import BackendError, Cancelled
from edge_lam.stream.channel import Channel, End, EventT, ResultT

if TYPE_CHECKING:
    from concurrent.futures import Executor

StreamT = TypeVar("StreamT", bound="EventStream[Any, Any]")


# Begins with what makes the events. It puts them into the channel from a thread of its own, or returns a generator that
# whoever reads takes them from, and at last the result.
Begin: TypeAlias = "Callable[[Channel[EventT, ResultT]], Generator[EventT, None, ResultT] | None]"


class EventStream(Generic[EventT, ResultT]):
    """Events as they come, and the result they add up to.

    Iterate over it, or await it with ``async for``; then or instead ask for the `result`. Leaving it early (`close`, a
    ``with`` or ``async with`` block, the last reference) ends what makes the events, and so does `cancel` from any
    thread, after which the reader gets the end: `Cancelled`, unless the events have a better one.

    Args:
        begin: begins with what makes the events; called when they are first requested, in a thread of its own by
            ``async for``.
        is_detached: whether what makes the events goes on when nobody holds the stream any more.
    """

    def __init__(self, begin: Begin[EventT, ResultT], *, is_detached: bool = False) -> None:
        self._is_closed = False
        self._begin: Begin[EventT, ResultT] | None = begin
        self._is_detached = is_detached
        self._channel: Channel[EventT, ResultT] = Channel()
        self._generator: Generator[EventT, None, ResultT] | None = None
        self._end: End[ResultT] | None = None
        self._process = os.getpid()

    def start(self: StreamT) -> StreamT:
        """Begin now, in this thread, instead of when an event is requested.

        Raises:
            EdgeLamError: it can't begin.
        """
        begin, self._begin = self._begin, None
        if begin:
            try:
                self._generator = begin(self._channel)
            except BaseException as error:
                self._set_end(End(error=error))
                raise
        return self

    def start_in_thread(self: StreamT, executor: Executor | None = None) -> StreamT:
        """Begin now, in a thread of its own or one of an executor; an error comes to the reader."""
        begin, self._begin = self._begin, None
        generator, self._generator = self._generator, None
        if begin or generator:
            run = partial(copy_context().run, _run, self._channel, begin, generator)
            if executor:
                executor.submit(run)
            else:
                threading.Thread(target=run, name="edge-lam-stream", daemon=True).start()
        return self

    def cancel(self) -> None:
        """End what makes the events, from any thread."""
        self._channel.cancel()

    def cancelled(self) -> bool:
        """Tell whether `cancel` was called, or the stream left before its end."""
        return self._channel.is_cancelled

    def result(self) -> ResultT:
        """Wait for the end and return the result; events that were not read are dropped.

        Raises:
            Cancelled: it was cancelled, or closed before its end.
            BaseException: what ended the events.
        """
        self._channel.mute()
        try:
            for _ in self:
                pass
        finally:
            self.close()
        return self._result()

    async def aresult(self) -> ResultT:
        """Await the result; otherwise as `result`."""
        self._channel.mute()
        try:
            async for _ in self:
                pass
        finally:
            await self.aclose()
        return self._result()

    def leave(self) -> None:
        """Leave the stream as `close` does, without waiting."""
        self._close(wait=False)

    def close(self) -> None:
        """Leave the stream: end what makes the events, unless it has ended, and wait for that. Not twice."""
        self._close(wait=True)

    async def aclose(self) -> None:
        """Leave the stream, without waiting."""
        self._close(wait=False)

    def __iter__(self: StreamT) -> StreamT:
        return self

    def __next__(self) -> EventT:
        if self._end is not None or self._is_closed:
            raise StopIteration
        self._check_process()
        self.start()
        item = self._channel.get() if self._generator is None else _next(self._generator)
        if not isinstance(item, End):
            return item
        self._set_end(item)
        if item.error is not None:
            raise item.error
        raise StopIteration

    def __aiter__(self: StreamT) -> StreamT:
        return self

    async def __anext__(self) -> EventT:
        if self._end is not None or self._is_closed:
            raise StopAsyncIteration
        self._check_process()
        self._channel.listen()
        self.start_in_thread()
        try:
            item = await self._channel.aget()
        except BaseException:  # the task was cancelled
            self._close(wait=False)
            raise
        if not isinstance(item, End):
            return item
        self._set_end(item)
        if item.error is not None:
            raise item.error
        raise StopAsyncIteration

    def __enter__(self: StreamT) -> StreamT:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def __aenter__(self: StreamT) -> StreamT:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if not sys.is_finalizing() and not getattr(self, "_is_detached", True):
            self._close(wait=False)

    def _result(self) -> ResultT:
        if self._end is None:
            raise Cancelled("the stream was closed before its end")
        if self._end.error is not None:
            raise self._end.error
        return cast("ResultT", self._end.result)

    def _set_end(self, end: End[ResultT]) -> None:
        self._end = end
        self._close(wait=False)

    def _close(self, *, wait: bool) -> None:
        if self._is_closed:
            return
        was_begun = self._begin is None
        self._is_closed, self._begin = True, None
        if self._generator is not None:
            self._generator.close()
        self._channel.leave()
        if self._end is not None or os.getpid() != self._process:
            return
        self._channel.cancel()
        while wait and was_begun and self._generator is None and not isinstance(self._channel.get(), End):
            pass

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise BackendError("the stream belongs to the process that began it", hint="load the model after the fork")


def _next(events: Generator[EventT, None, ResultT]) -> EventT | End[ResultT]:
    """Return the next of some events, or how they ended."""
    try:
        return next(events)
    except StopIteration as stop:
        return End(stop.value)
    except BaseException as error:  # whoever reads gets it
        return End(error=error)


def _run(
    channel: Channel[EventT, ResultT],
    begin: Begin[EventT, ResultT] | None,
    events: Generator[EventT, None, ResultT] | None,
) -> None:
    """Begin, if that is still to be done, and put all events that are to be taken from a generator into a channel."""
    try:
        events = begin(channel) if begin else events
    except BaseException as error:
        channel.fail(error)
        return
    while events is not None:
        item = _next(events)
        if isinstance(item, End):
            channel.finish(cast("ResultT", item.result)) if item.error is None else channel.fail(item.error)
            return
        channel.put(item)

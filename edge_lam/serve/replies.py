"""Replies under way: begun without stalling the event loop, read event by event, ended when nobody listens."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from edge_lam.engine import Event, ReplyFinished, Request

if TYPE_CHECKING:
    from edge_lam.engine import ChatOptions
    from edge_lam.engine.call import Call
    from edge_lam.formats.messages import Messages
    from edge_lam.lam import LAM


class ReplyStream:
    """One reply under way, read in the event loop that began it."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
        self._call: Call

    async def __aiter__(self) -> AsyncIterator[Event]:
        while (event := await self._events.get()) is not None:
            if isinstance(event, BaseException):
                raise event
            yield event

    @property
    def n_prompt(self) -> int:
        """Tokens of the prompt."""
        return len(self._call.prompt)

    def cancel(self) -> None:
        """End the reply, which takes a pass at most, also amid its prompt."""
        self._call.leave(wait=False)


async def begin(lam: LAM, messages: Messages, options: ChatOptions) -> ReplyStream:
    """Begin a reply; its prompt is made, and its options are found to be in order, when this returns.

    Raises:
        EdgeLamError: as `LAM.chat`.
    """
    stream, loop = ReplyStream(), asyncio.get_running_loop()

    def sink(event: Event | BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody listens any more
            loop.call_soon_threadsafe(stream._events.put_nowait, event)

    stream._call = await asyncio.to_thread(lambda: lam._engine.submit(Request.of(messages, options), sink))
    return stream


async def begin_all(lam: LAM, messages: Messages, options: Sequence[ChatOptions]) -> list[ReplyStream]:
    """Begin several replies to the same messages, or none: what one fails with ends the others."""
    streams = list[ReplyStream]()
    try:
        for one in options:
            streams.append(await begin(lam, messages, one))
    except BaseException:
        cancel_all(streams)
        raise
    return streams


def cancel_all(streams: Sequence[ReplyStream]) -> None:
    """End replies, those that are whole too: that is how it is known that nobody listens any more."""
    for stream in streams:
        stream.cancel()


async def merged(streams: Sequence[ReplyStream]) -> AsyncIterator[tuple[int, Event]]:
    """Yield the events of all replies as they come, each with the index of its reply."""
    if len(streams) == 1:
        async for event in streams[0]:
            yield 0, event
        return
    ready: asyncio.Queue[tuple[int, Event] | BaseException | None] = asyncio.Queue()

    async def forward(index: int, stream: ReplyStream) -> None:
        try:
            async for event in stream:
                ready.put_nowait((index, event))
        except Exception as error:
            ready.put_nowait(error)
        else:
            ready.put_nowait(None)

    tasks = [asyncio.create_task(forward(index, stream)) for index, stream in enumerate(streams)]
    try:
        n_left = len(tasks)
        while n_left:
            item = await ready.get()
            if isinstance(item, BaseException):
                raise item
            if item is None:
                n_left -= 1
            else:
                yield item
    finally:
        for task in tasks:
            task.cancel()


async def whole(streams: Sequence[ReplyStream]) -> list[ReplyFinished]:
    """Wait for all replies."""
    ends = list[ReplyFinished]()
    for stream in streams:
        async for event in stream:
            if isinstance(event, ReplyFinished):
                ends.append(event)
    return ends

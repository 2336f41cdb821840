"""Replies under way: begun without stalling the event loop, read event by event, ended when nobody listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from edge_lam.errors import InvalidRequest
from edge_lam.tools import as_tools

if TYPE_CHECKING:
    from edge_lam.engine import ReplyStream
    from edge_lam.lam import LAM
    from edge_lam.request import ChatOptions, ReplyOptions
    from edge_lam.serve.dialects.base import Ask
    from edge_lam.serve.server_tools import ServerTools
    from edge_lam.tools import Tool
    from edge_lam.tools.likes import ToolLike

_PROMPTS = ThreadPoolExecutor(thread_name_prefix="edge-lam-prompt")  # where prompts are made
_LONGEST_KNOWN = 32 * 2**10  # characters of JSON: 64 of them are 2 MiB at most


class Running(Protocol):
    """A reply under way, or an agent's run."""

    @property
    def n_prompt(self) -> int:
        """Tokens of the prompt."""

    @property
    def progress(self) -> tuple[int, int]:
        """How many tokens of the prompt were cached, and how many are read, those included; zeros while it waits."""

    def __aiter__(self) -> AsyncIterator[Any]:
        """Return its events."""

    async def aresult(self) -> Any:
        """Await what they add up to."""

    def cancel(self) -> None:
        """End it; who reads it gets `Cancelled`."""

    def leave(self) -> None:
        """Read it no more, and end it if it is not whole."""


async def begin_all(
    lam: LAM, ask: Ask, options: Sequence[ChatOptions], tools: ServerTools | None = None
) -> Sequence[Running]:
    """Begin the replies to a request, or none: what one fails with ends the others.

    Their prompts are made, and their options are found to be in order, when this returns; but for a single one that is
    not streamed: its client waits for the end alone, and so does the event loop, which hears of a failure then.

    Args:
        lam: the model.
        ask: what is requested.
        options: of each reply to the same messages or prompt.
        tools: those that the server runs, if it has any.

    Raises:
        EdgeLamError: as `LAM.chat`.
    """
    if ask.runs_tools:
        if tools is None:
            hint = "start it with --tools"
            raise InvalidRequest("the server has no tools to run", hint=hint, param="edge_lam")
        if ask.n > 1:
            raise InvalidRequest("n beside edge_lam.run_tools", param="n")
        return [tools.begin(lam, ask, options[0])]
    begins: list[Callable[[], ReplyStream]]
    if ask.prompts:
        begins = [partial(_begin_text, lam, prompt, one) for prompt in ask.prompts for one in options]
    else:
        chats = [_with_known_tools(one) for one in options]
        if len(chats) == 1 and not ask.stream:
            return [lam.astream(ask.messages, **chats[0]).start_in_thread(_PROMPTS)]
        begins = [partial(lam.stream, ask.messages, **one) for one in chats]
    streams: list[ReplyStream] = []
    try:
        for begin in begins:
            streams += [await asyncio.get_running_loop().run_in_executor(_PROMPTS, copy_context().run, begin)]
    except BaseException:
        leave_all(streams)
        raise
    return streams


def _with_known_tools(options: ChatOptions) -> ChatOptions:
    """Return options whose tools are read when they are first looked at: in the thread where the prompt is made."""
    tools = options.get("tools")

    def read(tools: list[ToolLike]) -> Iterator[ToolLike]:
        text = json.dumps(tools)
        yield from _read_tools(text) if len(text) <= _LONGEST_KNOWN else tools

    return {**options, "tools": read(tools)} if isinstance(tools, list) else options


@lru_cache(maxsize=64)
def _read_tools(text: str) -> list[Tool]:
    """Read tools from JSON; clients send the same ones with every request."""
    return as_tools(json.loads(text))


def _begin_text(lam: LAM, prompt: str | Sequence[int | str], options: ChatOptions) -> ReplyStream:
    """Begin the continuation of a prompt, of which parts may be text."""
    if not isinstance(prompt, str):
        prompt = [token for part in prompt for token in (lam.tokenize(part) if isinstance(part, str) else (part,))]
    return lam.generate(cast("str | Sequence[int]", prompt), **cast("ReplyOptions", options))


def cancel_all(streams: Sequence[Running]) -> None:
    """End replies; who reads them gets `Cancelled`."""
    for stream in streams:
        stream.cancel()


def leave_all(streams: Sequence[Running]) -> None:
    """Read replies no more, and end those that are not whole."""
    for stream in streams:
        stream.leave()


async def merged(streams: Sequence[Running]) -> AsyncIterator[tuple[int, Any]]:
    """Yield the events of all replies as they come, each with the index of its reply."""
    if len(streams) == 1:
        async for event in streams[0]:
            yield 0, event
        return
    ready: asyncio.Queue[tuple[int, Any] | BaseException | None] = asyncio.Queue()

    async def forward(index: int, stream: Running) -> None:
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


async def whole(streams: Sequence[Running]) -> list[Any]:
    """Wait for all replies, or answers of agents."""
    return [await stream.aresult() for stream in streams]

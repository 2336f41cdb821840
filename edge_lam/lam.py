"""`LAM`: the one object a user holds. In go messages and tools, out come replies and reports. It never prints."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from collections.abc import Sequence as Tokens
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edge_lam.cache import state_key, write_prefix
from edge_lam.engine import Engine, Event, Reply, ReplyStream, Sequence
from edge_lam.errors import Closed, InvalidRequest
from edge_lam.metrics.log import CallLog
from edge_lam.model_info import ModelInfo
from edge_lam.request import ChatOptions, ReplyOptions, Request
from edge_lam.request.request import MAX_TOKENS, shows_options
from edge_lam.stream import EventStream
from edge_lam.tools import as_tools

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from edge_lam.errors import InvalidTool
    from edge_lam.formats.messages import Messages
    from edge_lam.metrics.report import CallReport
    from edge_lam.request import ReplyOptions
    from edge_lam.stream import Channel
    from edge_lam.tools import Tool
    from edge_lam.tools.likes import ToolLike

__all__ = ["LAM", "ChatOptions", "ModelInfo", "Reply"]


class LAM:
    """A large action model, loaded. Made by `load`; a context manager.

    Any thread may call; a thread of its own does the work, for as many calls side by side as `load` allowed.

    Args:
        engine: what makes the replies.
        reopen: loads it again after `trim`; without it, `trim` keeps the model.

    Raises:
        InvalidRequest: it is made of something else.
    """

    def __init__(self, engine: Engine, reopen: Callable[[], Engine] | None = None) -> None:
        if not isinstance(engine, Engine):
            raise InvalidRequest(f"LAM can't be made of {engine!r}", hint="use edge_lam.load(...)", param="engine")
        self._lock = threading.Lock()  # guards what follows
        self._engine: Engine | None = engine  # None after `trim`
        self._reopen = reopen
        self._log = engine.recorder.log
        self._n_beginning = 0  # requests that have the engine, and no place in its line yet

    @property
    def engine(self) -> Engine:
        """What makes the replies, for benchmarks and tools; its names are not as stable as those here.

        Raises:
            EdgeLamError: the model was trimmed, and can't be loaded again; as `load`.
        """
        with self._lock:
            return self._loaded()

    def _loaded(self) -> Engine:
        if self._engine is None:
            if self._reopen is None:
                raise Closed("the model is closed")
            self._engine = self._reopen()
        return self._engine

    def trim(self) -> int:
        """Give memory back, as phones ask for it: what is kept of prompts in memory and, unless replies run, the model.

        The next call loads the model again; its conversation goes on from what was read of it, which is written into
        `prefix_cache` now (without one it is read again). What is kept there of tools and system messages stays.

        Returns:
            Bytes that were held by what was dropped; 0 if nothing was left to drop.
        """
        with self._lock:
            engine = self._engine
            if engine is None:
                return 0
            memory = engine.recorder.memory()
            if self._n_beginning or engine.core.n_places or self._reopen is None:
                engine.core.drop_prefixes()
                return memory.prefixes
            engine.close(keep_conversations=True)
            self._engine = None
            return memory.prefixes + memory.weights + memory.kv + memory.compute

    def _stream(self, ask: Callable[[], Request]) -> ReplyStream:
        sequence = Sequence(MAX_TOKENS)
        return ReplyStream(partial(self._begin, ask, sequence), sequence)

    def _begin(self, ask: Callable[[], Request], sequence: Sequence, channel: Channel[Event, Reply]) -> None:
        """Begin with a request, on a model that is not dropped meanwhile."""
        request = ask()
        with self._lock:
            engine = self._loaded()
            self._n_beginning += 1
        try:
            engine.begin(request, sequence, channel)
        finally:
            with self._lock:
                self._n_beginning -= 1

    @shows_options
    def chat(self, messages: Messages, **options: Unpack[ChatOptions]) -> Reply:
        """Ask the model and wait for its reply.

        Args:
            messages: a string, or messages in OpenAI's form.
            **options: what may be called (tools, tool_choice, allowed_tools, parallel_tool_calls), what text looks like
                (response_format, stop), where it ends (max_tokens, max_tool_calls, timeout), how tokens are chosen
                (temperature, top_k, top_p, min_p, seed, logit_bias), what is told of them (logprobs, top_logprobs), and
                how the reply is held and read (constrain, calls_in_prose); see `ChatOptions` and `ReplyOptions`. Any
                other is refused by name.

        Raises:
            InvalidRequest: something in the request can't be served; `param` names it. Nothing was decoded.
            InvalidTool: a tool can't be read, or its schema not be enforced.
            PromptTooLong: the prompt leaves no room for a reply; says what takes the room.
            BackendError: llama.cpp failed.
            Closed: after `close()`.
        """
        return self.stream(messages, **options).result()

    @shows_options
    def stream(self, messages: Messages, **options: Unpack[ChatOptions]) -> ReplyStream:
        """Ask the model and get its reply as it comes: text and the arguments of calls in pieces.

        Arguments and errors are those of `chat`. Leaving the stream early (`break`, `close()`), or `cancel()` from any
        thread, ends the reply.

        Returns:
            Events, to iterate over: `TextDelta` for text; for each call `CallStarted`, `ArgumentsDelta` as its
            arguments are written, and `CallFinished` (or `CallDropped` if it can't be used); `ThinkingDelta` for what
            the model thinks aloud; and `ReplyFinished` as the last. However tokens cut the reply, the events add up to
            it. `result()` waits for the reply.
        """
        return self._stream(partial(Request.of, messages, options)).start()

    @shows_options
    async def achat(self, messages: Messages, **options: Unpack[ChatOptions]) -> Reply:
        """Ask the model and await its reply; arguments and errors are those of `chat`. Cancelling the task ends it."""
        return await self.astream(messages, **options).aresult()

    @shows_options
    def astream(self, messages: Messages, **options: Unpack[ChatOptions]) -> ReplyStream:
        """Ask the model and await its reply as it comes; arguments and events are those of `stream`.

        Options are checked and the prompt is made in a thread, when the first event is awaited. Leaving it early
        (`aclose()`) or cancelling the task ends the reply.
        """
        return self._stream(partial(Request.of, messages, options))

    def generate(self, prompt: str | Tokens[int], **options: Unpack[ReplyOptions]) -> ReplyStream:
        """Have the model continue a prompt as it is, without a template: what benchmarks render by themselves.

        Args:
            prompt: text, in which control tokens are read as such, or token ids. The token that every text of this
                model begins with is added where it is not there.
            **options: as of `chat`, but for those of calls; and prompt_logprobs.

        Returns:
            Events as of `stream`: `TextDelta` for text as the model writes it, white space and calls included, and
            `ReplyFinished`. `result()` waits for the reply, whose text is all of it.

        Raises:
            InvalidRequest, PromptTooLong, BackendError, Closed: as `chat`.
        """
        return self._stream(partial(Request.raw, prompt, options)).start()

    def render(self, messages: Messages, tools: Iterable[ToolLike] | None = None) -> str:
        """Return the prompt that messages and tools make, as text.

        Raises:
            InvalidRequest, InvalidTool: as `chat`.
        """
        return self.engine.format.render(messages, as_tools(tools))

    def count_tokens(self, messages: Messages, tools: Iterable[ToolLike] | None = None) -> int:
        """Return how many tokens the prompt of messages and tools has.

        Raises:
            InvalidRequest, InvalidTool, Closed: as `chat`.
        """
        segments = self.engine.format.render_segments(messages, as_tools(tools))
        with self.engine.use():
            return len(self.engine.prompts.tokenize(segments))

    def tokenize(self, text: str, *, add_special: bool = False, parse_special: bool = True) -> list[int]:
        """Return a text as token ids.

        Args:
            text: any text.
            add_special: begin with the token that every text of this model begins with, if there is one.
            parse_special: read "<|im_end|>" and the like as the tokens they name.

        Raises:
            InvalidRequest: the text holds half a character.
            Closed: after `close()`.
        """
        with self.engine.use() as model:
            return model.tokenize(text, add_special=add_special, parse_special=parse_special)

    def detokenize(self, tokens: Iterable[int]) -> bytes:
        """Return what token ids stand for; they may end amid a character.

        Raises:
            InvalidRequest: there is no such token.
            Closed: after `close()`.
        """
        with self.engine.use() as model:
            return model.detokenize(tokens)

    def prewarm(
        self, tools: Iterable[ToolLike] | None = None, *, system: str | None = None, adapter: str = ""
    ) -> EventStream[Event, CallReport]:
        """Read tools and system message ahead of the first request, in the background; an app does it as it starts.

        Args:
            tools: as in `chat`.
            system: the system message of the requests to come, if they have one.
            adapter: as in `chat`: what one adapter read is of no use for another.

        Returns:
            A stream without events; its `result()` is the report of what was read or restored, once it is done. Calls
            meanwhile wait for it. `cancel()` ends it, and dropping it does not.

        Raises:
            InvalidRequest, InvalidTool: as `chat`; the result raises PromptTooLong, BackendError and Closed.
        """
        return self.engine.prewarm(_opening(tools, system, adapter))

    def bake(
        self,
        path: str | os.PathLike[str],
        tools: Iterable[ToolLike] | None = None,
        *,
        system: str | None = None,
        adapter: str = "",
    ) -> int:
        """Write what was computed of tools and system message into one file, to ship inside an app.

        `load(..., prefix=path)` then need not read them, not even for the first call that a device ever makes. The
        file holds for this model file, with these adapters (if requests choose among several, with those that `adapter`
        names), this `kv_type`, this version of llama.cpp and this kind of device.

        Returns:
            How many tokens it holds.

        Raises:
            InvalidRequest: as `chat`; or the file can't be written, `param` is "path".
            InvalidTool, PromptTooLong, BackendError, Closed: as `chat`.
        """
        tokens, state = self.engine.prefix(_opening(tools, system, adapter))
        try:
            write_prefix(Path(path), state_key(self.engine.context, adapter), tokens, state)
        except OSError as error:
            reason = error.strerror or str(error)
            raise InvalidRequest(f"{os.fspath(path)} can't be written: {reason}", param="path") from error
        return len(tokens)

    def usable_tools(
        self, tools: Iterable[ToolLike], on_bad: Callable[[InvalidTool], object] = lambda error: None
    ) -> list[Tool]:
        """Return those of some tools that can be used: a request with any other is refused as a whole.

        Args:
            tools: as in `chat`.
            on_bad: hears of each that can't be read, or that calls can't be held to; why, by tool and path.

        Raises:
            InvalidTool: two have the same name.
        """
        return self.engine.usable_tools(tools, on_bad)

    @property
    def log(self) -> CallLog:
        """Where calls are logged."""
        return self._log

    @property
    def info(self) -> ModelInfo:
        """What is loaded, and how."""
        return ModelInfo.of(self.engine)

    def close(self) -> None:
        """End replies under way, save conversations if `load` was told to, and free the memory; not twice."""
        with self._lock:
            self._reopen = None
            if self._engine:
                self._engine.close()

    def __enter__(self) -> LAM:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        engine = self._engine  # what is trimmed is not loaded to be shown
        return f"LAM({engine.model.name!r}, n_ctx={engine.context.n_ctx})" if engine else "LAM(trimmed)"


def _opening(tools: Iterable[ToolLike] | None, system: str | None, adapter: str) -> Request:
    """Return a request for what all requests with these tools and this system message begin with."""
    messages = [{"role": "system", "content": system}] if system else []
    return Request.of([*messages, {"role": "user", "content": "?"}], {"tools": tools, "adapter": adapter})

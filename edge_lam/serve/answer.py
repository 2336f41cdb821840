"""`AnswerResponse`: sends what a dialect makes of replies, whole or piece by piece, while the client listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from edge_lam.agent import AgentReply
from edge_lam.engine import Reply, ReplyFinished
from edge_lam.errors import Cancelled, Closed, EdgeLamError
from edge_lam.serve.access_log import note_failure, note_gone, note_reply
from edge_lam.serve.errors import RequestError, failure_of
from edge_lam.serve.replies import Running, cancel_all, leave_all, merged, whole
from edge_lam.serve.wire import JSON, PING, to_bytes

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from edge_lam.serve.dialects.base import Dialect
    from edge_lam.serve.metrics import Metrics
    from edge_lam.serve.model import ServedModel

PROGRESS = 0.05  # seconds between two looks at how much of a prompt is read
Write = Callable[[str], Awaitable[None]]

logger = logging.getLogger("edge_lam.serve")

_STREAM_HEADERS = (
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would wait for more
)


class AnswerResponse:
    """An ASGI response.

    Args:
        dialect: how the answer is written.
        streams: the replies, begun.
        model: keeps the replies that are under way; who ends them all lets the answers say that the server stops.
        metrics: counts what was replied.
        ping: seconds of silence after which a streamed answer shows that it goes on.
    """

    def __init__(
        self, dialect: Dialect, streams: Sequence[Running], model: ServedModel, metrics: Metrics, ping: float
    ) -> None:
        self._dialect, self._streams, self._model = dialect, streams, model
        self._metrics, self._ping = metrics, ping
        self._finished: list[Reply] = []
        self._is_gone = False
        self._was_silent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; a client that goes away ends the replies."""
        attending = asyncio.create_task(self._attend(receive, send))
        try:
            await (self._send_stream if self._dialect.ask.stream else self._send_whole)(scope, receive, send)
        except Cancelled as error:
            if not self._is_gone:
                raise _stopping() from error
            note_gone(scope)
        finally:
            attending.cancel()
            leave_all(self._streams)
            self._model.left(self._streams)
            for reply in self._finished:  # only now: the client has its answer
                note_reply(scope, reply)
                self._metrics.reply_finished(reply)

    async def _attend(self, receive: Receive, send: Send) -> None:
        """End the replies when the client goes away, and show it meanwhile that the server is there."""
        if not (self._dialect.ask.stream and self._dialect.pings):
            while (await receive())["type"] != "http.disconnect":
                pass
            self._leave()
            return
        leaving = asyncio.ensure_future(receive())
        try:
            while True:
                self._was_silent = True
                await asyncio.wait({leaving}, timeout=self._ping)
                if not leaving.done():
                    if self._was_silent:
                        await send({"type": "http.response.body", "body": PING, "more_body": True})
                elif leaving.result()["type"] == "http.disconnect":
                    self._leave()
                    return
                else:
                    leaving = asyncio.ensure_future(receive())
        finally:
            leaving.cancel()

    def _leave(self) -> None:
        self._is_gone = True
        cancel_all(self._streams)

    async def _send_whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._dialect.naming():
            results = await whole(self._streams)
        for result in results:
            is_run = isinstance(result, AgentReply)
            self._finished += [step.reply for step in result.steps] if is_run else [result]
            if not is_run:
                _check_begun(result)
        await JSON(self._dialect.whole(results))(scope, receive, send)

    async def _send_stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", self._dialect.media_type), *_STREAM_HEADERS]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

        async def write(text: str) -> None:
            if text:
                self._was_silent = False
                await send({"type": "http.response.body", "body": to_bytes(text), "more_body": True})

        try:
            last = await self._write_events(write)
        except Cancelled:
            if self._is_gone:
                raise
            last = self._failed(scope, _stopping())
        except Exception as error:
            if not isinstance(error, EdgeLamError):
                logger.exception("a streamed answer failed")
            last = self._failed(scope, error)
        await send({"type": "http.response.body", "body": to_bytes(last), "more_body": False})

    async def _write_events(self, write: Write) -> str:
        """Write events as they come, and return what is to be written last."""
        replies: dict[int, Reply] = {}
        held = ""
        await write(self._dialect.begin(self._streams[0].n_prompt))
        events = merged(self._streams)
        if self._dialect.ask.progress:
            events = self._with_progress(events, write)
        async for index, event in events:
            held += self._dialect.event(index, event)
            if isinstance(event, ReplyFinished):  # the end may follow at once, and go with it
                replies[index] = event.reply
                self._finished.append(event.reply)
                _check_begun(event.reply)
                continue
            await write(held)
            held = ""
        return held + self._dialect.end([replies[index] for index in sorted(replies)])

    async def _with_progress(
        self, events: AsyncIterator[tuple[int, Any]], write: Write
    ) -> AsyncIterator[tuple[int, Any]]:
        """Pass events on, and tell until the first of them how much of the prompt is read."""
        stream, start, n_shown = self._streams[0], perf_counter(), -1
        first = asyncio.ensure_future(anext(events))
        try:
            while True:
                done, _ = await asyncio.wait({first}, timeout=PROGRESS)
                cached, read = stream.progress
                for now in (cached, stream.n_prompt if done else read):
                    if now > n_shown and (read or done):
                        n_shown = now
                        await write(self._dialect.progress(stream.n_prompt, cached, now, perf_counter() - start))
                if done:
                    break
            yield first.result()
        finally:
            first.cancel()
        async for item in events:
            yield item

    def _failed(self, scope: Scope, error: BaseException) -> str:
        failure = failure_of(error)
        note_failure(scope, failure.status, failure.code)
        return self._dialect.failed(failure)


def _check_begun(reply: Reply) -> None:
    """Raise where the time limit passed before the first token: an empty answer would look like one of the model."""
    if reply.finish_reason == "timeout" and not reply.report.tokens.generated:
        hint = "ask again in a moment; `edge-lam serve --timeout` sets the limit"
        raise RequestError(503, "timeout", "the time limit passed before the reply began", hint=hint)


def _stopping() -> Closed:
    return Closed("the server is stopping", hint="ask again in a moment")

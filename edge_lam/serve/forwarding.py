"""A request on its way from the process that took it to the one that answers it, as messages of ASGI that travel.

Knows no transport: `edge_lam.serve.ray_app` brings one.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import anyio

from edge_lam.errors import EdgeLamError
from edge_lam.serve.access_log import note_failure, note_gone, note_too_slow
from edge_lam.serve.errors import Failure, RequestError, failure_of
from edge_lam.serve.protocol import SLOW_SECONDS
from edge_lam.serve.wire import failure_event, failure_response, to_bytes

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

Message = MutableMapping[str, Any]
_SCOPE = ("type", "http_version", "method", "scheme", "path", "raw_path", "query_string", "headers", "client", "server")
_SYSTEM = ("system", "developer")
ATTEMPTS = 3
MAX_UNREAD = 64  # messages that wait for their reader; then the answer waits
_PROMPT = 1024  # characters at the start of a prompt as it is, by which those are told apart

logger = logging.getLogger("edge_lam.serve")


class ReplicaLostError(RequestError):
    """The process that was to answer is no more."""

    def __init__(self) -> None:
        super().__init__(503, "replica_lost", "the process that wrote the answer was lost", hint="ask again")


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A request, read.

    Attributes:
        scope: of ASGI, without what belongs to a process.
        body: whole.
        prefix: the same for requests whose prompts begin alike; "" if nothing can be told.
        is_repeatable: whether another process may answer it anew when the first is lost.
    """

    scope: dict[str, Any]
    body: bytes
    prefix: str = ""
    is_repeatable: bool = True

    @classmethod
    def of(cls, scope: Scope, body: bytes) -> Forwarded:
        """Return a request that was received."""
        plain = {name: scope[name] for name in _SCOPE if name in scope}
        try:
            asked = json.loads(body) if body else {}
        except (ValueError, RecursionError):  # it is for who answers to say so
            asked = {}
        asked = asked if isinstance(asked, dict) else {}
        return cls(plain, body, _prefix_of(asked), not _runs_tools(asked))


def _prefix_of(asked: dict[str, Any]) -> str:
    """Return what stands for the start of the prompt: tools and the system's words; with them goes the adapter."""
    messages = asked.get("messages", asked.get("input"))
    first = messages[0] if isinstance(messages, list) and messages else None
    system = first if isinstance(first, dict) and first.get("role") in _SYSTEM else None
    prompt = asked.get("prompt")
    start = [asked.get(name) for name in ("tools", "system", "instructions")]
    start += [system, prompt[:_PROMPT] if isinstance(prompt, str) else None]
    if not any(start):
        return ""
    return sha256(json.dumps([asked.get("model"), *start], sort_keys=True).encode()).hexdigest()


def _runs_tools(asked: dict[str, Any]) -> bool:
    ours = asked.get("edge_lam")
    return isinstance(ours, dict) and bool(ours.get("run_tools"))


async def answered(app: ASGIApp, asked: Forwarded) -> AsyncGenerator[Message, None]:
    """Yield what an app sends in answer to a request; who stops reading is a client that went away.

    While nobody takes it, little of the answer is kept here: its events wait in the reply, which has a token limit.

    Raises:
        RequestError: nobody took any of it for so long that it was ended.
    """
    sent: asyncio.Queue[Message | None] = asyncio.Queue(MAX_UNREAD)
    scope, is_cut = dict(asked.scope), False
    received = [{"type": "http.request", "body": asked.body, "more_body": False}]
    gone = asyncio.Event()

    async def receive() -> Message:
        if received:
            return received.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal is_cut
        if gone.is_set():
            return
        try:
            with anyio.fail_after(SLOW_SECONDS):
                await sent.put(message)
        except TimeoutError:  # the access log says so
            is_cut = True
            note_too_slow(scope)
            gone.set()

    async def run() -> None:
        try:
            await app(scope, receive, send)
        except Exception:  # its answer is sent
            logger.exception("an answer failed")
        finally:
            await sent.put(None)

    running = asyncio.create_task(run())
    try:
        while (message := await sent.get()) is not None:
            yield message
        if is_cut:
            raise RequestError(408, "client_too_slow", f"nothing of the answer was taken for {SLOW_SECONDS:g} seconds")
    finally:
        gone.set()
        while not sent.empty():  # what waits for room may end
            sent.get_nowait()
        await asyncio.shield(running)


class ForwardedResponse:
    """An ASGI response: what another process answers. A lost one is told to the client, or another is asked.

    Args:
        asked: the request.
        begin: has a process answer it, and returns the messages as they come; they raise `ReplicaLostError` if it is
            lost, and another error of ours if none can be asked.
    """

    def __init__(self, asked: Forwarded, begin: Callable[[Forwarded], AsyncGenerator[Message, None]]) -> None:
        self._asked, self._begin = asked, begin
        self._head: Message | None = None  # sent with the first part of the body: until then another may be asked
        self._is_begun, self._n_events = False, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, until the client goes away."""
        passing = asyncio.ensure_future(self._pass_on(scope, receive, send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({passing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not passing.done():
                note_gone(scope)
                return
            await passing
        finally:
            for task in (passing, leaving):
                task.cancel()
            await asyncio.gather(passing, leaving, return_exceptions=True)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what a process answers; another one's, if the first is lost before anything is sent."""
        n_left = ATTEMPTS if self._asked.is_repeatable else 1
        while n_left:
            n_left -= 1
            self._head = None
            try:
                async with aclosing(self._begin(self._asked)) as messages:
                    async for message in messages:
                        await self._send(message, send)
                if not self._is_begun:  # its log has the reason
                    raise RuntimeError("no answer")
            except Exception as error:
                if isinstance(error, ReplicaLostError) and n_left and not self._is_begun:
                    continue
                if not isinstance(error, EdgeLamError):
                    logger.exception("an answer could not be forwarded")
                await self._tell(failure_of(error), scope, receive, send)
            return

    async def _send(self, message: Message, send: Send) -> None:
        if message["type"] == "http.response.start":
            self._head = message
            return
        if self._head is not None and not self._is_begun:
            self._is_begun = True
            await send(self._head)
        self._n_events += message.get("body", b"").count(b"\n\n")
        await send(message)

    async def _tell(self, failure: Failure, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell a failure: as an answer if there is none yet, else as the last event of a stream."""
        note_failure(scope, failure.status, failure.code)
        path = self._asked.scope["path"]
        if not self._is_begun:
            await failure_response(failure, path)(scope, receive, send)
            return
        event = to_bytes(failure_event(failure, path, self._n_events))
        await send({"type": "http.response.body", "body": event, "more_body": False})


async def _left(receive: Receive) -> None:
    """Wait until the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass

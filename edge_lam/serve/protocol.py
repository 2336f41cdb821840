"""`BoundedProtocol`: HTTP whose headers take neither longer nor more memory than they may."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from edge_lam.serve.access_log import note_too_slow
from edge_lam.serve.errors import TYPES, Failure, failure_of
from edge_lam.serve.gate import MAX_HEADERS, too_large
from edge_lam.serve.wire import failure_response

if TYPE_CHECKING:
    from starlette.types import Scope
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class AutoHTTPProtocol(H11Protocol):
        """uvicorn's own, on httptools if that is installed; which alone calls these."""

        def on_message_begin(self) -> None: ...  # noqa: D102

        def on_headers_complete(self) -> None: ...  # noqa: D102

else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

logger = logging.getLogger("edge_lam.serve")

HEADER_SECONDS = 20.0
SLOW_SECONDS = 60.0  # a client may take nothing of an answer that waits for it


class _HeldHeads:
    """A transport that sends the head of an answer with what follows at once: one packet, which wakes a client once."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop, self._head = transport, loop, b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send bytes; a head in the next turn of the loop, if nothing follows it before."""
        if not self._head and data.startswith(b"HTTP/"):
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            data, self._head = self._head + data, b""
            self._transport.write(data)

    def close(self) -> None:
        """Send what was held, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            self.write(b"")


class BoundedProtocol(AutoHTTPProtocol):
    """Closes connections whose next request does not begin in time, or whose headers do not end, or are too large.

    One whose client takes nothing of its answer for too long, with more waiting than the transport buffers, is cut.

    Headers that end are counted by the gate. Of those that do not, h11 keeps uvicorn's `h11_max_incomplete_event_size`,
    and httptools any number of bytes.
    """

    _waiting: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None
    _n_header_bytes: int | None = None  # None while no headers are read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(cast("asyncio.Transport", _HeldHeads(transport, self.loop)))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._take()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Have the answer wait, but not for ever."""
        super().pause_writing()
        self._untaken = self._untaken or self.loop.call_later(SLOW_SECONDS, self._cut)

    def resume_writing(self) -> None:
        """Have it go on."""
        self._take()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait for the rest of headers that began."""
        super().data_received(data)
        if self._n_header_bytes is not None:
            self._n_header_bytes += len(data)
            if self._n_header_bytes > MAX_HEADERS:
                self.send_400_response("")
        self._wait()

    def on_message_begin(self) -> None:
        """Begin to count the bytes of headers."""
        self._n_header_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Count no more."""
        self._n_header_bytes = None
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Say why a request can't be read, in a body like those of all errors, and close the connection."""
        unread = self._n_header_bytes if hasattr(self, "parser") else len(self.conn.trailing_data[0])
        status = HTTPStatus.BAD_REQUEST
        failure = Failure(status, "invalid_http", "this is no HTTP request", None, TYPES[400])
        if unread and unread > MAX_HEADERS:
            status, failure = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, failure_of(too_large())
        body = failure_response(failure, "").body
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + bytes(body))
        self.transport.close()

    def _wait(self) -> None:
        if self._has_request():
            if self._waiting:
                self._waiting.cancel()
            self._waiting = None
        elif self._waiting is None:
            self._waiting = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _take(self) -> None:
        if self._untaken:
            self._untaken.cancel()
        self._untaken = None

    def _cut(self) -> None:
        logger.info("a client took nothing of its answer for %g seconds: it is cut off", SLOW_SECONDS)
        if self._has_request():
            note_too_slow(cast("Scope", self.cycle.scope))
        self.transport.abort()

    def _give_up(self) -> None:
        self._waiting = None
        if not self._has_request():
            self.transport.close()

    def _has_request(self) -> bool:
        """Whether a request's headers are there, and it is not answered yet."""
        return self.cycle is not None and not self.cycle.response_complete

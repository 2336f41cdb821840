"""`BoundedProtocol`: HTTP whose headers take neither longer nor more memory than they may."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from edge_lam.serve.errors import TYPES, Failure, failure_of
from edge_lam.serve.gate import MAX_HEADERS, too_large
from edge_lam.serve.wire import failure_response

if TYPE_CHECKING:
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class AutoHTTPProtocol(H11Protocol):
        """uvicorn's own, on httptools if that is installed; which alone calls these."""

        def on_message_begin(self) -> None: ...  # noqa: D102

        def on_headers_complete(self) -> None: ...  # noqa: D102

else:
    from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_SECONDS = 20.0


class BoundedProtocol(AutoHTTPProtocol):
    """Closes connections whose next request does not begin in time, or whose headers do not end, or are too large.

    Headers that end are counted by the gate. Of those that do not, h11 keeps uvicorn's `h11_max_incomplete_event_size`,
    and httptools any number of bytes.
    """

    _waiting: asyncio.TimerHandle | None = None
    _n_header_bytes: int | None = None  # None while no headers are read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

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

    def _give_up(self) -> None:
        self._waiting = None
        if not self._has_request():
            self.transport.close()

    def _has_request(self) -> bool:
        """Whether a request's headers are there, and it is not answered yet."""
        return self.cycle is not None and not self.cycle.response_complete

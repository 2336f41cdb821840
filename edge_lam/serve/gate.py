"""`Gate`: refuses a request by its headers alone, before anything else looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers

from edge_lam.serve.access_log import note_failure
from edge_lam.serve.auth import Keys
from edge_lam.serve.errors import RequestError, failure_of
from edge_lam.serve.hosts import Hosts
from edge_lam.serve.wire import failure_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from edge_lam.serve.options import ServeOptions


MAX_HEADERS = 64 * 2**10  # bytes
TWO_LENGTHS = "two_lengths"


class Gate:
    """An ASGI middleware that checks the size of headers, what they say of the body's, host, origin and key.

    Args:
        app: answers what passes.
        options: says what may.
    """

    def __init__(self, app: ASGIApp, options: ServeOptions) -> None:
        self._app = app
        self._hosts = Hosts(options.hosts, options.cors)
        self._keys = Keys(options.api_keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or answer why not."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            try:
                if sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEADERS:
                    raise too_large()
                _check_length(headers)
                self._hosts.check(headers)
                self._keys.check(scope["path"], headers)
            except RequestError as error:
                failure = failure_of(error)
                note_failure(scope, failure.status, failure.code)
                response = failure_response(failure, scope["path"])
                if failure.code == TWO_LENGTHS:
                    response.headers["connection"] = "close"  # where the next request begins, nobody can tell
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _check_length(headers: Headers) -> None:
    """Refuse a body of two lengths: a proxy may go by the other one, and take its end for another client's request."""
    if "content-length" in headers and "transfer-encoding" in headers:
        raise RequestError(400, TWO_LENGTHS, "a request has Content-Length or Transfer-Encoding, not both")


def too_large() -> RequestError:
    """Return the error that tells of headers that are larger than they may be."""
    return RequestError(
        431, "headers_too_large", f"the headers are larger than the {MAX_HEADERS} bytes that they may be"
    )

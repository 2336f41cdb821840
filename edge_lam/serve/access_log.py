"""The access log: a line of JSON for each request. Requests and answers never stand in it."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from time import perf_counter
from typing import TYPE_CHECKING, Any

from edge_lam.serve.errors import CLIENT_GONE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from edge_lam.engine import Reply
    from edge_lam.serve.metrics import Metrics

Write = Callable[[str], None]
_LONGEST_ID = 128
NOTES = "edge_lam.notes"  # the key of a request's scope under which handlers leave what they did


class AccessLog:
    """An ASGI middleware that gives each request an id, counts it, and writes a line once it is answered.

    Args:
        app: answers.
        metrics: counts requests.
        write: takes a line, without its end; None writes none.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, write: Write | None = None) -> None:
        self._app, self._metrics, self._write = app, metrics, write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and write its line whatever happens."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start, began = perf_counter(), datetime.now(timezone.utc)
        status, n_bytes, request_id = 0, 0, _request_id(scope)
        notes: dict[str, Any] = scope.setdefault(NOTES, {})

        async def count(message: Message) -> None:
            nonlocal status, n_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode("latin-1"))]
            elif message["type"] == "http.response.body":
                n_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, count)
        except Exception:  # it is reported further out
            notes.setdefault("status", 500)
            raise
        finally:
            status = notes.pop("status", status)
            if "route" in scope:  # paths that are none are not counted: anybody could make them up
                self._metrics.request_answered(scope["route"].path, status)
            if self._write:
                line = {
                    "time": began.isoformat(timespec="milliseconds"),
                    "id": request_id,
                    "client": (scope.get("client") or ("", 0))[0],
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status,
                    "bytes": n_bytes,
                    "ms": round((perf_counter() - start) * 1000, 1),
                    **notes,
                }
                self._write(json.dumps(line))


def note_reply(scope: Scope, reply: Reply) -> None:
    """Leave what a reply took for the request's line; further replies to the same request add to it."""
    notes, report = scope.setdefault(NOTES, {}), reply.report
    notes.setdefault("replies", []).append(report.id)
    notes["prompt_tokens"] = report.tokens.prompt
    notes["cached_tokens"] = max(report.tokens.cached, notes.get("cached_tokens", 0))
    notes["reply_tokens"] = report.tokens.generated + notes.get("reply_tokens", 0)
    notes["calls"] = report.n_calls + notes.get("calls", 0)
    notes["finish_reason"] = report.finish_reason
    notes.setdefault("first_token_ms", round(report.times.first_token * 1000, 1))


def note_failure(scope: Scope, status: int, code: str) -> None:
    """Leave why a request failed for its line, also if its headers were sent before."""
    scope.setdefault(NOTES, {}).update(status=status, error=code)


def note_gone(scope: Scope) -> None:
    """Leave that the client went away, unless it is known better why nobody reads any more."""
    notes = scope.setdefault(NOTES, {})
    notes["status"] = CLIENT_GONE
    notes.setdefault("error", "client_gone")


def note_too_slow(scope: Scope) -> None:
    """Leave that the client took nothing of its answer for so long that it gets no more of it."""
    note_failure(scope, CLIENT_GONE, "client_too_slow")


def print_line(line: str) -> None:
    """Write a line to standard output at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _request_id(scope: Scope) -> str:
    """Return the id that a client or proxy gave the request, if it is one, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and len(value) <= _LONGEST_ID and value.isascii():
            text: str = value.decode()
            if text.isprintable() and text:
                return text
    return uuid.uuid4().hex

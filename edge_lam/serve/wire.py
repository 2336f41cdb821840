"""What goes over the wire: JSON, server-sent events, and lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from edge_lam.serve.errors import Failure, error_object

PING = b": ping\n\n"
DONE = "data: [DONE]\n\n"


def to_text(value: object) -> str:
    """Return JSON in one line, as short as it gets."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def to_bytes(text: str) -> bytes:
    """Encode what may quote a client: half of a surrogate pair, which JSON can hold and UTF-8 can't, becomes "?"."""
    return text.encode(errors="replace")


def sse(value: object, event: str = "") -> str:
    """Return a server-sent event with JSON as its data."""
    return f"event: {event}\ndata: {to_text(value)}\n\n" if event else f"data: {to_text(value)}\n\n"


def failure_event(failure: Failure, path: str, n_events: int) -> str:
    """Return what tells a failure amid a stream, in the form of the API that has the path.

    Args:
        failure: what went wrong.
        path: of the request.
        n_events: how many events came before.
    """
    told = error_object(failure, path)
    if path.startswith("/api/"):
        return to_text(told) + "\n"
    if path.startswith("/v1/messages"):
        return sse(told, "error")
    if path.endswith("/responses"):
        flat = {"code": failure.code, "message": failure.message, "param": failure.param}
        return sse({"type": "error", "sequence_number": n_events, **flat}, "error")
    return sse(told)


class JSON(Response):
    """An answer in JSON."""

    media_type = "application/json"

    def __init__(self, value: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(to_bytes(to_text(value)), status_code, headers)


def failure_response(failure: Failure, path: str) -> JSON:
    """Return the answer that tells a failure."""
    return JSON(error_object(failure, path), failure.status, failure.headers)

"""Errors as HTTP answers: every error gets a status, and a body in the form that the API of its path has.

A fault of the client is never a 500: clients send those again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edge_lam.errors import Busy, Cancelled, Closed, EdgeLamError, InvalidRequest, PromptTooLong

RETRY_AFTER = 1  # seconds
_LONGEST_MESSAGE = 1000  # characters: messages quote what was sent
CLIENT_GONE = 499  # nobody gets to see it but the log

# What clients of OpenAI's API and of llama-server find in "type".
TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    431: "invalid_request_error",
    501: "not_supported_error",
    503: "unavailable_error",
}


class RequestError(EdgeLamError):
    """A request that the server does not take.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int, code: str, message: str, *, hint: str = "", param: str | None = None) -> None:
        super().__init__(message, hint=hint, param=param)
        self.status = status
        self.code = code


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as an answer tells it.

    Attributes:
        status: of the answer.
        code: stable, such as "invalid_tool".
        message: one line, with the hint what to do.
        param: the field of the request at fault.
        type: as in `TYPES`.
        details: more that stands beside them.
    """

    status: int
    code: str
    message: str
    param: str | None
    type: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to it."""
        return {"retry-after": str(RETRY_AFTER)} if self.status in (429, 503) else {}


def failure_of(error: BaseException) -> Failure:
    """Return how an error is reported; one that is not ours without its text, which may say too much."""
    if isinstance(error, PromptTooLong):
        details = {"n_prompt_tokens": error.n_prompt, "n_ctx": error.n_ctx}
        # OpenAI's clients look for the code, llama-server's for the type.
        kind = "exceed_context_size_error"
        return Failure(400, "context_length_exceeded", str(error), error.param, kind, details)
    if not isinstance(error, EdgeLamError):
        return Failure(500, "internal_error", "internal error", None, "server_error")
    status, message = _status(error), str(error)
    if len(message) > _LONGEST_MESSAGE:
        message = message[:_LONGEST_MESSAGE] + "…"
    return Failure(status, error.code, message, error.param, TYPES.get(status, "server_error"))


def _status(error: EdgeLamError) -> int:
    if isinstance(error, RequestError):
        return error.status
    if isinstance(error, InvalidRequest):
        return 400
    if isinstance(error, Busy):
        return 429
    if isinstance(error, Cancelled):
        return CLIENT_GONE
    return 503 if isinstance(error, Closed) else 500


def error_object(failure: Failure, path: str) -> dict[str, Any]:
    """Return the body of an answer that tells a failure, in the form of the API that has the path."""
    if path.startswith("/v1/messages"):
        kinds = {404: "not_found_error", 503: "overloaded_error", 500: "api_error"}
        kind = kinds.get(failure.status, TYPES.get(failure.status, "api_error"))
        return {"type": "error", "error": {"type": kind, "message": failure.message} | failure.details}
    if path.startswith("/api/"):
        return {"error": failure.message}
    values = {"message": failure.message, "type": failure.type, "param": failure.param, "code": failure.code}
    return {"error": values | failure.details}

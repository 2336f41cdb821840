"""The JSON body of a request, held to the size and the time that it may take."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio

from edge_lam.serve.errors import RequestError

if TYPE_CHECKING:
    from starlette.requests import Request

    from edge_lam.serve.options import ServeOptions

_LARGE = 256 * 2**10  # bytes: a millisecond and more


async def read_json(request: Request, options: ServeOptions) -> dict[str, Any]:
    """Return the object in a request's body.

    Raises:
        RequestError: as `read_body`, or the body is no JSON object in UTF-8.
        starlette.requests.ClientDisconnect: the client went away.
    """
    body = await read_body(request, options)
    try:
        read = partial(json.loads, body, parse_constant=_no_number)
        # Others wait for nothing meanwhile but the interpreter.
        plain = read() if len(body) < _LARGE else await asyncio.to_thread(read)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError too
        raise RequestError(400, "invalid_json", f"the body is not JSON: {error}") from error
    if not isinstance(plain, dict):
        raise RequestError(400, "invalid_json", f"the body must be a JSON object, not {type(plain).__name__}")
    return plain


async def read_body(request: Request, options: ServeOptions) -> bytes:
    """Return a request's body.

    Raises:
        RequestError: it is too large, or takes too long.
        starlette.requests.ClientDisconnect: the client went away.
    """
    try:
        with anyio.fail_after(options.body_timeout):
            return await _read(request, options.max_body)
    except TimeoutError as error:
        message = f"the body did not arrive within {options.body_timeout:g} seconds"
        raise RequestError(408, "body_timeout", message) from error


async def _read(request: Request, limit: int) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _too_large(limit: int) -> RequestError:
    return RequestError(413, "body_too_large", f"the body is larger than the {limit} bytes that a request may have")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")

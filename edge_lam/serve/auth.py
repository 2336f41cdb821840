"""API keys: which a request carries, and whether it is one of ours."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import Headers

from edge_lam._util.read_file import as_text, read_bounded
from edge_lam.errors import InvalidRequest
from edge_lam.serve.errors import RequestError

PUBLIC = ("/", "/health", "/v1/health")
_BEARER = "bearer "
_MAX_BYTES = 1 << 20  # of a file of keys


class Keys:
    """The keys that open the server; without any, it is open.

    Args:
        keys: as clients send them, in ``Authorization: Bearer KEY`` or in ``X-Api-Key: KEY``.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [_digest(key) for key in keys]

    def check(self, path: str, headers: Headers) -> None:
        """Refuse a request without a key of ours, in a time that does not tell how near it came.

        Raises:
            RequestError: 401.
        """
        if not self._digests or path in PUBLIC:
            return
        given = _digest(_key_in(headers))
        if not sum(hmac.compare_digest(given, digest) for digest in self._digests):
            hint = "send it as Authorization: Bearer KEY, or X-Api-Key: KEY"
            raise RequestError(401, "invalid_api_key", "a valid API key is needed", hint=hint)


def read_key_file(path: str) -> tuple[str, ...]:
    """Return the keys in a file, one a line; empty lines, and those that begin with #, are none.

    Raises:
        InvalidRequest: it can't be read, or holds none; `param` is "api_key_file".
    """
    try:
        lines = as_text(read_bounded(Path(path), _MAX_BYTES)).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequest(f"the API keys in {path} can't be read: {reason}", param="api_key_file") from error
    keys = tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
    if not keys:
        raise InvalidRequest(f"{path} holds no API key", hint="write one a line", param="api_key_file")
    return keys


def _key_in(headers: Headers) -> str:
    authorization = headers.get("authorization", "")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    return headers.get("x-api-key", "")


def _digest(key: str) -> bytes:
    return sha256(key.encode(errors="replace")).digest()

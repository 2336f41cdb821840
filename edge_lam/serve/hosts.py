"""Who a browser may be made to talk to us for: the checks that stop foreign pages, also behind a rebound DNS name."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from edge_lam.serve.errors import RequestError

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Hosts:
    """The names that the server answers to; without any, to all.

    Args:
        hosts: names without a port, as they stand in Host headers; IPv6 addresses without brackets.
        origins: of pages from elsewhere that may ask all the same; "*" stands for all.
    """

    def __init__(self, hosts: Iterable[str], origins: Iterable[str]) -> None:
        self._hosts = {host.lower() for host in hosts}
        self._origins = set(origins)

    def check(self, headers: Headers) -> None:
        """Refuse a request that names another host, or that a page from elsewhere sends.

        Raises:
            RequestError: 403.
        """
        if not self._hosts:
            return
        host = headers.get("host", "")
        if _name("//" + host) not in self._hosts:
            hint = "allow it with --allow-host"
            raise RequestError(403, "unknown_host", f"the server does not answer to the host {host!r}", hint=hint)
        origin = headers.get("origin")
        if origin is None or "*" in self._origins or origin in self._origins:
            return
        if urlsplit(origin).netloc.lower() != host.lower():
            hint = "allow it with --cors"
            raise RequestError(403, "foreign_origin", f"pages of {origin!r} may not ask this server", hint=hint)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a host."""
    return host in LOOPBACK or host.startswith("127.")


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # half of an IPv6 address
        return ""

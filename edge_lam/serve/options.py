"""`ServeOptions`: how the server behaves, whoever asks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ServeOptions:
    """Who is answered, and how much of what one request may take. Sizes are bytes, times are seconds.

    Attributes:
        api_keys: one of them must come with each request, but for /health; none are needed if it is empty.
        cors: origins whose pages may read answers; "*" stands for all.
        hosts: the names that a Host header may hold; any if it is empty. A page from elsewhere (by its Origin) is
            refused then too, unless `cors` names it.
        alias: what the model is called; by default the name in its file.
        max_body: bytes of a request.
        max_tokens: tokens of a reply, whatever the request asks for.
        max_tools: of a request.
        max_choices: replies to one request (`n`).
        timeout: seconds for a whole reply, waiting included; one that takes longer ends as it is, with 503 if it has
            not begun.
        body_timeout: seconds for a request's body to arrive.
        page: whether `/` is a page to talk to the model.
        ping: seconds that a stream may be silent before a comment says that the server is alive.
    """

    api_keys: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    alias: str | None = None
    max_body: int = 16 * 2**20
    max_tokens: int | None = None
    max_tools: int = 128
    max_choices: int = 8
    timeout: float | None = 600.0
    body_timeout: float = 30.0
    page: bool = True
    ping: float = 15.0

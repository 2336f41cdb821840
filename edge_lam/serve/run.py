"""`run`: serves an app on sockets until it is told to stop, and then lets what is under way end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

from edge_lam._util.debug import suppressed
from edge_lam.errors import InvalidRequest
from edge_lam.serve.gate import MAX_HEADERS
from edge_lam.serve.protocol import BoundedProtocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from edge_lam.serve.model import ServedModel

logger = logging.getLogger("edge_lam.serve")

KEEP_ALIVE = 75  # seconds; longer than proxies and clients keep an idle connection, so that it is theirs to close
_BACKLOG = 2048
# After which the engine's thread, between two passes, lets the event loop have the interpreter: Python's own 5 ms are a
# fifth of a call of the embedded model.
_SWITCH_SECONDS = 0.0005
_LAST_WORDS = 5.0  # seconds for answers to tell that the server stops; what does not even do that is cut off


def run(
    app: ASGIApp, model: ServedModel, sockets: Sequence[socket.socket], *, grace: float, ready: Callable[[], None]
) -> None:
    """Load a model and serve an app until SIGTERM or Ctrl-C, and free the model.

    Args:
        app: answers requests, with 503 until the model is loaded.
        model: not started yet.
        sockets: from `listen`.
        grace: seconds that requests under way get to end; no new ones are taken meanwhile.
        ready: called once the model is loaded, in another thread.

    Raises:
        EdgeLamError: the model can't be loaded.
    """
    failures = list[BaseException]()
    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        h11_max_incomplete_event_size=MAX_HEADERS,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(grace + _LAST_WORDS),
        backlog=_BACKLOG,
    )
    server = DrainingServer(config, model, grace)

    def failed(error: BaseException) -> None:
        failures.append(error)
        server.should_exit = True

    sys.setswitchinterval(_SWITCH_SECONDS)
    model.start(ready, failed)
    with _signals_kept():
        server.run(sockets=list(sockets))
    if failures:
        raise failures[0]
    model.close()


def listen(hosts: Sequence[str], port: int) -> list[socket.socket]:
    """Return sockets that listen on a port of each host, to the same one if the port is 0.

    Raises:
        InvalidRequest: there is no such host here, or the port is taken; `param` is "host" or "port".
    """
    sockets = list[socket.socket]()
    for host in hosts:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            sockets.append(bound := socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind(address)
            bound.listen(_BACKLOG)  # from now on clients wait instead of being refused
        except OSError as error:
            for one in sockets:
                one.close()
            param = "host" if isinstance(error, socket.gaierror) else "port"
            hint = "another program may have it: choose another --port" if param == "port" else ""
            raise InvalidRequest(f"can't listen on {host}:{port}: {error.strerror}", hint=hint, param=param) from error
        port = port or bound.getsockname()[1]
    return sockets


@contextlib.contextmanager
def listen_unix(path: str) -> Iterator[socket.socket]:
    """Listen on a Unix socket that only this user may connect to, and remove it at the end.

    Raises:
        InvalidRequest: the path is taken, or can't be bound; `param` is "unix".
    """
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        before = os.umask(0o177)
        try:
            bound.bind(path)
            bound.listen(_BACKLOG)
        finally:
            os.umask(before)
    except OSError as error:
        bound.close()
        raise InvalidRequest(f"can't listen on {path}: {error.strerror or error}", param="unix") from error
    try:
        yield bound
    finally:
        bound.close()
        with suppressed(logger, f"{path} stays", OSError):
            Path(path).unlink(missing_ok=True)


def _remove_stale(path: str) -> None:
    """Remove the socket of a server that is no more."""
    if not Path(path).is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:  # nobody listens there any more
            Path(path).unlink()


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Have signals stop the server alone: uvicorn raises them again when it is through, and the model is to be freed.

    A second Ctrl-C, while requests end, cuts them off.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: signal.signal(name, _nothing) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _nothing(*_: Any) -> None:
    pass


class DrainingServer(uvicorn.Server):
    """uvicorn's server; requests under way may end when it stops, and are told why if they take too long."""

    def __init__(self, config: uvicorn.Config, model: ServedModel, grace: float) -> None:
        super().__init__(config)
        self._model, self._grace = model, grace

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new requests, and wait for those under way."""
        ending = asyncio.get_running_loop().call_later(self._grace, self._model.stop)
        await super().shutdown(sockets)
        ending.cancel()

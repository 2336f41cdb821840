"""`edge-lam serve`: a model behind HTTP, for the clients of the APIs that are there already."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

import click

from edge_lam.cli.model_options import ModelOptions, load_option, model_options
from edge_lam.cli.options import byte_size, examples, gathered
from edge_lam.errors import EdgeLamError

if TYPE_CHECKING:
    import socket

    from edge_lam.serve import ServeOptions, ServerTools
    from edge_lam.serve.model import ServedModel
    from edge_lam.serve.server_tools import Approval


@dataclass(frozen=True)
class Listening:
    """Where to listen, and how long to wait at the end."""

    hosts: str
    port: int
    unix: str | None
    insecure: bool
    grace: float

    @property
    def names(self) -> list[str]:
        """The hosts, each by itself."""
        return [host.strip() for host in self.hosts.split(",") if host.strip()]


@dataclass(frozen=True)
class Access:
    """Who is answered."""

    api_keys: tuple[str, ...]
    api_key_file: str | None
    allowed_hosts: tuple[str, ...]
    cors: tuple[str, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, those in the file too."""
        from edge_lam.serve.auth import read_key_file

        if not all(self.api_keys):
            raise click.UsageError("--api-key is empty")
        return self.api_keys + (read_key_file(self.api_key_file) if self.api_key_file else ())


@dataclass(frozen=True)
class RequestLimits:
    """What requests may take.

    Attributes:
        n_parallel: replies at a time.
        queue_limit: requests that may wait for one.
        max_body: bytes of a request.
        max_tokens: tokens of a reply, whatever a request asks for; None for no such limit.
        max_tools: tools of a request.
        timeout: seconds that a reply may take.
        idle_unload: seconds without a request after which the model is unloaded; None keeps it.
    """

    n_parallel: int
    queue_limit: int
    max_body: int
    max_tokens: int | None
    max_tools: int
    timeout: float
    idle_unload: float | None


@dataclass(frozen=True)
class ServerToolOptions:
    """The tools that the server runs itself, and who lets their calls run."""

    sources: tuple[str, ...]
    approval: str
    approved: tuple[str, ...]

    def load(self) -> ServerTools | None:
        """Load them; None if there are none."""
        from edge_lam.serve import ServerTools
        from edge_lam.tools import as_tools, load_tools

        if self.approved and self.approval != "list":
            raise click.UsageError("--approve-tool without --approve list")
        if not self.sources:
            return None
        tools = as_tools(tool for source in self.sources for tool in load_tools(source))
        return ServerTools(tools, approval=cast("Approval", self.approval), allowed=self.approved)


_LISTENING = (
    click.option("--host", "hosts", default="127.0.0.1", show_default=True, help="Where; several with commas."),
    click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one."),
    click.option("--unix", metavar="PATH", help="A Unix socket of this user instead."),
    click.option("--insecure", is_flag=True, help="Listen beyond this machine without a key."),
    click.option(
        "--grace",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        default=30.0,
        show_default=True,
        help="What requests under way get to end when the server is told to stop.",
    ),
)
_ACCESS = (
    click.option(
        "--api-key",
        "api_keys",
        metavar="KEY",
        multiple=True,
        envvar="EDGE_LAM_API_KEY",
        help="Answer only who sends it; may be repeated.  [default: EDGE_LAM_API_KEY]",
    ),
    click.option("--api-key-file", metavar="FILE", help="A file with a key in each line."),
    click.option("--allow-host", "allowed_hosts", multiple=True, metavar="NAME", help="Another name of this server."),
    click.option("--cors", multiple=True, metavar="ORIGIN", help="Let pages of an origin read answers; '*' for all."),
)
_LIMITS = (
    load_option("n_parallel"),
    load_option("queue_limit"),
    click.option(
        "--max-body", type=byte_size, metavar="SIZE", default="16MiB", show_default=True, help="Longest request."
    ),
    click.option("--max-tokens", type=click.IntRange(min=1), help="Longest reply, whatever is asked for."),
    click.option("--max-tools", type=click.IntRange(min=1), default=128, show_default=True, help="Tools of a request."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        default=600.0,
        show_default=True,
        help="End a reply as it is after so long.",
    ),
    click.option(
        "--idle-unload",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Free the model after so long without a request; the next one loads it again.",
    ),
)
_SERVER_TOOLS = (
    click.option(
        "-t",
        "--tools",
        "sources",
        multiple=True,
        metavar="SOURCE",
        help="tools.py or module:attribute that the server runs for requests that ask for it; may be repeated.",
    ),
    click.option(
        "--approve",
        "approval",
        type=click.Choice(["ask", "never", "list"]),
        default="ask",
        show_default=True,
        help="Ask the client about each call, never ask, or run only tools of --approve-tool.",
    ),
    click.option("--approve-tool", "approved", multiple=True, metavar="NAME", help="A tool that runs unasked."),
)


@click.command(
    "serve",
    epilog=examples(
        "edge-lam serve",
        "edge-lam serve xlam-2-1b:Q4_K_M --n-ctx 8192 --parallel 4",
        "edge-lam serve my.gguf --host 0.0.0.0 --api-key-file keys.txt",
        "edge-lam serve --tools my_tools.py --approve list --approve-tool get_time",
        "edge-lam serve --unix /run/edge-lam/http.sock --prefix app.prefix",
    ),
)
@click.argument("name", metavar="[MODEL]", required=False)
@click.option("--alias", metavar="NAME", help="What clients see the model called.  [default: the name in its file]")
@click.option("--access-log/--no-access-log", default=True, show_default=True, help="Print a line for each request.")
@click.option("--page/--no-page", default=True, show_default=True, help="Answer / with a page to talk to the model.")
@load_option("save_conversations")
@load_option("otel")
@lambda function: gathered(function, _LISTENING, "listening", Listening)
@lambda function: gathered(function, _ACCESS, "access", Access)
@lambda function: gathered(function, _LIMITS, "limits", RequestLimits)
@lambda function: gathered(function, _SERVER_TOOLS, "server_tools", ServerToolOptions)
@model_options
def command(
    *,
    name: str | None,
    alias: str | None,
    access_log: bool,
    page: bool,
    save_conversations: bool,
    otel: bool,
    listening: Listening,
    access: Access,
    limits: RequestLimits,
    server_tools: ServerToolOptions,
    model_options: ModelOptions,
) -> None:
    """Serve a model over HTTP, to clients of OpenAI's API and others.

    MODEL is what --model takes. Clients of OpenAI's API find it at http://HOST:PORT/v1. Without a key only this machine
    is listened to, and only requests that name it are answered. Each request leaves a line of JSON on standard output;
    what was asked and answered is never in it.

    SIGTERM or Ctrl-C stops it: no new requests are taken, those under way may end.
    """
    missing = next((module for module in ("starlette", "uvicorn") if not find_spec(module)), None)
    if missing:
        raise EdgeLamError(f"{missing} is not installed", hint="pip install 'edge-lam[serve]'")
    from edge_lam.serve import app
    from edge_lam.serve.access_log import print_line
    from edge_lam.serve.model import ServedModel
    from edge_lam.serve.run import run

    if name and model_options.model:
        raise click.UsageError("the model is named twice, by MODEL and by --model")
    wanted = replace(model_options, model=name or model_options.model)
    queue = {"n_parallel": limits.n_parallel, "queue_limit": limits.queue_limit}
    load = wanted.loader(**queue, save_conversations=save_conversations, otel=otel)
    served = ServedModel(load, alias, idle_unload=limits.idle_unload)
    tools = server_tools.load()
    options = _options(listening, access, limits, alias=alias, page=page, runs_tools=tools is not None)
    with contextlib.ExitStack() as stack:
        sockets = _sockets(listening, stack)
        run(
            app(served, options, tools=tools, access_log=print_line if access_log else None),
            served,
            sockets,
            grace=listening.grace,
            ready=lambda: _greet(served, listening, sockets),
        )


def _options(
    listening: Listening, access: Access, limits: RequestLimits, *, alias: str | None, page: bool, runs_tools: bool
) -> ServeOptions:
    """Return how the server behaves; without a key, and with tools to run, it answers only to its own names."""
    from edge_lam.serve import ServeOptions
    from edge_lam.serve.hosts import LOOPBACK, is_loopback

    keys, hosts = access.keys, tuple[str, ...]()
    is_local = listening.unix is not None or all(is_loopback(host) for host in listening.names)
    if not keys and not is_local and not listening.insecure:
        raise click.UsageError("without a key only this machine is listened to: give --api-key, or --insecure")
    if not listening.unix and (runs_tools or (not keys and is_local)):
        hosts = (*LOOPBACK, *listening.names, *access.allowed_hosts)
    return ServeOptions(
        api_keys=keys,
        cors=access.cors,
        hosts=hosts,
        alias=alias,
        max_body=limits.max_body,
        max_tokens=limits.max_tokens,
        max_tools=limits.max_tools,
        timeout=limits.timeout,
        page=page,
    )


def _sockets(listening: Listening, stack: contextlib.ExitStack) -> list[socket.socket]:
    from edge_lam.serve.run import listen, listen_unix

    if listening.unix:
        return [stack.enter_context(listen_unix(listening.unix))]
    return listen(listening.names, listening.port)


def _greet(served: ServedModel, listening: Listening, sockets: list[socket.socket]) -> None:
    """Say on standard error that the model is there, and where."""
    info = served.info
    port = sockets[0].getsockname()[1] if not listening.unix else 0
    urls = [f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}" for name in listening.names]
    where = listening.unix or ", ".join(urls)
    click.echo(f"edge-lam: {served.name} ({info.quantization}, {info.n_ctx:,} tokens of context) at {where}", err=True)

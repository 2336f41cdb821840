"""What tests of the server ask, and a server with a socket of its own to ask it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import uvicorn
from starlette.testclient import TestClient

import edge_lam
from edge_lam.serve import ServeOptions, app
from edge_lam.serve.gate import MAX_HEADERS
from edge_lam.serve.model import ServedModel
from edge_lam.serve.protocol import BoundedProtocol
from edge_lam.serve.run import listen

CHAT = "/v1/chat/completions"


def tool(name: str, description: str, **parameters: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": parameters, "required": list(parameters)}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


TIME = tool("get_time", "Get the current time in a city or time zone.", city={"type": "string"})
NOTE = tool("add_note", "Save a note.", text={"type": "string", "description": "What to remember"})
NOTES = tool("read_notes", "Read all notes.")
TOOLS = [TIME, NOTE, NOTES]


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def long_reply(**more: Any) -> dict[str, Any]:
    """A request whose reply goes on for thousands of tokens: what ends one is made unlikely."""
    return {"messages": user("tell me a joke"), "logit_bias": {"<|im_end|>": -100}, "max_tokens": 3500, **more}


def events_of(body: str) -> list[Any]:
    """Read server-sent events: their data, decoded, and "[DONE]" as it is."""
    lines = [line.removeprefix("data: ") for line in body.splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def ask(client: TestClient, **body: Any) -> dict[str, Any]:
    """Return the answer of a chat completion."""
    answer = client.post(CHAT, json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def streamed(client: TestClient, **body: Any) -> list[dict[str, Any]]:
    """Return the chunks of a streamed chat completion, all but its end."""
    answer = client.post(CHAT, json={**body, "stream": True})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    *chunks, end = events_of(answer.text)
    assert end == "[DONE]"
    return chunks


@contextlib.contextmanager
def serving(
    lam: edge_lam.LAM | ServedModel, options: ServeOptions | None = None, *, send_buffer: int = 0, **more: Any
) -> Iterator[str]:
    """Serve a model on a free port of this machine, and give its URL.

    A `send_buffer` in bytes is what the system holds of answers that are not read; its own holds megabytes.
    """
    (bound,) = listen(["127.0.0.1"], 0)
    if send_buffer:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    asgi = app(lam, options, **more)
    quiet: dict[str, Any] = {"log_config": None, "access_log": False, "lifespan": "off", "ws": "none"}
    config = uvicorn.Config(asgi, http=BoundedProtocol, h11_max_incomplete_event_size=MAX_HEADERS, **quiet)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


def counted(url: str) -> dict[str, float]:
    """Return the counters of a server that have no labels."""
    lines = httpx2.get(url + "/metrics", timeout=60).text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


@contextlib.contextmanager
def command(*args: str, stderr: str = r"at (\S+)", **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `edge-lam serve`, and give the process and what it says of where it is."""
    line = [sys.executable, "-m", "edge_lam.cli.main", "serve", "--log", "off", *args]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    child = subprocess.Popen(line, **output, text=True, env={**os.environ, **environment})
    try:
        assert child.stderr is not None
        found = re.search(stderr, child.stderr.readline())
        assert found
        yield child, found[1]
    finally:
        child.kill()
        child.communicate()

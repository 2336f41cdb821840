"""What HTTP adds to a call: the same call in this process and through a server, in turns, on the embedded model.

Each answer tells how long the engine had it (`CallReport.times.total`). What a call took beyond that is the price of
the way there and back, and differs little from one call to the next; how long the model takes differs a lot. So both
are told: the median of that price through HTTP, above that of the call in this process, and the ratio of the medians
of whole calls. uvicorn takes httptools and uvloop where they are installed.

    python benchmarks/serve_overhead.py --calls 200
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import edge_lam
from edge_lam.demo_tools import DEMO_TOOLS

ASKED = "What time is it in Tokyo?"
WARM_UP = 5
Timed = tuple[float, float]  # seconds of a whole call, and of those what the engine had it


class Server:
    """`edge-lam serve` in a process of its own, and a connection to it that is kept."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._connection = http.client.HTTPConnection(host, int(port))
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, body: bytes) -> bytes:
        """Send a chat completion and return the answer."""
        self._connection.request("POST", "/v1/chat/completions", body)
        return self._connection.getresponse().read()


@contextmanager
def server() -> Iterator[Server]:
    """Start a server, and end it."""
    line = [sys.executable, "-m", "edge_lam", "serve", "--port", "0", "--log", "off", "--no-access-log"]
    child = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    try:
        line = child.stderr.readline() if child.stderr else ""
        yield Server(re.findall(r"at (\S+)", line)[0])
    finally:
        child.terminate()
        child.wait()


def here(lam: edge_lam.LAM) -> Callable[[], Timed]:
    """Return what times a call in this process."""

    def call() -> Timed:
        start = perf_counter()
        reply = lam.chat(ASKED, tools=DEMO_TOOLS)
        return perf_counter() - start, reply.report.times.total

    return call


def there(served: Server, *, stream: bool) -> Callable[[], Timed]:
    """Return what times the same call through the server, to the last byte of its answer."""
    tools = [tool.definition() for tool in edge_lam.tools.as_tools(DEMO_TOOLS)]
    asked: dict[str, Any] = {"messages": [{"role": "user", "content": ASKED}], "tools": tools, "stream": stream}
    body = json.dumps(asked | {"edge_lam": {"report": True}}).encode()

    def call() -> Timed:
        start = perf_counter()
        answer = served.call(body)
        seconds = perf_counter() - start
        last = answer.decode().split("data: ")[-2] if stream else answer
        return seconds, json.loads(last)["edge_lam"]["report"]["times"]["total"]

    return call


def in_turns(ways: dict[str, Callable[[], Timed]], n: int) -> dict[str, list[Timed]]:
    """Make each call `n` times, one after the other."""
    for _ in range(WARM_UP):
        for way in ways.values():
            way()
    timed: dict[str, list[Timed]] = {name: [] for name in ways}
    for _ in range(n):
        for name, way in ways.items():
            timed[name].append(way())
    return timed


def main() -> None:
    """Run, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EDGE_LAM_HOME"] = folder
        with edge_lam.load(log="off") as lam, server() as served:
            ways = {
                "in process": here(lam),
                "HTTP": there(served, stream=False),
                "HTTP, streamed": there(served, stream=True),
            }
            timed = in_turns(ways, arguments.calls)
    price = {name: statistics.median(whole - engine for whole, engine in calls) for name, calls in timed.items()}
    whole = {name: statistics.median(whole for whole, _ in calls) for name, calls in timed.items()}
    for name in timed:
        added, ratio = price[name] - price["in process"], whole[name] / whole["in process"]
        print(f"{name:15} call {whole[name] * 1000:6.2f} ms, ratio {ratio:.3f}; beside the engine ", end="")
        print(f"{price[name] * 1000:5.2f} ms, added {added * 1000:5.2f} ms")


if __name__ == "__main__":
    main()

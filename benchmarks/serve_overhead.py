"""What HTTP adds to a call: the same call in this process and through a server, in turns, on the embedded model.

Each answer tells how long the engine had it (`CallReport.times.total`). What a call took beyond that is the price of
the way there and back, and differs little from one call to the next; how long the model takes differs a lot. So both
are told: the median of that price through HTTP, above that of the call in this process, and the ratio of the medians
of whole calls. The client is a socket and no more; what it, the kernel and uvicorn cost by themselves is the time of an
answer without a model, `/health`. On a busy machine the smallest price says most. uvicorn takes httptools and uvloop
where they are installed.

    python benchmarks/serve_overhead.py --calls 200
"""

from __future__ import annotations

import argparse
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
_MOST = 1 << 16  # bytes to receive at a time
Timed = tuple[float, float]  # seconds of a whole call, and of those what the engine had it


class Server:
    """`edge-lam serve` in a process of its own, and a connection to it that is kept."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, request: bytes) -> bytes:
        """Send a request and return the body of its answer, which has a length, or comes in chunks."""
        self._socket.sendall(request)
        data = self._socket.recv(_MOST)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._socket.recv(_MOST)
        if found := re.search(rb"content-length: (\d+)", data[:end]):
            whole = end + 4 + int(found[1])
            while len(data) < whole:
                data += self._socket.recv(_MOST)
        else:
            while not data.endswith(b"\r\n0\r\n\r\n"):
                data += self._socket.recv(_MOST)
        return data[end + 4 :]


def post(body: dict[str, Any]) -> bytes:
    """Return the request of a chat completion as bytes."""
    data = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data


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
    request = post(asked | {"edge_lam": {"report": True}})

    def call() -> Timed:
        start = perf_counter()
        answer = served.call(request)
        seconds = perf_counter() - start
        last = answer.split(b"data: ")[-2].partition(b"\n")[0] if stream else answer
        return seconds, json.loads(last)["edge_lam"]["report"]["times"]["total"]

    return call


def nothing(served: Server) -> Callable[[], Timed]:
    """Return what times an answer that asks nothing of the model."""
    request = b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"

    def call() -> Timed:
        start = perf_counter()
        served.call(request)
        return perf_counter() - start, 0.0

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
                "/health": nothing(served),
            }
            timed = in_turns(ways, arguments.calls)
    tell(timed)


def tell(timed: dict[str, list[Timed]]) -> None:
    """Print the medians, and the smallest prices."""
    prices = {name: [(whole - engine) * 1000 for whole, engine in calls] for name, calls in timed.items()}
    whole = {name: statistics.median(whole for whole, _ in calls) * 1000 for name, calls in timed.items()}
    inside = prices["in process"]
    for name, price in prices.items():
        median, least = statistics.median(price), min(price)
        print(f"{name:15} call {whole[name]:6.2f} ms, ratio {whole[name] / whole['in process']:.3f}; ", end="")
        print(f"beside the engine {median:5.2f} ms (least {least:5.2f}), ", end="")
        print(f"added {median - statistics.median(inside):5.2f} ms (least {least - min(inside):5.2f})")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

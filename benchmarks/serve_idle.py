"""What open streams cost a server while nothing is written: its processor time, with none and with hundreds open.

Each stream waits for a client's word on a call (`--approve ask`), so that the model has nothing to do; comments every
15 seconds show that the server is there. As many connections again are kept open without a request.

    python benchmarks/serve_idle.py --streams 256 --seconds 60
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

TOOL = '''
def get_time(city: str) -> str:
    """Get the current time in a city or time zone."""
    return "12:00"
'''
ASKED = {
    "messages": [{"role": "user", "content": "What time is it in Tokyo?"}],
    "stream": True,
    "edge_lam": {"run_tools": True},
}
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextmanager
def server(folder: Path, streams: int) -> Iterator[tuple[psutil.Process, str, int]]:
    """Start a server with a tool, and give its process, host and port."""
    (folder / "tools.py").write_text(TOOL)
    line = [
        sys.executable,
        "-m",
        "edge_lam",
        "serve",
        "--port",
        "0",
        "--log",
        "off",
        "--no-access-log",
        "--n-ctx",
        "512",
    ]
    line += ["--tools", str(folder / "tools.py"), "--approve", "ask", "--queue", str(streams)]
    child = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    try:
        said = child.stderr.readline() if child.stderr else ""
        host, port = re.findall(r"at http://([^:\s]+):(\d+)", said)[0]
        yield psutil.Process(child.pid), host, int(port)
    finally:
        child.terminate()
        child.wait()


async def open_stream(host: str, port: int) -> Connection:
    """Ask, and return the connection once its stream waits for the client."""
    reader, writer = await asyncio.open_connection(host, port)
    body = json.dumps(ASKED).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    while b'"approval"' not in (line := await reader.readline()):
        if not line:
            raise RuntimeError("a stream ended before its call was to be approved")
    return reader, writer


async def processor_time(process: psutil.Process, seconds: float) -> float:
    """Return the processor seconds that a process takes within so many seconds."""
    before, start = process.cpu_times(), time.monotonic()
    await asyncio.sleep(seconds)
    after = process.cpu_times()
    taken = (after.user + after.system) - (before.user + before.system)
    return taken * seconds / (time.monotonic() - start)


async def measure(process: psutil.Process, host: str, port: int, streams: int, seconds: float) -> None:
    """Print what none and many streams cost."""
    (await open_stream(host, port))[1].close()  # all that happens once
    await asyncio.sleep(2)
    none = await processor_time(process, seconds)
    waiting = [await open_stream(host, port) for _ in range(streams)]
    silent = [await asyncio.open_connection(host, port) for _ in range(streams)]
    await asyncio.sleep(2)
    memory = process.memory_info().rss
    many = await processor_time(process, seconds)
    print(f"nobody there: {none * 1000:.0f} ms of processor time in {seconds:g} s")
    print(
        f"{streams} streams and {streams} silent connections: {many * 1000:.0f} ms; {memory / 2**20:.0f} MiB resident"
    )
    for _, writer in (*waiting, *silent):
        writer.close()


def main() -> None:
    """Run, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(Path(folder), asked.streams) as (process, host, port):
        asyncio.run(measure(process, host, port, asked.streams, asked.seconds))


if __name__ == "__main__":
    main()

"""Many clients on one server, rude ones among them: nothing wrong, lost or leaked, memory flat, and warm after kill -9.

    python -m tests.serve.load --connections 8 64 256 --minutes 10

For each number of connections a server of its own is started, asked a hundred requests in one moment, loaded, killed
amid the load and started again. Prefixes are kept on disk, conversations too: the second start has what the first one
read.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.serve.served import CHAT, TOOLS, command, counted, user
from tests.serve.traffic import Crowd, Tally, learn

PARALLEL = 8
AT_ONCE = 100
SETTLED = 60.0  # seconds within which nothing may be left of a load
FAULTS = ("wrong", "lost")
FLAT = 0.02  # growth over the second half, as a share of what is held
OPEN = ("llamacpp:requests_processing", "llamacpp:requests_deferred", "edge_lam_replies_open")
_MIB = 2**20


@dataclass(frozen=True)
class Verdict:
    """What one load came to.

    Attributes:
        n_cases: requests that differ, of which the load was made.
        tally: of the requests.
        at_once: how many requests in the same moment were answered rightly, and how many there were.
        leaked: replies that the server still counts, with nobody there; places in line that are not free; open files.
        memory: resident bytes, once a second.
        cold: seconds from a start with nothing stored to the first token.
        warm: the same from the start after kill -9, and how much of its prompt was stored.
    """

    n_cases: int
    tally: Tally
    at_once: tuple[int, int]
    leaked: int
    memory: list[int]
    cold: float
    warm: tuple[float, float]

    @property
    def growth(self) -> float:
        """How much memory grew over the second half, as a share: between the medians of its two parts."""
        half = self.memory[len(self.memory) // 2 :]
        middle = len(half) // 2
        if not middle:
            return 0.0
        before, after = statistics.median(half[:middle]), statistics.median(half[middle:])
        return after / before - 1

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong, lost or leaked, and the second start warm; memory takes longer to tell."""
        return not self.tally.faults and self.at_once[0] == self.at_once[1] and not self.leaked and self.warm[1] > 0.8


def _server(folder: Path) -> Any:
    """Start a server that keeps what it has read in a folder."""
    options = ("--port", "0", "--n-ctx", "2048", "--parallel", str(PARALLEL), "--save-conversations", "--no-access-log")
    return command(*options, EDGE_LAM_HOME=str(folder))


def load(folder: Path, n: int, seconds: float, seed: int = 0, *, at_once: int = AT_ONCE) -> Verdict:
    """Ask a server `at_once` requests, load it by `n` connections, kill it amid a load, and start it again."""
    tally, together = Tally(), Tally()
    start = time.monotonic()
    with _server(folder) as (child, url):
        cold, _ = _first_token(url, start)
        where, process = _where(url), psutil.Process(child.pid)
        cases = asyncio.run(learn(*where))
        n_files = process.num_fds()
        asyncio.run(Crowd(where, cases, together, seconds).ask_at_once(at_once, seed))
        memory = asyncio.run(_loaded(Crowd(where, cases, tally, seconds), n, seed, process))
        leaked = _left(url, process, n_files)
        asyncio.run(_killed(Crowd(where, cases, Tally(), SETTLED), n, seed, child))
    tally.faults += together.faults
    tally.counts.update({kind: together.counts[kind] for kind in FAULTS})
    start = time.monotonic()
    with _server(folder) as (_, url):
        warm = _first_token(url, start)
        asyncio.run(Crowd(_where(url), cases, tally, min(1.0, seconds)).run(n, seed))
    return Verdict(len(cases), tally, (together.counts["right"], at_once), leaked, memory, cold, warm)


def _first_token(url: str, start: float) -> tuple[float, float]:
    """Return how many seconds after its start a server has written a token, and what share of the prompt it had."""
    body: Any = {"messages": user("what time is it in Oslo?"), "tools": TOOLS, "max_tokens": 1}
    usage = httpx2.post(url + CHAT, json=body, timeout=SETTLED).json()["usage"]
    return time.monotonic() - start, usage["prompt_tokens_details"]["cached_tokens"] / usage["prompt_tokens"]


async def _loaded(crowd: Crowd, n: int, seed: int, process: psutil.Process) -> list[int]:
    """Let a crowd ask, and return what memory a process had once a second."""
    memory: list[int] = []

    async def watch() -> None:
        while True:
            memory.append(process.memory_info().rss)
            await asyncio.sleep(1.0)

    watching = asyncio.create_task(watch())
    await crowd.run(n, seed)
    watching.cancel()
    return memory


async def _killed(crowd: Crowd, n: int, seed: int, child: subprocess.Popen[str]) -> None:
    """Kill a server while it is asked; what it had under way is nobody's fault."""
    asking = asyncio.create_task(crowd.run(n, seed + 1))
    await asyncio.sleep(random.Random(seed).uniform(0.2, 1.2))
    crowd.is_down = True
    child.kill()
    await asking


def _left(url: str, process: psutil.Process, n_files: int) -> int:
    """Return how many replies and open files are left, once the server had time to end them."""
    deadline = time.monotonic() + SETTLED
    while True:
        left = int(sum(counted(url)[name] for name in OPEN)) + max(0, process.num_fds() - n_files)
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def _where(url: str) -> tuple[str, int]:
    host, port = url.removeprefix("http://").split(":")
    return host, int(port)


def _print(n: int, minutes: float, verdict: Verdict) -> None:
    tally, held = verdict.tally, [size / _MIB for size in verdict.memory]
    others = ", ".join(f"{count} {name}" for name, count in sorted(tally.counts.items()) if name not in FAULTS)
    faults = ", ".join(f"{tally.counts[name]} {name}" for name in FAULTS)
    print(
        f"{n} connections, {minutes:g} minutes, {verdict.n_cases} kinds of requests: {faults}, {verdict.leaked} leaked;"
    )
    print(f"  {others}")
    print(f"  memory {held[0]:.1f} MiB at first, {max(held):.1f} at most, {held[-1]:.1f} at the end; ", end="")
    print(f"{verdict.growth:+.1%} over the second half")
    seconds, share = verdict.warm
    print(f"  {verdict.at_once[0]} of {verdict.at_once[1]} requests in one moment answered rightly")
    print(f"  after kill -9: {share:.0%} of a prompt stored, a first token {seconds:.2f} s after ", end="")
    print(f"(with nothing stored {verdict.cold:.2f} s)", flush=True)
    for fault in tally.faults[:20]:
        print(f"  {fault}")


def _outcome(verdicts: Sequence[Verdict]) -> str:
    """Return all loads in one line."""
    counts = sum((verdict.tally.counts for verdict in verdicts), Counter[str]())
    growth = ", ".join(f"{verdict.growth:+.1%}" for verdict in verdicts)
    warm = ", ".join(f"{seconds:.2f} s ({share:.0%} stored)" for seconds, share in (one.warm for one in verdicts))
    return (
        f"{counts['right']} right, {counts['wrong']} wrong, {counts['lost']} lost, "
        f"{sum(verdict.leaked for verdict in verdicts)} leaked; {AT_ONCE} at once: "
        f"{', '.join(str(verdict.at_once[0]) for verdict in verdicts)} right; memory in the second half {growth}; "
        f"first token after kill -9 {warm}, with nothing stored {', '.join(f'{one.cold:.2f} s' for one in verdicts)}"
    )


def main() -> None:
    """Run, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, nargs="+", default=[8, 64, 256])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    is_good, verdicts = True, []
    for n in arguments.connections:
        with tempfile.TemporaryDirectory() as folder:
            verdict = load(Path(folder), n, 60 * arguments.minutes, arguments.seed)
        is_good &= verdict.is_good and verdict.growth <= FLAT
        verdicts.append(verdict)
        _print(n, arguments.minutes, verdict)
    print(f"outcome: {_outcome(verdicts)}")
    raise SystemExit(not is_good)


if __name__ == "__main__":
    main()

"""Kills writers at random moments: what they wrote is whole or as it was, and what they left goes with the next write.

    python tests/hostile/kills.py --kills 100 --seed 1 [--kind log]...

A process that has imported everything forks a child for each kill; the child writes again and again.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

from writers import WRITERS, Writer, hub_nearby


def kill_again_and_again(kind: str, kills: int, seed: str, folder: Path) -> list[str]:
    """Kill writers of one kind and return what was wrong."""
    writer, chance, failures = WRITERS[kind], random.Random(f"{kind} {seed}"), []
    reading, writing = os.pipe()
    os.environ |= {"ACKNOWLEDGE": str(writing), "KILLS": str(kills)}
    failures += in_child(lambda: writer.write(folder, 0))
    acknowledged = _numbers(reading)
    for kill in range(kills):
        child = os.fork()
        if child == 0:
            _write_on(writer, folder, 1000 * (kill + 1))
        time.sleep(chance.uniform(0, writer.seconds))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        acknowledged |= _numbers(reading)
        if not os.WIFSIGNALED(status):
            failures.append(f"kill {kill}: the writer ended by itself")
        failures += [f"kill {kill}: {failure}" for failure in in_child(lambda: writer.check(folder))]
    failures += in_child(lambda: writer.write(folder, 1000 * (kills + 1)))
    acknowledged |= _numbers(reading)
    if left := [path.name for path in folder.rglob("*") if path.suffix in (".partial", ".incomplete")]:
        failures.append(f"left behind: {left}")
    if writer.recorded and (lost := acknowledged - writer.recorded(folder)):
        failures.append(f"lost records: {sorted(lost)[:9]}")
    return failures


def in_child(act: Callable[[], object]) -> list[str]:
    """Do something in a child, since who forks must not have threads; return what was wrong."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}"[:4000].encode(errors="replace"))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, errors="replace") as told:
        failure = told.read()
    _, status = os.waitpid(child, 0)
    return [failure or f"ended with status {status}"] if failure or status else []


def _write_on(writer: Writer, folder: Path, number: int) -> None:
    """Write until the end comes."""
    try:
        for attempt in range(number, number + 1000):
            writer.write(folder, attempt)
    finally:
        os._exit(1)


def _numbers(pipe: int) -> set[int]:
    os.set_blocking(pipe, False)
    data = b""
    with suppress(BlockingIOError):
        while piece := os.read(pipe, 1 << 16):
            data += piece
    return {int(line) for line in data.split()}


def main() -> int:
    """Kill and print a table; the exit code is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="of each kind; of what takes long a share")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--kind", action="append", choices=WRITERS)
    options = parser.parse_args()
    failed, kinds = 0, options.kind or list(WRITERS)
    print(f"{'writer':<16}{'kills':>7}{'failures':>10}")
    hub = hub_nearby() if "pull" in kinds else nullcontext()
    with tempfile.TemporaryDirectory(prefix="edge-lam-kills-") as place, hub:
        for kind in kinds:
            folder = Path(place) / kind / "files"
            folder.mkdir(parents=True)
            kills = max(1, round(options.kills * WRITERS[kind].share))
            failures = kill_again_and_again(kind, kills, options.seed, folder)
            print(f"{kind:<16}{kills:>7}{len(failures):>10}", flush=True)
            for failure in failures[:10]:
                print(f"  {failure}")
            failed += len(failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

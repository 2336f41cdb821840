"""Many callers for long: two processes on one folder of prefixes, each with eight callers, reloads, and other load.

    python tests/hostile/soak.py --minutes 60

Both processes keep prefixes and conversations in the same folder, so that what one start saves the next ones restore,
in either. A third process computes in bursts, as other programs do. The exit code is 1 if an answer was lost or wrong,
if memory grows, or if the folder holds what can't be read afterwards.

Memory: glibc lets threads have heaps of their own, eight for each core, and pages that are partly in use stay in each
of them, whichever thread it was that once needed much. That levels off late and looks like a leak, so that the soak
runs with one heap.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import multiprocessing
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from soak_callers import CALLERS, Callers

import edge_lam
from edge_lam.cache import prefix_files, read_header, read_prefix
from edge_lam.metrics.memory import process_memory

PROCESSES = 2
LEAST_RELOADS = 2  # however short the time: the second one restores what the first one saved
FLAT = 0.02  # growth over the second half, as a share of what is held
LATE = 900.0  # seconds that a process may take beyond its time, to judge and to end
_M_ARENA_MAX = -8
_MIB = 2**20


def soak(folder: str, minutes: float, restart: float, seed: str) -> None:
    """Be one process: print how it stands after each reload, and what came of it at last, a JSON line each."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(_M_ARENA_MAX, 1)
    load = partial(edge_lam.load, n_ctx=2048, log="off", prefix_cache=folder)
    callers = Callers()
    end = time.monotonic() + 60 * minutes
    reloads = 0
    while reloads < LEAST_RELOADS or time.monotonic() < end:
        reloads += 1
        with load(n_parallel=CALLERS, save_conversations=True) as lam:
            callers.run(lam, min(end, time.monotonic() + 60 * restart), f"{seed} {reloads}")
            loaded = process_memory().resident
        del lam
        _tell("state", held=_held(), loaded=loaded, counts=dict(callers.counts))
    with edge_lam.load(n_ctx=2048, log="off", prefix_cache=False) as lam:
        largest = callers.judge(lam)
    _tell("end", counts=dict(callers.counts), largest=largest, reloads=reloads, faults=callers.faults)


def _tell(what: str, **facts: Any) -> None:
    print(json.dumps({"what": what, **facts}), flush=True)


def _held() -> int:
    """Return the bytes that the process holds after it gave back what is free."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return process_memory().resident


def burn(seed: str) -> None:
    """Compute in bursts for ever."""
    chance = random.Random(seed)
    while True:
        end = time.monotonic() + chance.uniform(0, 3)
        while time.monotonic() < end:
            sum(range(10_000))
        time.sleep(chance.uniform(0, 3))


@contextlib.contextmanager
def other_load(seed: str) -> Iterator[None]:
    """Have another process compute meanwhile."""
    busy = multiprocessing.get_context("spawn").Process(target=burn, args=(seed,), daemon=True)
    busy.start()
    try:
        yield
    finally:
        busy.terminate()
        busy.join()


def run(minutes: float, restart: float, seed: str, folder: Path) -> list[str]:
    """Run all processes, and return what was wrong."""
    children = []
    for number in range(PROCESSES):
        options = ["--minutes", minutes, "--restart", restart, "--seed", f"{seed} {number}", "--folder", folder]
        command = [sys.executable, __file__, *map(str, options)]
        children.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    failures, totals = [], Counter[str]()
    with other_load(seed) if minutes else contextlib.nullcontext():  # no time of its own, nothing to disturb
        for number, child in enumerate(children):
            try:
                output, _ = child.communicate(timeout=60 * minutes + LATE)
            except subprocess.TimeoutExpired:
                child.kill()
                output, _ = child.communicate()
                failures.append(f"process {number} does not end")
            told = [json.loads(line) for line in output.splitlines()]
            failures += _faults(number, told, child.returncode)
            totals.update(told[-1]["counts"] if told else {})
    print("  ".join(f"{name} {count}" for name, count in sorted(totals.items())))
    return failures + _broken(folder)


def _faults(number: int, told: Sequence[dict[str, Any]], code: int) -> list[str]:
    """Return what was wrong with one process, and print what it held."""
    if code or not told or told[-1]["what"] != "end":
        return [f"process {number} ended with {code}"]
    states, end = told[:-1], told[-1]
    grown, held = _growth([(state["counts"]["requests"], state["held"]) for state in states])
    print(
        f"process {number}: {end['counts']['requests']} requests, {end['reloads']} reloads; {held / _MIB:.0f} MiB held"
        f" between reloads, {grown / _MIB:+.1f} MiB over the second half; {states[-1]['loaded'] / _MIB:.0f} MiB loaded;"
        f" choices of tokens at most {end['largest']:.2f} logits apart"
    )
    return [*end["faults"], *([f"memory grows by {grown / _MIB:.1f} MiB"] if grown > FLAT * held else [])]


def _growth(samples: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Return by how many bytes memory grows over the second half, and how many are held; 0 if there are too few."""
    half = samples[len(samples) // 2 :]
    held = np.array([n_bytes for _, n_bytes in half], dtype=float)
    if len(half) < 3:
        return 0.0, float(held.mean())
    requests = np.array([count for count, _ in half], dtype=float)
    return float(np.polyfit(requests, held, 1)[0] * (requests[-1] - requests[0])), float(held.mean())


def _broken(folder: Path) -> list[str]:
    """Return what of the folder is left behind or can't be read."""
    broken = [f"left behind: {path.name}" for path in folder.rglob("*.partial")]
    for path in prefix_files(folder):
        header = read_header(path)
        if header is None or read_prefix(path, header.key) is None:
            broken.append(f"{path.name} can't be read")
    return broken


def main() -> int:
    """Run, and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--restart", type=float, default=0.5, help="minutes between reloads")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)  # says that this is one of the processes
    options = parser.parse_args()
    if options.folder:
        soak(str(options.folder), options.minutes, options.restart, options.seed)
        return 0
    with tempfile.TemporaryDirectory(prefix="edge-lam-soak-") as place:
        failures = run(options.minutes, options.restart, options.seed, Path(place))
    for failure in failures:
        print(failure)
    print(f"{options.minutes:g} minutes: {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

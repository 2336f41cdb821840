"""Reads thousands of damaged files in child processes: none may crash, hang, take much memory or show a traceback.

    python tests/hostile/campaign.py --cases 5000 --seed 1 [--kind gguf]... [--save state.json]

A case is its kind, seed and number: `python tests/hostile/worker.py SEED KIND CASE CASE+1` repeats it. With --save, a
run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

KINDS = (
    *("gguf", "loaded", "checkpoint", "documents", "prefix"),
    *("adapter", "imatrix", "baked", "config", "template", "http", "results"),
)
HANGS = 10.0  # seconds for one case, of the processor: a busy machine may take many times as long
PATIENCE = 12  # times as long without a sign of life is a hang too, whatever it waits for
STARTS = 120.0  # seconds for a child's start
WORKER = Path(__file__).with_name("worker.py")


@dataclass
class Tally:
    """What became of the cases of one kind so far.

    Attributes:
        cases: how many were tried.
        outcomes: how many were read, refused or failed.
        failures: number of the case and what was wrong, for each that failed.
    """

    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)


def run(seed: str, stops: Mapping[str, int], tallies: Mapping[str, Tally]) -> None:
    """Try all cases of each kind up to its stop that were not tried yet; a child handles as many as it survives."""
    while left := {kind: stop for kind, stop in stops.items() if tallies[kind].cases < stop}:
        _run_child(seed, left, tallies)


def _run_child(seed: str, left: Mapping[str, int], tallies: Mapping[str, Tally]) -> None:
    """Let a child try what is left, kind after kind, until it is done, dies or hangs."""
    parts = [word for kind, stop in left.items() for word in (kind, str(tallies[kind].cases), str(stop))]
    command = [sys.executable, str(WORKER), seed, *parts]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    with (
        tempfile.TemporaryDirectory(prefix="edge-lam-hostile-") as folder,  # a child that dies leaves its files
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment | {"TMPDIR": folder}
        ) as child,
    ):
        assert child.stdout is not None
        assert child.stderr is not None
        begun = set()
        for line in _lines(child.stdout, child.pid):
            if line is None:
                child.kill()
                _fail(tallies[_unfinished(left, tallies)], "hangs")
                return
            what, kind, case, *rest = json.loads(line)
            begun.add(kind)
            if what == "end":
                tally = tallies[kind]
                tally.cases = case + 1
                tally.outcomes[rest[0]] += 1
                if rest[1]:
                    tally.failures.append((case, rest[1]))
        code = child.wait()
        if kind := _unfinished(left, tallies):
            said = child.stderr.read().decode(errors="replace")[-500:]
            if kind not in begun:
                raise RuntimeError(f"the child of {kind} does not start: {said}")
            _fail(tallies[kind], f"{signal.Signals(-code).name if code < 0 else f'exit code {code}'} {said}")


def _unfinished(left: Mapping[str, int], tallies: Mapping[str, Tally]) -> str:
    """Return the kind that a child was at; "" if it is done with all."""
    return next((kind for kind, stop in left.items() if tallies[kind].cases < stop), "")


def _fail(tally: Tally, failure: str) -> None:
    tally.failures.append((tally.cases, failure))
    tally.outcomes["failed"] += 1
    tally.cases += 1


def _lines(stream: IO[bytes], process: int) -> Iterator[bytes | None]:
    """Yield lines as they come, and None if a process does not write one in time."""
    child = psutil.Process(process)
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        rest, patience, since, waits = b"", STARTS, 0.0, 0
        while True:
            if not selector.select(patience):
                waits += 1
                if _used(child) - since > patience or waits > PATIENCE:
                    yield None
                    return
                continue
            data = os.read(stream.fileno(), 1 << 16)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from lines
            patience, since, waits = HANGS, _used(child), 0


def _used(child: psutil.Process) -> float:
    """Return the seconds of the processor that a process has used; 0 of one that is gone."""
    with suppress(psutil.Error):
        times = child.cpu_times()
        return float(times.user + times.system)
    return 0.0


def main() -> int:
    """Run the campaign and print a table; the exit code is 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000, help="of each kind")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--save", type=Path, help="where to note how far it is")
    options = parser.parse_args()
    saved = json.loads(options.save.read_text()) if options.save and options.save.exists() else {}
    failed = 0
    print(f"{'kind':<12}{'cases':>8}{'read':>8}{'refused':>9}{'failed':>8}")
    for kind in options.kind or KINDS:
        known = saved.get(f"{kind} {options.seed}", {})
        tally = Tally(known.get("cases", 0), Counter(known.get("outcomes", {})), known.get("failures", []))
        for stop in range(tally.cases + 250, options.cases + 250, 250):
            run(options.seed, {kind: min(stop, options.cases)}, {kind: tally})
            if options.save:
                saved[f"{kind} {options.seed}"] = vars(tally)
                options.save.write_text(json.dumps(saved))
        counts = [tally.outcomes[name] for name in ("read", "refused")]
        print(f"{kind:<12}{tally.cases:>8}{counts[0]:>8}{counts[1]:>9}{len(tally.failures):>8}", flush=True)
        for case, failure in tally.failures:
            print(f"  case {case}: {failure}")
        failed += len(tally.failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Kills writers at random moments: what they wrote is whole or as it was, and what they left goes with the next write.

    python tests/hostile/kills.py --kills 1000 --seed 1 [--kind log]...

A process that has imported everything forks a child for each kill; the child writes again and again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_lam.cache import read_prefix, write_prefix
from edge_lam.cli.saved import load_messages, save_messages
from edge_lam.llama import GGUFHeader
from edge_lam.metrics import CallLog, CallReport
from edge_lam.trajectories import Trajectory, read_trajectories, write_trajectories
from edge_lam_converters import convert
from edge_lam_converters.imatrix import Imatrix, Sums, read_imatrix
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint

MESSAGES = [{"role": "user", "content": "x" * 100_000}, {"role": "assistant", "content": "y"}]


@dataclass(frozen=True)
class Writer:
    """Something that writes.

    Attributes:
        write: writes to a folder for the n-th time.
        check: raises if what is there is not whole.
        seconds: after which a child is killed at the latest.
    """

    write: Callable[[Path, int], None]
    check: Callable[[Path], object]
    seconds: float = 0.05


def write_cache(folder: Path, number: int) -> None:
    """Write a prefix of one number."""
    write_prefix(folder / "a.prefix", {"model": "m"}, [1, 2], np.full(200_000, number % 256, dtype=np.uint8))


def check_cache(folder: Path) -> None:
    """Refuse a prefix that is none, or of two writings."""
    prefix = read_prefix(folder / "a.prefix", {"model": "m"})
    assert prefix is not None
    assert len(np.unique(prefix.state)) == 1


def write_log(folder: Path, number: int) -> None:
    """Log a record of some length; the file is rotated now and then."""
    log = CallLog(folder / "calls.jsonl", log_prompts=True, most_bytes=10**9)
    log.write(CallReport(id=str(number)), prompt="x" * 20_000)
    os.write(int(os.environ["ACKNOWLEDGE"]), b"%d\n" % number)


def check_log(folder: Path) -> None:
    """Refuse a log in which two lines, of which one was being written, are no records."""
    lines = (folder / "calls.jsonl").read_bytes().split(b"\n")
    torn = [line for line in lines[:-1] if not _is_json(line)]
    assert len(torn) <= int(os.environ["KILLS"])


def write_calibration(folder: Path, number: int) -> None:
    """Write an importance matrix."""
    sums = {
        f"blk.{n}.attn_q.weight": Sums(np.full((1, 4096), number, np.float64), np.ones(1, np.int64)) for n in range(9)
    }
    Imatrix(sums).write(folder / "a.imatrix.gguf")


def write_model(folder: Path, _number: int) -> None:
    """Convert a small checkpoint."""
    convert(folder.parent / "checkpoint", folder / "model.gguf", quant="Q8_0", force=True)


WRITERS = {
    "cache": Writer(write_cache, check_cache),
    "log": Writer(write_log, check_log),
    "chat": Writer(
        lambda folder, number: save_messages(str(folder / "chat.json"), MESSAGES) and None,
        lambda folder: load_messages(str(folder / "chat.json")),
    ),
    "trajectories": Writer(
        lambda folder, number: write_trajectories(folder / "t.jsonl", [Trajectory.of(MESSAGES)] * 5) and None,
        lambda folder: read_trajectories(folder / "t.jsonl"),
    ),
    "imatrix": Writer(write_calibration, lambda folder: read_imatrix(folder / "a.imatrix.gguf")),
    "convert": Writer(write_model, lambda folder: GGUFHeader.read(folder / "model.gguf"), seconds=0.8),
}


def kill_again_and_again(kind: str, kills: int, seed: str, folder: Path) -> list[str]:
    """Kill writers of one kind and return what was wrong."""
    writer, chance, failures = WRITERS[kind], random.Random(f"{kind} {seed}"), []
    acknowledged, number = list[int](), 0
    reading, writing = os.pipe()
    os.environ |= {"ACKNOWLEDGE": str(writing), "KILLS": str(kills)}
    writer.write(folder, number)
    for kill in range(kills):
        number += 1000
        child = os.fork()
        if child == 0:
            for attempt in range(number, number + 1000):
                writer.write(folder, attempt)
            os._exit(0)
        time.sleep(chance.uniform(0, writer.seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if kind == "log":
            acknowledged += _numbers(reading)
        try:
            writer.check(folder)
        except Exception as error:
            failures.append(f"kill {kill}: {type(error).__name__}: {error}")
    writer.write(folder, number + 1000)
    if left := [path.name for path in folder.iterdir() if path.name.endswith(".partial")]:
        failures.append(f"left behind: {left}")
    if kind == "log":
        lost = set(map(str, acknowledged)) - _logged(folder / "calls.jsonl")
        failures += [f"lost records: {sorted(lost)[:9]}"] if lost else []
    return failures


def _numbers(pipe: int) -> list[int]:
    os.set_blocking(pipe, False)
    data = b""
    with suppress(BlockingIOError):
        while piece := os.read(pipe, 1 << 16):
            data += piece
    return [int(line) for line in data.split()]


def _logged(path: Path) -> set[str]:
    return {json.loads(line)["id"] for line in path.read_bytes().split(b"\n") if _is_json(line)}


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def main() -> int:
    """Kill and print a table; the exit code is 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="of each kind; of convert a tenth")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--kind", action="append", choices=WRITERS)
    options = parser.parse_args()
    failed = 0
    print(f"{'writer':<14}{'kills':>7}{'failures':>10}")
    with tempfile.TemporaryDirectory(prefix="edge-lam-kills-") as place:
        for kind in options.kind or WRITERS:
            folder = Path(place) / kind / "files"
            folder.mkdir(parents=True)
            if kind == "convert":
                write_random_checkpoint(folder.parent / "checkpoint", SHAPES["tiny-qwen2"])
            kills = options.kills if kind != "convert" else max(1, options.kills // 10)
            failures = kill_again_and_again(kind, kills, options.seed, folder)
            print(f"{kind:<14}{kills:>7}{len(failures):>10}", flush=True)
            for failure in failures[:10]:
                print(f"  {failure}")
            failed += len(failures)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

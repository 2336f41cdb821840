"""Runs commands with ever more address space (`ulimit -v`): each is done, or ends in one line that says why not.

    python tests/hostile/address_space.py --from 72 --to 480 --step 8 [--command call]...

The exit code is 1 if a command ended by a signal, showed a traceback or said more than that line and its hint.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint

MOST_LINES = 2  # the error, and a hint
_MIB = 1 << 20


def commands(folder: Path) -> dict[str, list[str]]:
    """Return what is run, by name; a checkpoint to convert is written to the folder."""
    checkpoint = folder / "checkpoint"
    write_random_checkpoint(checkpoint, SHAPES["tiny-qwen2"])
    convert = ["convert", str(checkpoint), "--force", "-o"]
    return {
        "info": ["info"],
        "lint": ["lint", "edge_lam.demo_tools:DEMO_TOOLS"],
        "call": ["call", "--log", "off", "what time is it in Tokyo?"],
        "gbnf": ["call", "--log", "off", "--constraint", "gbnf", "what time is it in Tokyo?"],
        "convert": [*convert, str(folder / "a.gguf")],
        "quantize": [*convert, str(folder / "b.gguf"), "-q", "Q4_0"],
    }


def outcome(words: Sequence[str], mib: int) -> tuple[str, str]:
    """Run a command within a limit of MiB; return "done", "one line" or "failed", and what it said last."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (mib * _MIB, mib * _MIB))

    done = subprocess.run(
        [sys.executable, "-m", "edge_lam", *words],
        capture_output=True,
        check=False,
        env=os.environ | {"GGML_NO_BACKTRACE": "1", "EDGE_LAM_PREFIX_CACHE": "off"},
        preexec_fn=limit,
    )
    lines = done.stderr.decode(errors="replace").splitlines()
    if done.returncode == 0:
        return "done", ""
    if done.returncode == 1 and 0 < len(lines) <= MOST_LINES and lines[0].startswith("edge-lam: error: "):
        return ("failed" if "Error:" in lines[0] else "one line"), lines[0]
    return "failed", f"exit code {done.returncode}: {' / '.join(lines)[-160:]}"


def sweep(words: Sequence[str], limits: Sequence[int]) -> Iterator[tuple[int, str, str]]:
    """Yield each limit that a command was run within, in MiB, with what became of it."""
    for mib in limits:
        yield mib, *outcome(words, mib)


def main() -> int:
    """Sweep and print where what comes of a command changes; the exit code is 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", type=int, default=72, dest="start", help="MiB")
    parser.add_argument("--to", type=int, default=480)
    parser.add_argument("--step", type=int, default=8)
    parser.add_argument("--command", action="append")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="edge-lam-addresses-") as place:
        known = commands(Path(place))
        for name in options.command or known:
            before = ("", "")
            for mib, kind, said in sweep(known[name], range(options.start, options.to + 1, options.step)):
                failed += kind == "failed"
                if (kind, said) != before:
                    print(f"{name:<10}{mib:>6}  {kind:<9} {said}", flush=True)
                before = kind, said
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

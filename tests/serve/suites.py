"""Runs the suites that others wrote, and loads, against `edge-lam serve`; writes one table of what came of them.

    python -m tests.serve.suites                       # all: hours
    python -m tests.serve.suites --only leaderboard    # these alone; the others keep their last outcome, with its date
    python -m tests.serve.suites --only none           # the page alone

Outcomes are kept beside the page. Exit status 1 if a suite that was run failed.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serve.processes import ROOT

RESULTS = ROOT / "benchmarks" / "results"
PAGE = RESULTS / "serve-suites.md"
OUTCOME = "outcome: "  # what a suite prints before a line that says what came of it


@dataclass(frozen=True)
class Suite:
    """What is run.

    Attributes:
        what: whose it is, and what it asks.
        command: in the words of a shell; `{llama_server}` is its path.
        page: its own result page, if it has one.
    """

    what: str
    command: str
    page: str = ""


SUITES: Mapping[str, Suite] = {
    "llama-server": Suite("llama-server's own tests, but for those listed", "python tests/serve/llama_suite.py"),
    "vllm": Suite(
        "vLLM's properties of tool use and of xLAM's replies, written anew",
        "python -m pytest -q -p no:cacheprovider tests/serve/test_tool_use.py tests/formats/test_xlam_replies.py",
    ),
    "openapi": Suite(
        "schemathesis on OpenAI's OpenAPI, cut to the paths that are served", "python -m tests.serve.openapi_suite"
    ),
    "clients": Suite(
        "thirteen clients, each asked seven things",
        "python tests/serve/clients.py --llama-server {llama_server} --out benchmarks/results/clients-tiny-lam.md",
        "clients-tiny-lam.md",
    ),
    "leaderboard": Suite(
        "the leaderboard's `generate`, through `/v1/completions`",
        "python tests/serve/leaderboard.py --limit 20 --out benchmarks/results/leaderboard-over-http.md",
        "leaderboard-over-http.md",
    ),
    "lm-eval": Suite(
        "lm-eval's `local-completions`",
        "python tests/serve/lm_eval_suite.py --limit 20 --out benchmarks/results/lm-eval-over-http.md",
        "lm-eval-over-http.md",
    ),
    "tau2": Suite(
        "tau2's mock domain with a scripted user",
        "python tests/serve/tau2_mock.py --out benchmarks/results/tau2-over-http.md",
        "tau2-over-http.md",
    ),
    "load": Suite(
        "8, 64 and 256 connections with rude clients, then kill -9",
        "python -m tests.serve.load --connections 8 64 256 --minutes 10",
    ),
    "overhead": Suite("what HTTP adds to a call", "python benchmarks/serve_overhead.py --calls 200"),
    "idle": Suite("what 256 waiting streams cost", "python benchmarks/serve_idle.py --streams 256"),
}


def main() -> int:
    """Run suites and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--only", nargs="+", choices=[*SUITES, "none"], metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--llama-server", default="llama-server", metavar="PATH", help="asked beside ours by clients")
    parser.add_argument("--out", type=Path, default=PAGE, metavar="FILE", help="the page")
    asked = parser.parse_args()
    kept = asked.out.with_suffix(".json")
    failed = False
    for name in asked.only or SUITES:
        if name != "none":
            found = run(SUITES[name].command.format(llama_server=asked.llama_server))
            failed |= not found["passed"]
            found["command"] = SUITES[name].command
            kept.write_text(json.dumps({**known(kept), name: found}, indent=1) + "\n")
        asked.out.write_text(page(known(kept)))
    return int(failed)


def known(path: Path) -> dict[str, Any]:
    """Return the outcomes that are kept; another suite may have ended meanwhile."""
    return dict(json.loads(path.read_text())) if path.exists() else {}


def run(command: str) -> dict[str, Any]:
    """Run a suite, showing what it prints; returns what came of it."""
    words = shlex.split(command)
    start, lines = time.monotonic(), []
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(
        [sys.executable, *words[1:]], cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True
    ) as child:
        for line in child.stdout or ():
            print(line, end="", flush=True)
            lines.append(line.strip(" =\n"))
    return {
        "day": time.strftime("%Y-%m-%d"),
        "minutes": round((time.monotonic() - start) / 60, 1),
        "passed": child.returncode == 0,
        "outcome": outcome([line for line in lines if line]),
    }


def outcome(lines: Sequence[str]) -> str:
    """Return what a suite's lines say came of it: those that are marked, pytest's last one, or all of a short one."""
    marked = [line.removeprefix(OUTCOME) for line in lines if line.startswith(OUTCOME)]
    if not marked and lines and " passed" in lines[-1]:
        marked = [lines[-1]]
    return "; ".join(marked or lines[-5:])


def page(outcomes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the result page."""
    lines = [
        "# `edge-lam serve` against what others wrote",
        "",
        "Each row is the last run of its command. All rows anew: `python -m tests.serve.suites --llama-server PATH`;",
        "some: `--only NAME ...`. Every suite has the embedded model: a wrong task says little of larger ones, but an",
        "answer that is another one than the engine's would say much.",
        "",
        "| suite | what | outcome | passed | run |",
        "| :-- | :-- | :-- | :-- | :-- |",
    ]
    for name, suite in SUITES.items():
        title = f"[{name}]({suite.page})" if suite.page else name
        one = outcomes.get(name)
        if one is None:
            lines.append(f"| {title} | {suite.what} | not run | | |")
            continue
        passed = "yes" if one["passed"] else "**no**"
        lines.append(f"| {title} | {suite.what} | {one['outcome']} | {passed} | {one['day']}, {one['minutes']:g} min |")
    lines += ["", "Commands:", ""]
    for name, suite in SUITES.items():
        command = outcomes.get(name, {}).get("command", suite.command)  # as it was run
        lines.append(f"- {name}: `{command.format(llama_server='PATH')}`")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())

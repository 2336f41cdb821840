"""Whether the tools of public MCP servers can be used: none refused, and every call of them fits its schema.

    python tests/real_tools/check.py [--folder FOLDER] [--only PACKAGE ...]

By hand: it installs packages from npm and PyPI. Each tool is looked at as `edge-lam lint` does; then the embedded
model, with some chance, must call it, and the call is checked. Exit code 1 if a tool is refused or called wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from servers import SERVERS, NotStarted, Server, definitions

from edge_lam import LAM, Tool, load
from edge_lam.errors import EdgeLamError
from edge_lam.tool_lint import ToolLint

REQUEST = "Use the tool."
MAX_TOKENS = 200
TEMPERATURE = 0.8
SEED = 1


def check(lam: LAM, tools: list[dict[str, Any]]) -> tuple[Counter[str], list[str]]:
    """Return how many tools were used, cut off at the token limit and so on, and what is wrong, a line each."""
    lint = ToolLint(lam.engine.model, lam.engine.format)
    counts: Counter[str] = Counter(tools=len(tools))
    wrong: list[str] = []
    for definition, linted in zip(tools, lint.look_at(tools), strict=True):
        counts["open"] += bool(linted.open)
        if linted.refusal:
            wrong.append(f"refused: {linted.refusal}")
        elif fault := _lost(definition, linted.name):
            wrong.append(f"lost: {fault}")
        else:
            outcome, faults = _call(lam, definition)
            counts[outcome] += 1
            wrong += faults
    return counts, wrong


def _lost(definition: dict[str, Any], name: str) -> str:
    """Compare the parameters that were read with those that the server lists."""
    listed = definition.get("inputSchema", {}).get("properties") or {}
    read = Tool.from_schema(definition).parameters["properties"]
    return "" if list(listed) == list(read) else f"{name}: {sorted(set(listed) - set(read))}"


def _call(lam: LAM, definition: dict[str, Any]) -> tuple[str, list[str]]:
    name = definition["name"]
    options = {"tool_choice": name, "parallel_tool_calls": False, "max_tokens": MAX_TOKENS}
    try:
        reply = lam.chat(REQUEST, tools=[definition], temperature=TEMPERATURE, seed=SEED, timeout=60, **options)
    except EdgeLamError as error:
        too_long = error.code == "prompt_too_long"
        return ("prompt too long", []) if too_long else ("", [f"refused: {name}: {error}"])
    faults = [f"called wrong: {name}: {problem}" for call in reply.tool_calls for problem in call.problems]
    faults += [f"not a call: {name}: {error.message}" for error in reply.errors]
    if faults:
        return "called wrong", faults
    return ("called" if reply.tool_calls else f"cut off ({reply.finish_reason})"), []


def main() -> int:
    """Check all servers, and print a line for each and what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--folder", type=Path, help="keep what is installed and listed here")
    parser.add_argument("--only", nargs="*", metavar="PACKAGE", help="these packages alone")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="edge-lam-real-tools-"))
    chosen = [server for server in SERVERS if not asked.only or server.package in asked.only]
    total: Counter[str] = Counter()
    n_wrong = 0
    with load(n_ctx=4096, log=False, prefix_cache=False) as lam:
        for server in chosen:
            counts, wrong = _check_server(lam, server, folder)
            total += counts
            n_wrong += len(wrong)
    print(", ".join(f"{name}: {count}" for name, count in total.items()), f"wrong: {n_wrong}", sep=", ")
    return 1 if n_wrong else 0


def _check_server(lam: LAM, server: Server, folder: Path) -> tuple[Counter[str], list[str]]:
    try:
        tools = definitions(server, folder.resolve())
    except NotStarted as reason:
        print(f"{server.package}: not started: {reason}", flush=True)
        return Counter({"not started": 1}), []
    counts, wrong = check(lam, tools)
    print(f"{server.package}: " + ", ".join(f"{name}: {count}" for name, count in counts.items()), flush=True)
    for line in wrong:
        print(f"  {line}", flush=True)
    return counts + Counter(servers=1), wrong


if __name__ == "__main__":
    sys.exit(main())

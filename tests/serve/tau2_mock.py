"""tau2's mock domain with a scripted user, played to its end against `edge-lam serve`.

    python tests/serve/tau2_mock.py [--source FOLDER] [--python PYTHON] [--out FILE.md]

By hand: it fetches tau2-bench (MIT), of which nothing is kept here, and installs what that needs in an environment of
its own, with Python 3.12. Each answer that its client got is compared with what `LAM.chat` in this process answers to
the same messages and tools. Exit status 1 if a request failed, or an answer is another one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from processes import CACHE, edge_lam_serve, environment, running

import edge_lam

SOURCE = "https://github.com/sierra-research/tau2-bench"
PYTHON = "python3.12"
ENDINGS = {
    "user_stop": "the user had no more to say",
    "max_steps": "20 steps passed",
    "agent_stop": "the agent ended it",
}


def main() -> int:
    """Play the tasks, ask again here, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--source", type=Path, metavar="FOLDER", help="a copy of tau2-bench  [default: fetched]")
    parser.add_argument("--python", default=PYTHON, help="makes the environment  [default: python3.12]")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table there")
    asked = parser.parse_args()
    folder = asked.source or fetched()
    python = environment(CACHE / "tau2" / "environment", needs(folder), python=asked.python)
    with running(edge_lam_serve()) as url:
        tasks = played(python, folder, url)
    with edge_lam.load(log="off", prefix_cache=False) as lam:
        same = {task["task"]: sum(again(lam, request) for request in task["asked"]) for task in tasks}
    text = page(tasks, same)
    print(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    print(f"outcome: {outcome(tasks, same)}")
    failed = [task for task in tasks if task["ended"] not in ENDINGS]
    return int(bool(failed) or any(len(task["asked"]) != same[task["task"]] for task in tasks))


def fetched() -> Path:
    """Return a folder with tau2-bench, fetched if it is not there."""
    folder = CACHE / "tau2" / "source"
    if not folder.exists():
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", SOURCE, folder], check=True)
    return folder


def needs(folder: Path) -> Sequence[str]:
    """Return what tau2 says that it needs."""
    import tomllib

    return list(tomllib.loads((folder / "pyproject.toml").read_text())["project"]["dependencies"])


def played(python: str, folder: Path, url: str) -> list[dict[str, Any]]:
    """Play all tasks; returns what was told of each."""
    variables = {
        **os.environ,
        "PYTHONPATH": str(folder / "src"),
        "TAU2_DATA_DIR": str(folder / "data"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # asks nobody for prices
    }
    command = [python, Path(__file__).with_name("tau2_mock_run.py"), url]
    done = subprocess.run(command, env=variables, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line[5:]) for line in done.stdout.splitlines() if line.startswith("TASK ")]


def again(lam: edge_lam.LAM, request: Mapping[str, Any]) -> bool:
    """Return whether this process answers a request as the server did."""
    messages = [{key: value for key, value in one.items() if value is not None} for one in request["messages"]]
    reply = lam.chat(messages, tools=request["tools"], tool_choice=request["tool_choice"])
    calls = [[call.name, call.arguments] for call in reply.tool_calls]
    return (reply.text, calls) == (request["content"], request["calls"])


def outcome(tasks: Sequence[Mapping[str, Any]], same: Mapping[str, int]) -> str:
    """Return what came of all tasks in one line."""
    n_ended = sum(task["ended"] in ENDINGS for task in tasks)
    n_right = sum(task["reward"] == 1 for task in tasks)
    n_asked = sum(len(task["asked"]) for task in tasks)
    return (
        f"{n_ended} of {len(tasks)} tasks ran to their end, {n_right} right; "
        f"{sum(same.values())} of {n_asked} answers are those of `LAM.chat` to the same messages and tools"
    )


def page(tasks: Sequence[Mapping[str, Any]], same: Mapping[str, int]) -> str:
    """Return the result page."""
    lines = [
        f"# tau2's mock domain over HTTP, {time.strftime('%Y-%m-%d')}",
        "",
        "- command: `python tests/serve/tau2_mock.py`",
        "- tau2's own orchestrator, agent, tools and judge, litellm as the client; the user says the lines of a script",
        f"- tiny-lam, temperature 0: {outcome(tasks, same)}; so its scores are the same too",
        "",
        "| task | ended | requests | the same here | reward |",
        "| :-- | :-- | --: | --: | --: |",
    ]
    for task in tasks:
        ended = ENDINGS.get(task["ended"], task["ended"])
        lines.append(f"| {task['task']} | {ended} | {len(task['asked'])} | {same[task['task']]} | {task['reward']:g} |")
    return "\n".join(
        [*lines, "", "What tau2 has judged by a model (its assertions in words) is left out of the rewards.", ""]
    )


if __name__ == "__main__":
    sys.exit(main())

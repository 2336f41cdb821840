"""Tasks of your own: a JSONL file of messages, tools and what to call; docs/benchmarks.md describes it.

A line is one of those that `edge-lam calibrate` and `verify` read, and is judged in the same way: exactly these calls,
in any order. Or it has "accepted", answers in the leaderboard's form, and the leaderboard's checker judges it. Lines
that are wrong are reported, and the others run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_lam import LAM
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.errors import InvalidRequest
from edge_lam.formats.examples import Example, examples_of
from edge_lam.formats.rows import read_rows
from edge_lam.tools import Tool, ToolCall, as_tools
from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.measure import loaded, measure
from edge_lam_benchmarks.places import file_at, place_of
from edge_lam_benchmarks.quality.bfcl import MAX_TOKENS, official
from edge_lam_benchmarks.quality.judged import judged, leaderboard_calls, refused, reply_text
from edge_lam_benchmarks.quality.official import OfficialVerdict

SLICE = 20
"""Tasks of one item."""
# JSON Schema's names of types, and the leaderboard's.
_TYPES = {"object": "dict", "number": "float"}


@dataclass(frozen=True)
class QualityTask:
    """A request and how its answer is judged.

    Attributes:
        example: the request; with the calls that it wants, if nothing else is accepted.
        accepted: answers in the leaderboard's form, ``[{name: {argument: [values]}}]``; None to want exactly the calls.
    """

    example: Example
    accepted: Sequence[Mapping[str, Any]] | None = None


@dataclass
class TaskFile:
    """A file of tasks.

    Attributes:
        tasks: those that could be read, in order.
        wrong: for each line that could not, an error that names line and field.
    """

    tasks: list[QualityTask] = field(default_factory=list)
    wrong: list[InvalidRequest] = field(default_factory=list)


def read_tasks(path: Path) -> TaskFile:
    """Read a file of tasks; lines that bring no tools get the demo's.

    Raises:
        InvalidRequest: it can't be read, or no line of it.
    """
    read, known, tools = TaskFile(), dict[str, tuple[Tool, ...]](), as_tools(DEMO_TOOLS)
    for place, value in read_rows(path, param="tasks", own_keys_once=True):
        tasks = _read(place, value, tools, known)
        if isinstance(tasks, InvalidRequest):
            read.wrong.append(tasks)
        else:
            read.tasks += tasks
    if not read.tasks:
        raise read.wrong[0] if read.wrong else InvalidRequest(f"{path} holds no tasks", param="tasks")
    return read


def _read(
    place: str, value: Any, tools: Sequence[Tool], known: dict[str, tuple[Tool, ...]]
) -> list[QualityTask] | InvalidRequest:
    try:
        accepted = None
        if isinstance(value, dict) and "accepted" in value:
            accepted = _accepted(value.pop("accepted"), place)
            value.setdefault("calls", [])
        return [QualityTask(example, accepted) for example in examples_of(value, place, tools, known)]
    except InvalidRequest as error:
        return error


def _accepted(value: Any, place: str) -> list[Mapping[str, Any]]:
    """Check the leaderboard's form: a list of ``{name: {argument: [values]}}``."""
    right = isinstance(value, list) and all(
        isinstance(call, dict) and len(call) == 1 and _are_lists(next(iter(call.values()))) for call in value
    )
    if not right:
        raise InvalidRequest(f"{place}: accepted must be a list of {{name: {{argument: [accepted values]}}}}")
    calls: list[Mapping[str, Any]] = value
    return calls


def _are_lists(arguments: object) -> bool:
    return isinstance(arguments, dict) and all(isinstance(values, list) for values in arguments.values())


def task_items(model: str, quant: str, path: Path, count: int, **options: Any) -> list[WorkItem]:
    """Return the items of a file with `count` tasks."""
    return [
        WorkItem(
            "quality",
            model,
            "tasks",
            quant,
            {"file": place_of(path), "first": first, "count": min(SLICE, count - first)} | options,
        )
        for first in range(0, count, SLICE)
    ]


def run_tasks(item: WorkItem) -> list[Sample]:
    """Ask a slice of a file's tasks and judge the answers.

    Raises:
        InvalidRequest: the file can't be read, or has answers for the leaderboard's checker and that is not installed.
        EdgeLamError: the model failed.
    """
    first, count = item.options.get("first", 0), item.options.get("count", SLICE)
    tasks = read_tasks(file_at(item.options["file"])).tasks[first : first + count]
    lam = loaded.lam(item)
    return [_ask(lam, task) for task in tasks]


def _ask(lam: LAM, task: QualityTask) -> Sample:
    example = task.example
    try:
        done = measure(lam, list(example.messages), tools=example.tools, max_tokens=MAX_TOKENS)
    except InvalidRequest as error:
        return refused(example.id, error)
    verdict = judge(task, done.reply.tool_calls)
    return judged(example.id, verdict, reply_text(done.reply), done.sample.values)


def judge(task: QualityTask, calls: Sequence[ToolCall]) -> OfficialVerdict:
    """Judge the calls of a reply.

    Raises:
        InvalidRequest: the task is for the leaderboard's checker, and that is not installed.
    """
    if task.accepted:
        functions = [_dialect(tool.definition()) for tool in task.example.tools]
        return official.accepts(functions, leaderboard_calls(calls), task.accepted)
    if task.example.is_met(calls):
        return OfficialVerdict(valid=True)
    if not task.example.calls:
        return OfficialVerdict(valid=False, kind="call", reason="it should answer in text")
    wanted = ", ".join(f"{call.name}({call.arguments})" for call in task.example.calls)
    return OfficialVerdict(valid=False, kind="calls" if calls else "no call", reason=f"expected {wanted}")


def _dialect(value: Any) -> Any:
    """Return a definition with the leaderboard's names of types."""
    if isinstance(value, dict):
        kind = value.get("type")
        named = {"type": _TYPES[kind]} if isinstance(kind, str) and kind in _TYPES else {}
        return {key: _dialect(item) for key, item in value.items()} | named
    return [_dialect(item) for item in value] if isinstance(value, list) else value

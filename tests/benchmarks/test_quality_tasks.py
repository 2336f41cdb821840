"""Tasks of a user's own: which lines are read, and how answers are judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.tools import ToolCall
from edge_lam_benchmarks.items import WorkItem
from edge_lam_benchmarks.quality import BUILT_IN, quality_items, run_quality
from edge_lam_benchmarks.quality.tasks import judge, read_tasks

TOOL = {
    "name": "book",
    "description": "Book a table.",
    "parameters": {
        "type": "object",
        "properties": {"place": {"type": "string"}, "guests": {"type": "integer"}, "price": {"type": "number"}},
        "required": ["place", "guests"],
    },
}


def write(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def call(**arguments: Any) -> ToolCall:
    return ToolCall("call_1", "book", arguments)


def test_wrong_lines_are_told_and_the_others_read(tmp_path: Path) -> None:
    file = write(
        tmp_path / "tasks.jsonl",
        {"id": "one", "messages": "a table at Nino's for 2", "tools": [TOOL], "calls": []},
        "{not json",
        {"messages": "hi", "calls": [], "expect": 1},
        {"messages": "hi", "accepted": {"book": {}}},
        {"id": "two", "messages": "hello", "text": "Hello!"},
    )
    read = read_tasks(file)
    assert [task.example.id for task in read.tasks] == ["one", "two"]
    said = [error.message for error in read.wrong]
    assert [f"line {number}" in text for number, text in zip((2, 3, 4), said, strict=True)] == [True] * 3
    assert "expect" in said[1]
    assert "accepted" in said[2]


def test_a_file_without_a_right_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="line 1"):
        read_tasks(write(tmp_path / "tasks.jsonl", "nonsense"))
    with pytest.raises(InvalidRequest, match="holds no tasks"):
        read_tasks(write(tmp_path / "empty.jsonl"))


@pytest.mark.parametrize(
    ("calls", "right", "kind"),
    [
        ([call(place="Nino's", guests=2)], True, ""),
        ([call(guests=2.0, place="Nino's")], True, ""),
        ([call(place="Nino", guests=2)], False, "calls"),
        ([call(place="Nino's", guests=2), call(place="Nino's", guests=2)], False, "calls"),
        ([], False, "no call"),
    ],
)
def test_calls_must_be_exactly_those(calls: list[ToolCall], right: bool, kind: str, tmp_path: Path) -> None:
    wanted = {"name": "book", "arguments": {"place": "Nino's", "guests": 2}}
    file = write(tmp_path / "tasks.jsonl", {"messages": "a table", "tools": [TOOL], "calls": [wanted]})
    verdict = judge(read_tasks(file).tasks[0], calls)
    assert (verdict.valid, verdict.kind) == (right, kind)


def test_where_text_is_wanted_a_call_is_wrong(tmp_path: Path) -> None:
    file = write(tmp_path / "tasks.jsonl", {"messages": "hi", "tools": [TOOL], "calls": []})
    task = read_tasks(file).tasks[0]
    assert judge(task, []).valid
    assert judge(task, [call(place="x", guests=1)]).kind == "call"


def test_accepted_answers_are_judged_by_the_leaderboard(tmp_path: Path) -> None:
    pytest.importorskip("bfcl_eval")
    accepted = [{"book": {"place": ["Nino's", "Ninos"], "guests": [2], "price": ["", 20.0]}}]
    file = write(tmp_path / "tasks.jsonl", {"messages": "a table", "tools": [TOOL], "accepted": accepted})
    task = read_tasks(file).tasks[0]
    assert judge(task, [call(place="ninos", guests=2)]).valid
    assert judge(task, [call(place="Nino's", guests=2, price=20.0)]).valid
    wrong = judge(task, [call(place="Nino's", guests=3)])
    assert (wrong.valid, "guests" in wrong.reason) == (False, True)


def test_an_item_asks_its_slice_of_the_file() -> None:
    items = quality_items("", episodes=False, limit=21)
    assert [(item.options["first"], item.options["count"]) for item in items] == [(0, 20), (20, 1)]
    (sample,) = run_quality(items[1])
    assert sample.labels["task"] == read_tasks(BUILT_IN).tasks[20].example.id
    assert sample.values["time.total"] > 0
    assert isinstance(sample.labels["correct"], bool)


def test_an_unknown_scenario_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="unknown scenario 'trivia'"):
        run_quality(WorkItem("quality", "", "trivia"))

"""Rows of data sets: read as they are published, in a file of lines or a list, wherever calls are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.formats.examples import Example, read_examples
from edge_lam.trajectories import Trajectory, Verifier, read_trajectories, write_trajectories

CITY = {"description": "The city", "type": "str"}
DAYS = {"description": "How many days", "type": "int, optional", "default": "1"}
TOOLS = [{"name": "forecast", "description": "Weather to come", "parameters": {"city": CITY, "days": DAYS}}]
OSLO = {"name": "forecast", "arguments": {"city": "Oslo", "days": 2}}
LIMA = {"name": "forecast", "arguments": {"city": "Lima"}}

# As xlam-function-calling-60k has it: lists in JSON, as text.
XLAM = {
    "id": 7,
    "query": "Two days in Oslo, and Lima?",
    "answers": json.dumps([OSLO, LIMA]),
    "tools": json.dumps(TOOLS),
}
# As APIGen-MT-5k has it: speakers take turns, calls and results among them.
SPOKEN = {
    "system": "Be brief.",
    "tools": json.dumps(TOOLS),
    "conversations": [
        {"from": "human", "value": "Will it rain in Oslo?"},
        {"from": "gpt", "value": "For how long?"},
        {"from": "human", "value": "Two days"},
        {"from": "function_call", "value": json.dumps(OSLO)},
        {"from": "observation", "value": "rain"},
        {"from": "gpt", "value": "I look at Lima too."},
        {"from": "function_call", "value": json.dumps(LIMA)},
        {"from": "observation", "value": "sun"},
        {"from": "gpt", "value": "Rain, then sun."},
    ],
}
ROWS = {"xLAM": XLAM, "spoken": SPOKEN, "trajectory": Trajectory.from_dict(SPOKEN).to_dict()}


def essence(example: Example) -> tuple[list[str], list[tuple[str, dict[str, Any]]], str | None]:
    roles = [message["role"] for message in example.messages]
    return roles, [(call.name, call.arguments) for call in example.calls], example.text


@pytest.fixture(params=["lines", "list"])
def write(request, tmp_path: Path):
    def as_file(*rows: Any) -> Path:
        path = tmp_path / "rows.json"
        lines = "".join(f"{json.dumps(row)}\n" for row in rows)
        path.write_text(lines if request.param == "lines" else json.dumps(rows))
        return path

    return as_file


def test_rows_of_xlam(write):
    [example] = read_examples(write(XLAM))
    calls = [(call["name"], call["arguments"]) for call in (OSLO, LIMA)]
    assert (example.id, essence(example)) == ("7", (["user"], calls, None))
    assert example.tools[0].parameters["required"] == ["city"]


def test_a_row_without_an_answer_expects_no_call(write):
    [example] = read_examples(write({**XLAM, "answers": "[]"}))
    assert essence(example) == (["user"], [], None)


@pytest.mark.parametrize("shape", ["spoken", "trajectory"])
def test_each_reply_that_calls_is_an_example(write, shape):
    first, second = read_examples(write(ROWS[shape]))
    roles = ["system", "user", "assistant", "user"]
    assert essence(first) == (roles, [("forecast", OSLO["arguments"])], None)
    assert essence(second) == ([*roles, "assistant", "tool"], [("forecast", LIMA["arguments"])], "I look at Lima too.")
    assert first.id.endswith(", message 4")


def test_a_conversation_without_calls_expects_its_last_reply(write):
    [example] = read_examples(write({**SPOKEN, "conversations": SPOKEN["conversations"][:2]}))
    assert essence(example) == (["system", "user"], [], "For how long?")


@pytest.mark.parametrize("shape", ROWS)
def test_every_row_is_a_trajectory(write, tmp_path, shape):
    path = write(ROWS[shape])
    [read] = read_trajectories(path)
    assert read.id == read_trajectories(path)[0].id
    assert Verifier().check(read).calls[0].clean
    write_trajectories(tmp_path / "again.jsonl", [read])
    [again] = read_trajectories(tmp_path / "again.jsonl")
    assert (again.messages, again.tools) == (read.messages, read.tools)
    assert [essence(example) for example in read_examples(tmp_path / "again.jsonl")] == [
        essence(example) for example in read_examples(path)
    ]


def test_calls_have_their_results():
    messages = Trajectory.from_dict(SPOKEN).messages
    assert [message.get("tool_call_id") for message in messages if message["role"] == "tool"] == ["call_0", "call_1"]
    assert messages[6]["tool_calls"][0]["id"] == "call_1"
    assert messages[6]["content"] == "I look at Lima too."


def test_what_a_data_set_has_wrong_is_left_out_where_somebody_hears_of_it(write):
    wrong = {**XLAM, "answers": json.dumps([{"name": "forecast", "arguments": {"town": "Oslo"}}])}
    path = write(wrong, XLAM)
    with pytest.raises(InvalidRequest, match=r"rows\.json, (line 1|item 0): .*'city' is missing"):
        read_examples(path)
    heard: list[InvalidRequest] = []
    assert len(read_examples(path, on_wrong=heard.append)) == 1
    assert len(heard) == 1
    with pytest.raises(InvalidRequest, match="there is no expected reply"):
        read_examples(write({"messages": "hi"}, XLAM), on_wrong=heard.append)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**XLAM, "answers": "[{"}, "answers is not JSON"),
        ({**XLAM, "answers": "5"}, "answers must be a list, not int"),
        ({**XLAM, "answers": [{"arguments": {}}]}, r"answers\[0\] names no function"),
        ({**XLAM, "tools": "forecast"}, "tools is not JSON"),
        ({**SPOKEN, "conversations": [{"from": "robot", "value": "hi"}]}, r"conversations\[0\] is no turn"),
        ({**SPOKEN, "conversations": [{"from": "human", "value": 5}]}, r"conversations\[0\] is no turn"),
        ({**SPOKEN, "conversations": [{"from": "function_call", "value": "{"}]}, r"conversations\[0\] is not JSON"),
        ({**SPOKEN, "conversations": [{"from": "human", "value": "hi"}]}, "there is no reply of the assistant"),
        ({**SPOKEN, "conversations": []}, "messages is empty|no reply of the assistant"),
    ],
)
def test_what_cannot_be_read_is_named(write, row, message):
    with pytest.raises(InvalidRequest, match=message):
        read_examples(write(row))

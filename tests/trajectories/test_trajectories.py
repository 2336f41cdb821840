"""Trajectories: both ways through the format, through files and out of the call log."""

from __future__ import annotations

import json
from typing import Literal

import pytest

from edge_lam import Agent, load
from edge_lam.errors import InvalidRequest, InvalidTool
from edge_lam.formats import normalize_messages
from edge_lam.trajectories import Trajectory, read_entries, read_log, read_trajectories, write_trajectories

WEATHER = {
    "name": "get_weather",
    "description": "Get the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def _call(id: str, city: str, *, as_text: bool = False) -> dict[str, object]:
    arguments = {"city": city}
    function = {"name": "get_weather", "arguments": json.dumps(arguments) if as_text else arguments}
    return {"id": id, "type": "function", "function": function}


CONVERSATION = [
    {"role": "system", "content": "Be brief.\nAlways."},
    {"role": "user", "content": "Weather in Łódź and Oslo?"},
    {"role": "assistant", "content": "One moment.", "tool_calls": [_call("a", "Łódź"), _call("b", "Oslo")]},
    {"role": "tool", "tool_call_id": "a", "name": "get_weather", "content": '{"sky": "clear"}'},
    {"role": "tool", "tool_call_id": "b", "name": "get_weather", "content": "rain"},
    {"role": "assistant", "content": "Clear and rain."},
    {"role": "user", "content": "Thanks"},
    {"role": "system", "content": "The user is in a hurry."},
    {"role": "assistant", "content": "Bye."},
]


@pytest.mark.parametrize("length", range(1, len(CONVERSATION) + 1))
@pytest.mark.parametrize("first", [0, 1])
def test_messages_come_back_whatever_their_roles(length, first):
    messages = CONVERSATION[first:length] or [{"role": "user", "content": "Hi"}]
    trajectory = Trajectory.of(messages, [WEATHER])
    written = json.loads(json.dumps(trajectory.to_dict()))
    assert Trajectory.from_dict(written) == Trajectory(
        trajectory.id, trajectory.messages, trajectory.tools, {"format_instruction": None, "few_shot_examples": None}
    )
    assert Trajectory.from_dict(written).messages == normalize_messages(messages)


def test_the_fields_of_the_format():
    written = Trajectory.of(CONVERSATION[:3], [{"type": "function", "function": WEATHER}], id="x---1").to_dict()
    assert written["unique_trajectory_id"] == "x---1"
    assert written["task_instruction"] == "Be brief.\nAlways."
    assert written["tools"] == [WEATHER]
    assert [message["role"] for message in written["conversation"]] == ["system", "user", "assistant"]
    assert [call["function"]["arguments"] for call in written["conversation"][2]["tool_calls"]] == [
        {"city": "Łódź"},
        {"city": "Oslo"},
    ]


def test_other_writers_of_the_format_are_read():
    value = {
        "task_instruction": "Be brief.",
        "dataset": "home",
        "split": "train",
        "tools": [WEATHER],
        "conversation": [
            {"role": "user", "content": "Oslo?"},
            {"role": "assistant", "content": None, "tool_calls": [_call("a", "Oslo", as_text=True)]},
            {"role": "assistant", "content": "", "tool_calls": [{"name": "get_weather", "arguments": {"city": "B"}}]},
        ],
    }
    read = Trajectory.from_dict(value)
    assert read.messages[0] == {"role": "system", "content": "Be brief."}
    assert read.messages[2]["tool_calls"] == [_call("a", "Oslo")]
    assert read.messages[3]["tool_calls"][0]["function"]["arguments"] == {"city": "B"}
    assert (read.to_dict()["dataset"], read.to_dict()["split"]) == ("home", "train")
    assert Trajectory.of("Oslo?", [WEATHER]).id == Trajectory.of("Oslo?", [WEATHER]).id != Trajectory.of("Rome?").id


@pytest.mark.parametrize(
    ("value", "param", "message"),
    [
        ([], "trajectory", "must be an object, not list"),
        ({}, "conversation", "conversation is missing"),
        ({"steps": []}, "conversation", "only conversations can be read"),
        ({"conversation": "hi"}, "conversation", "must be a list of messages, not str"),
        ({"conversation": []}, "conversation", "is empty"),
        ({"conversation": [{"role": "robot", "content": ""}]}, "conversation", "messages[0] has the unknown role"),
        ({"conversation": [{"role": "user"}]}, "conversation", "messages[0] has no content"),
        ({"conversation": [{"role": "tool", "content": "", "tool_call_id": [1]}]}, "conversation", "not text"),
        ({"conversation": [{"role": "user", "content": "x"}], "tools": [WEATHER, WEATHER]}, "tools", "two tools"),
        ({"conversation": [{"role": "user", "content": "x"}], "tools": "all"}, "tools", "must be a list"),
        ({"conversation": [], "task_instruction": 3}, "task_instruction", "must be text, not int"),
    ],
)
def test_wrong_fields_are_named(value, param, message):
    with pytest.raises(InvalidRequest) as caught:
        Trajectory.from_dict(value)
    assert caught.value.param == param
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["t.jsonl", "t.json"])
def test_files_of_lines_and_lists(tmp_path, name):
    path = tmp_path / name
    written = [Trajectory.of(CONVERSATION[:length], [WEATHER], id=str(length)) for length in (2, 5, 9)]
    assert write_trajectories(path, written) == 3
    assert [trajectory.messages for trajectory in read_trajectories(path)] == [each.messages for each in written]
    assert path.stat().st_mode & 0o777 == 0o600
    assert write_trajectories(path, []) == 0
    assert read_trajectories(path) == []


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "t.jsonl"
    write_trajectories(path, [Trajectory.of("Hi")])
    before = path.read_bytes()

    def broken():
        yield Trajectory.of("one")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        write_trajectories(path, broken())
    with pytest.raises(InvalidRequest, match="can't be written"):
        write_trajectories(path, [Trajectory.of("half a character: \ud800")])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InvalidRequest) as caught:
        write_trajectories(tmp_path / "none" / "t.jsonl", [])
    assert caught.value.param == "path"


def test_wrong_lines_are_named_and_the_rest_goes_on(tmp_path):
    path = tmp_path / "t.jsonl"
    good = json.dumps(Trajectory.of("Hi").to_dict()).encode()
    deep = b'{"conversation": ' + b"[" * 100_000
    path.write_bytes(b"\n".join([b"\xef\xbb\xbf" + good, b"", b"{", b"\xff", b"3", deep, b'{"a": 1e999}', good]))
    entries = list(read_entries(path))
    places = [place.rpartition(" ")[2] for place, _ in entries]
    assert places == ["1", "3", "4", "5", "6", "7", "8"]
    assert [isinstance(entry, Trajectory) for _, entry in entries] == [True, *[False] * 5, True]
    for place, entry in entries[1:-1]:
        assert str(entry).startswith(place)
        assert "\n" not in entry.message
    with pytest.raises(InvalidRequest, match="line 3 is not JSON"):
        read_trajectories(path)
    path.write_text("[1,")
    with pytest.raises(InvalidRequest, match="is not JSON"):
        read_trajectories(path)
    with pytest.raises(InvalidRequest, match="can't be read"):
        read_trajectories(tmp_path)


def test_the_log_of_an_agent_is_one_trajectory(tiny_lam_path, tmp_path):
    def switch_lamp(state: Literal["on", "off"]) -> dict[str, str]:
        """Switch the lamp."""
        return {"lamp": state}

    options = {"tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 60}
    log = tmp_path / "calls.jsonl"
    with load(tiny_lam_path, n_ctx=1024, log=log, log_prompts=True) as lam:
        answer = Agent(lam, [switch_lamp], max_rounds=2, **options).run("Lamp on please")
        cut = lam.chat("Lamp off", tools=[switch_lamp], tool_choice="required", max_tokens=1)
    assert len(answer.steps) == 2
    assert cut.finish_reason == "length"
    log.write_text(log.read_text() + "{broken\n")
    found = read_log(log)
    complete = [step.reply for step in answer.steps if step.reply.finish_reason != "length"]
    (trajectory,) = found.trajectories
    assert trajectory.id == f"edge-lam---{complete[-1].report.id}"
    assert [tool.name for tool in trajectory.tools] == ["switch_lamp"]
    assert trajectory.messages == normalize_messages(answer.messages)[: len(trajectory.messages)]
    assert trajectory.messages[-1]["role"] == "assistant"
    assert found.skipped["cut off (length)"] == 1 + len(answer.steps) - len(complete)
    (wrong,) = found.wrong
    assert "is not JSON" in wrong.message


def test_the_results_of_the_last_round_are_there(tiny_lam_path, tmp_path):
    def switch_lamp(state: Literal["on", "off"]) -> dict[str, str]:
        """Switch the lamp."""
        return {"lamp": "Łampa " + state}

    log = tmp_path / "calls.jsonl"
    with load(tiny_lam_path, n_ctx=1024, log=log, log_prompts=True) as lam:
        answer = Agent(lam, [switch_lamp], max_rounds=1, tool_choice="required", max_tokens=90).run("Lamp on please")
        (trajectory,) = read_log(log).trajectories
        assert trajectory.messages == normalize_messages(answer.messages)
        assert trajectory.messages[-1]["role"] == "tool"
        lam.chat(answer.messages, tools=[switch_lamp], tool_choice="none", max_tokens=200)
    (trajectory,) = read_log(log).trajectories  # still one: the second reply goes on from the first
    assert [message["role"] for message in trajectory.messages][:3] == ["user", "assistant", "tool"]


def test_a_saved_chat_is_one_trajectory(tmp_path):
    path = tmp_path / "chat.json"
    path.write_text(json.dumps(CONVERSATION, indent=2))
    (trajectory,) = read_log(path, [WEATHER]).trajectories
    assert trajectory == Trajectory.of(CONVERSATION, [WEATHER])
    path.write_text('[{"role": "user", "content": "Hi"}, {"role": "robot", "content": ""}]')
    with pytest.raises(InvalidRequest, match="unknown role 'robot'"):
        read_log(path)


def test_a_log_without_prompts_says_so(tiny_lam_path, tmp_path):
    log = tmp_path / "calls.jsonl"
    with load(tiny_lam_path, n_ctx=512, log=log, log_prompts=False) as lam:
        lam.chat("hello", max_tokens=3)
    found = read_log(log)
    assert (found.trajectories, dict(found.skipped)) == ([], {"prompts not logged": 1})
    assert "messages" not in json.loads(log.read_text())


def test_what_is_no_conversation_is_refused_at_once():
    with pytest.raises(InvalidRequest):
        Trajectory.of([])
    with pytest.raises(InvalidTool):
        Trajectory.of("Hi", [3])

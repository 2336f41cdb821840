"""`edge-lam trajectories` in the terminal."""

from __future__ import annotations

import json

import pytest

from edge_lam import load, load_tools
from edge_lam.cli.saved import save_messages
from edge_lam.formats import normalize_messages
from edge_lam.trajectories import Trajectory, read_trajectories, write_trajectories

CALL = {"id": "a", "name": "set_lamp", "arguments": {"state": "on"}}


@pytest.fixture
def log(tiny_lam_path, lamp, tmp_path):
    """A log with one reply, and one line that is broken."""
    path = tmp_path / "calls.jsonl"
    with load(tiny_lam_path, n_ctx=1024, log=path, log_prompts=True) as lam:
        options = {"tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 60}
        lam.chat("Lamp on please", tools=load_tools(lamp), **options)
    path.write_text(path.read_text() + "{broken\n")
    return path


@pytest.fixture
def mixed(lamp, tmp_path):
    """A file with a clean call, one of no tool, and a line that is no trajectory."""
    path, tools = tmp_path / "mixed.jsonl", load_tools(lamp)
    for_each = [CALL, {**CALL, "name": "set_light"}]
    replies = [{"role": "assistant", "content": "", "tool_calls": [call]} for call in for_each]
    question = {"role": "user", "content": "Lamp on"}
    write_trajectories(path, [Trajectory.of([question, reply], tools, id=f"t{n}") for n, reply in enumerate(replies)])
    path.write_text(path.read_text() + "{}\n")
    return path


def test_export_then_check(edge_lam, log, lamp, tmp_path):
    output = tmp_path / "train.jsonl"
    shown = edge_lam("trajectories", "export", log, "-o", output, "--clean-only", "--tools", lamp, "--execute")
    assert shown.code == 0, shown.err
    assert f"{output}  written: 1 of 1, clean: 1" in shown.out
    assert "line 2 is not JSON" in shown.err
    (trajectory,) = read_trajectories(output)
    assert trajectory.messages[-1]["tool_calls"][0]["function"]["name"] == "set_lamp"
    checked = edge_lam("trajectories", "check", output)
    assert (checked.code, checked.err) == (0, "")
    assert "trajectories: 1, calls: 1, clean: 1" in checked.out


def test_check_names_what_is_wrong(edge_lam, mixed, lamp):
    shown = edge_lam("trajectories", "check", mixed)
    assert shown.code == 1
    assert "t1\n  conversation[1] set_light: format: there is no tool 'set_light'" in shown.out
    assert "line 3: conversation is missing" in shown.err
    shown = edge_lam("trajectories", "check", mixed, "--tools", lamp, "--execute", "--json")
    assert shown.code == 1
    report = json.loads(shown.out)
    assert (report["trajectories"], report["clean"], report["calls"], len(report["wrong"])) == (2, 1, 2, 1)
    assert [verdict["calls"][0]["executed"] for verdict in report["verdicts"]] == [True, False]


def test_a_saved_chat_is_exported(edge_lam, lamp, tmp_path):
    saved, output = tmp_path / "chat.json", tmp_path / "train.jsonl"
    reply = {"role": "assistant", "content": "", "tool_calls": [CALL]}
    save_messages(str(saved), normalize_messages([{"role": "user", "content": "Lamp on"}, reply]))
    shown = edge_lam("trajectories", "export", saved, "-o", output, "--tools", lamp, "--clean-only")
    assert (shown.code, shown.err) == (0, "")
    (trajectory,) = read_trajectories(output)
    assert [tool.name for tool in trajectory.tools] == ["set_lamp"]
    write_trajectories(output, [trajectory, trajectory])
    checked = edge_lam("trajectories", "check", output)
    assert checked.code == 1
    assert "a trajectory before it has the same id" in checked.out


def test_only_what_is_clean_is_exported(edge_lam, mixed, tmp_path):
    lines = []
    for line in mixed.read_text().splitlines()[:2]:
        value = json.loads(line)
        *messages, reply = value["conversation"]
        told = {"messages": messages, "reply": reply, "tools": value["tools"], "finish_reason": "tool_calls"}
        lines.append(json.dumps(told))
    log, output = tmp_path / "log.jsonl", tmp_path / "train.json"
    log.write_text("\n".join(lines))
    shown = edge_lam("trajectories", "export", log, "-o", output, "--clean-only", "--json")
    assert shown.code == 0
    report = json.loads(shown.out)
    assert (report["written"], report["found"], report["clean"]) == (1, 2, 1)
    assert len(json.loads(output.read_text())) == 1


def test_no_file_is_lost_to_an_export(edge_lam, log, tmp_path):
    kept = log.read_bytes()
    shown = edge_lam("trajectories", "export", log, "-o", log, "--force")
    assert (shown.code, log.read_bytes()) == (1, kept)
    assert f"{log} is the log itself" in shown.err
    output = tmp_path / "train.jsonl"
    output.write_text("mine")
    shown = edge_lam("trajectories", "export", log, "-o", output)
    assert (shown.code, output.read_text()) == (1, "mine")
    assert "--force overwrites it" in shown.err
    assert edge_lam("trajectories", "export", log, "-o", output, "--force").code == 0
    assert len(read_trajectories(output)) == 1


def test_where_nothing_is_clean_nothing_is_written(edge_lam, tmp_path):
    call = {"function": {"name": "set_light", "arguments": "{}"}, "type": "function", "id": "a"}
    told = {"messages": [{"role": "user", "content": "on"}], "tools": [], "finish_reason": "tool_calls"}
    log, output = tmp_path / "log.jsonl", tmp_path / "train.jsonl"
    log.write_text(json.dumps(told | {"reply": {"role": "assistant", "content": "", "tool_calls": [call]}}))
    shown = edge_lam("trajectories", "export", log, "-o", output, "--clean-only")
    assert shown.code == 1
    assert "there is no tool 'set_light'" in shown.out
    assert "none of 1 conversations is clean; nothing was written" in shown.err
    assert edge_lam("trajectories", "export", log, "-o", output, "--clean-only", "--json").out == ""
    assert not output.exists()


def test_what_can_not_be_exported(edge_lam, tmp_path):
    log, output = tmp_path / "log.jsonl", tmp_path / "out.jsonl"
    log.write_text('{"id": "x"}\n')
    shown = edge_lam("trajectories", "export", log, "-o", output)
    assert shown.code == 1
    assert "holds no conversations" in shown.err
    assert "EDGE_LAM_LOG_PROMPTS=1" in shown.err
    assert not output.exists()
    assert edge_lam("trajectories", "export", tmp_path / "none", "-o", output).code == 1
    assert edge_lam("trajectories", "check", log, "--execute").code == 2
    assert edge_lam("trajectories", "export", log).code == 2


def test_rows_of_a_data_set_are_exported_as_trajectories(edge_lam, tmp_path):
    tools = [{"name": "ring", "description": "Ring", "parameters": {"times": {"type": "int, optional", "default": 1}}}]
    answers = [{"name": "ring", "arguments": {"times": 2}}]
    row = {"id": 1, "query": "Ring twice", "answers": json.dumps(answers), "tools": json.dumps(tools)}
    source, target = tmp_path / "rows.json", tmp_path / "train.jsonl"
    source.write_text(json.dumps([row, {**row, "id": 2, "answers": "[{"}]))
    shown = edge_lam("trajectories", "export", source, "-o", target)
    assert shown.code == 0, shown.err
    assert "item 1: answers is not JSON" in shown.err
    (written,) = map(json.loads, target.read_text().splitlines())
    assert written["conversation"][1]["tool_calls"][0]["function"] == answers[0]
    assert edge_lam("trajectories", "check", target).code == 0

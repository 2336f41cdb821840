"""One line per call, wherever it is asked for, and never a failed call because of it."""

from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge_lam.metrics import CallLog, CallReport
from edge_lam.paths import state_dir


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    monkeypatch.delenv("EDGE_LAM_LOG", raising=False)
    monkeypatch.delenv("EDGE_LAM_LOG_PROMPTS", raising=False)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_call_is_a_line(tmp_path):
    log = CallLog(tmp_path / "deep/folder/calls.jsonl")
    for name in "abc":
        log.write(CallReport(id=name))
    assert [line["id"] for line in lines(log.path)] == ["a", "b", "c"]


def test_only_the_user_can_read_it(tmp_path):
    log = CallLog(tmp_path / "calls.jsonl")
    log.write(CallReport(id="1"))
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_the_file_is_chosen_by_argument_then_environment_then_state_folder(tmp_path, monkeypatch):
    assert CallLog().path == state_dir() / "calls.jsonl"
    monkeypatch.setenv("EDGE_LAM_LOG", str(tmp_path / "from_environment"))
    assert CallLog().path == tmp_path / "from_environment"
    assert CallLog(tmp_path / "x").path == tmp_path / "x"
    assert CallLog(str(tmp_path / "x")).path == tmp_path / "x"


@pytest.mark.parametrize("off", ["off", False])
def test_it_can_be_switched_off(off):
    log = CallLog(off)
    log.write(CallReport(id="1"))
    assert log.path is None


def test_the_environment_switches_it_off(monkeypatch):
    monkeypatch.setenv("EDGE_LAM_LOG", "off")
    assert CallLog().path is None
    assert CallLog(True).path == state_dir() / "calls.jsonl"


def test_texts_are_written_only_where_asked(tmp_path, monkeypatch):
    texts = {"prompt": "secret \ud800", "reply": {"role": "assistant"}}
    CallLog(tmp_path / "quiet").write(CallReport(id="1"), **texts)
    assert "secret" not in (tmp_path / "quiet").read_text()
    CallLog(tmp_path / "full", log_prompts=True).write(CallReport(id="1"), **texts)
    assert lines(tmp_path / "full")[0]["prompt"] == "secret \ud800"
    monkeypatch.setenv("EDGE_LAM_LOG_PROMPTS", "1")
    assert CallLog(tmp_path / "any").log_prompts
    assert not CallLog(tmp_path / "any", log_prompts=False).log_prompts


def test_a_log_that_cannot_be_written_says_so_once(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    log = CallLog(tmp_path / "file/calls.jsonl")
    with caplog.at_level(logging.WARNING, logger="edge_lam.log"):
        log.write(CallReport(id="1"))
        log.write(CallReport(id="2"))
    assert len(caplog.records) == 1
    assert "EDGE_LAM_LOG" in caplog.text


def test_lines_of_several_processes_stay_whole(tmp_path):
    path = tmp_path / "calls.jsonl"
    program = (
        "import sys; from edge_lam.metrics import CallLog, CallReport\n"
        "log = CallLog(sys.argv[1], log_prompts=True)\n"
        "for n in range(50): log.write(CallReport(id=sys.argv[2]), prompt='x' * 5000)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, path, name], cwd=Path.cwd()) for name in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert sorted(line["id"] for line in lines(path)) == sorted("abc" * 50)

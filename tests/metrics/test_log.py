"""One line per call, wherever it is asked for, and never a failed call because of it."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pytest

from edge_lam._util.paths import state_dir
from edge_lam.errors import InvalidRequest
from edge_lam.metrics import CallLog, CallReport
from edge_lam.metrics.log import Pruned, prune_log, rotated


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
    with caplog.at_level(logging.WARNING, logger="edge_lam.metrics"):
        log.write(CallReport(id="1"))
        log.write(CallReport(id="2"))
    assert len(caplog.records) == 1
    assert "EDGE_LAM_LOG" in caplog.text
    with caplog.at_level(logging.DEBUG, logger="edge_lam.metrics"):
        log.write(CallReport(id="3"))
    assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG"]


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


def test_a_record_cut_short_does_not_take_the_next_one_with_it(tmp_path):
    log = CallLog(tmp_path / "calls.jsonl")
    log.write(CallReport(id="before"))
    with log.path.open("ab") as file:
        file.write(b'{"id": "cut sho')  # its process was killed
    log.write(CallReport(id="after"))
    first, second, third = log.path.read_text().splitlines()
    assert (json.loads(first)["id"], second, json.loads(third)["id"]) == ("before", '{"id": "cut sho', "after")


SHORT = """
import logging, os, resource, sys
from edge_lam.metrics import CallLog, CallReport
logging.basicConfig(format="%(message)s")
log = CallLog(sys.argv[1])
size = os.path.getsize(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, size + 10))  # as on a disk with room for ten bytes
log.write(CallReport(id="short"))
assert os.path.getsize(sys.argv[1]) == size
"""


def test_a_disk_that_takes_only_a_part_of_a_record_gets_none_of_it(tmp_path):
    log = CallLog(tmp_path / "calls.jsonl")
    log.write(CallReport(id="before"))
    run = subprocess.run([sys.executable, "-c", SHORT, log.path], capture_output=True, text=True, check=True)
    assert "calls are not logged: only 10 of" in run.stderr
    log.write(CallReport(id="after"))
    assert [line["id"] for line in lines(log.path)] == ["before", "after"]


@pytest.mark.parametrize("kind", ["fifo", "link", "folder", "device"])
def test_what_is_no_file_is_refused(tmp_path, caplog, kind):
    path = tmp_path / "calls.jsonl"
    (tmp_path / "other").touch()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(tmp_path / "other")
    elif kind == "folder":
        path.mkdir()
    log = CallLog("/dev/null" if kind == "device" else path)
    with caplog.at_level(logging.WARNING, logger="edge_lam.metrics"):
        log.write(CallReport(id="1"))
    assert "calls are not logged" in caplog.text
    assert (tmp_path / "other").read_text() == ""


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.touch(mode=0o644)
    CallLog(path).write(CallReport(id="1"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_of_its_full_size_is_rotated_away(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGE_LAM_LOG_SIZE", "5KB")
    log = CallLog(tmp_path / "calls.jsonl")
    for number in range(20):
        log.write(CallReport(id=str(number)))
        assert log.path.stat().st_size <= 5000
    kept = [line["id"] for path in (rotated(log.path), log.path) for line in lines(path)]
    assert kept == [str(number) for number in range(20)][-len(kept) :]
    assert len(kept) >= 4
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setenv("EDGE_LAM_LOG_SIZE", "large")
    with pytest.raises(InvalidRequest, match="'large' is no size") as caught:
        CallLog()
    assert caught.value.param == "EDGE_LAM_LOG_SIZE"


def test_lines_of_several_processes_stay_whole_while_it_is_rotated_and_pruned(tmp_path):
    path = tmp_path / "calls.jsonl"
    program = (
        "import sys; from edge_lam.metrics import CallLog, CallReport\n"
        "log = CallLog(sys.argv[1], log_prompts=True, most_bytes=10**6)\n"
        "for n in range(100): log.write(CallReport(id=sys.argv[2]), prompt='x' * 5000)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, path, name]) for name in "abc"]
    longest_ago = datetime.fromtimestamp(0, timezone.utc)
    while any(writer.poll() is None for writer in writers):
        assert prune_log(path, before=longest_ago).removed == 0
        time.sleep(0.02)
    found = lines(path) + (lines(rotated(path)) if rotated(path).exists() else [])
    assert sorted(line["id"] for line in found) == sorted("abc" * 100)


def test_who_writes_does_not_wait_for_a_long_log_to_be_pruned(tmp_path):
    log = CallLog(tmp_path / "calls.jsonl", most_bytes=10**9)
    log.write(CallReport(id="first"))
    log.path.write_bytes(log.path.read_bytes() + b'{"started": "2020-01-01T00:00:00+00:00"}\n' * 50_000)
    moment = datetime(2021, 1, 1, tzinfo=timezone.utc)
    with ThreadPoolExecutor(1) as pool:
        pruned = pool.submit(prune_log, log.path, before=moment)
        while not list(tmp_path.glob(".*.partial")) and not pruned.done():
            time.sleep(0)
        written = 0
        while not pruned.done():
            log.write(CallReport(id=str(written)))
            written += 1
    assert pruned.result().removed == 50_000
    assert written > 5
    assert [line["id"] for line in lines(log.path)] == ["first", *map(str, range(written))]


def test_pruning_keeps_what_is_younger(tmp_path):
    log = CallLog(tmp_path / "calls.jsonl")
    for started in ("2024-01-01", "2025-01-01", "2026-01-01"):
        log.write(CallReport(id=started, started=f"{started}T00:00:00.000+00:00"))
    with log.path.open("ab") as file:
        file.write(b"no record\n")
    rotated(log.path).write_bytes(log.path.read_bytes())
    assert prune_log(log.path, before=datetime(2025, 1, 1, tzinfo=timezone.utc)) == Pruned(kept=4, removed=4)
    assert [line["id"] for line in lines(log.path)] == ["2025-01-01", "2026-01-01"]
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    log.write(CallReport(id="after"))
    assert prune_log(log.path) == Pruned(kept=0, removed=5)
    assert list(tmp_path.iterdir()) == []
    assert prune_log(log.path) == Pruned(kept=0, removed=0)

"""`edge-lam log`, on what real calls left."""

from __future__ import annotations

import csv
import io
import json

import pytest

from edge_lam.metrics import CallReport


@pytest.fixture
def log(edge_lam, tiny_lam_path, lamp, tmp_path):
    """A log of two calls with a tool run between them, and of one that failed."""
    path = tmp_path / "calls.jsonl"
    call = ("call", "lamp on", "--tools", lamp, "--model", tiny_lam_path, "--log", path, "--max-tokens", 40)
    assert edge_lam(*call, "--tool-choice", "required", "--max-rounds", 2).code == 0
    assert edge_lam(*call, "--n-ctx", 50).code == 1
    return path


@pytest.mark.parametrize("columns", [60, 80])
def test_all_tables_fit_a_terminal(edge_lam, log, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    for options in ((), ("--slowest", 2), ("--failed",)):
        shown = edge_lam("log", log, *options)
        assert (shown.code, shown.err) == (0, "")
        first, *lines = shown.out.splitlines()
        assert first.startswith(f"{log}: 3 calls, 20")
        assert first.endswith(", 1 failed")
        assert max(map(len, lines)) <= columns
    shown = edge_lam("log", log).out
    for heading in ("time ", "model ", "tool ", "phase "):
        assert f"\n{heading}" in shown
    assert "prefill" in shown
    assert "set_lamp" in shown
    assert "prompt_too_long" in edge_lam("log", log, "--failed").out


def test_json_and_csv(edge_lam, log):
    told = json.loads(edge_lam("log", log, "--json").out)
    assert (told["n_calls"], told["n_failed"]) == (3, 1)
    assert {"by_time", "by_model", "by_tool", "by_phase"} < set(told)
    assert told["by_tool"][0]["tool"] == "set_lamp"
    slowest = json.loads(edge_lam("log", log, "--slowest", 2, "--json").out)["calls"]
    assert slowest[0]["total"] >= slowest[1]["total"] > 0
    rows = list(csv.DictReader(io.StringIO(edge_lam("log", log, "--csv").out)))
    assert len(rows) == 3
    assert rows[-1]["error"] == "prompt_too_long"
    assert edge_lam("log", log, "--csv", "--by", "model").out.startswith("model,calls,failed,")
    assert edge_lam("log", log, "--csv", "--since", "2099-01-01").out.startswith("id,started,model,")
    assert edge_lam("log", log, "--since", "2099-01-01").out.splitlines() == [f"{log}: 0 calls, 0 failed"]
    assert edge_lam("log", log, "--since", "1h", "--tool", "set_*").out.startswith(f"{log}: 1 call, ")


def test_nothing_in_a_log_drives_the_terminal(edge_lam, tmp_path):
    path = tmp_path / "calls.jsonl"
    evil = "\x1b]0;title\x07\x9b2J\u202e"
    record = CallReport(id=evil, model=evil, error=evil, finish_reason=evil).to_dict()
    path.write_text(json.dumps(record) + "\n")
    for options in ((), ("--slowest", 1), ("--json",), ("--slowest", 1, "--json"), ("--csv",), ("--by", "model")):
        shown = edge_lam("log", path, *options)
        assert shown.code == 0
        assert not set("\x1b\x07\x9b\u202e") & set(shown.out)


def test_pruning_asks_and_removes_what_is_older(edge_lam, log):
    asked = edge_lam("log", log, "--prune", stdin="n\n")
    assert asked.code == 1
    assert asked.err.splitlines()[-1].endswith("nothing was removed")
    n_lines = len(log.read_text().splitlines())
    assert edge_lam("log", log, "--prune", "--until", "1d", "--yes").out == f"0 records removed, {n_lines} kept\n"
    pruned = edge_lam("log", log, "--prune", "--yes", "--json")
    assert json.loads(pruned.out) == {"log": str(log), "kept": 0, "removed": n_lines}
    assert "there is no log at" in edge_lam("log", log).err


def test_the_log_that_calls_are_written_to_is_the_default(edge_lam, log, monkeypatch):
    monkeypatch.setenv("EDGE_LAM_LOG", str(log))
    assert edge_lam("log", "--by", "model").out.startswith(f"{log}: 3 calls")
    monkeypatch.setenv("EDGE_LAM_LOG", "off")
    assert edge_lam("log").err.startswith("edge-lam: error: the log is off\nhint: ")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--since", "yesterday"], 2, "is no time such as 7d"),
        (["--by", "colour"], 2, "'colour' is not one of"),
        (["--json", "--csv"], 2, "exclude each other"),
        (["--by", "model", "--slowest", "3"], 2, "--by shows a table"),
        (["--prune", "--failed"], 2, "--prune goes with --until only"),
        (["none.jsonl"], 1, "there is no log at none.jsonl"),
    ],
)
def test_wrong_usage(edge_lam, args, code, message):
    shown = edge_lam("log", *args)
    assert shown.code == code
    assert message in shown.err
    assert len(shown.err.splitlines()) == 2


def test_lines_that_are_no_records_are_told(edge_lam, log):
    with log.open("a") as file:
        file.write('{"torn\n')
    shown = edge_lam("log", log)
    assert shown.err == "note: 1 line is no record of a call, and left out\n"
    assert shown.code == 0

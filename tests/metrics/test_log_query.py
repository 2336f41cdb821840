"""Figures of a log, counted by SQLite."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.metrics.log_query import COLUMNS, PHASES, LogQuery
from edge_lam.metrics.report import CallReport, ToolReport

NOON = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)


def call(number, *, model="tiny-lam", total=1.0, days=0, error="", **times):
    report = CallReport(f"call{number}", model=model, error=error)
    report.started = (NOON + timedelta(days=days, seconds=number)).isoformat(timespec="milliseconds")
    report.times.total = total
    for name, seconds in times.items():
        setattr(report.times, name, seconds)
    return json.dumps(report.to_dict())


def run(number, tool, seconds=0.5, outcome="ok"):
    return json.dumps(ToolReport(f"t{number}", f"call{number}", tool, outcome, seconds).to_dict())


@pytest.fixture
def log(tmp_path):
    def write(*lines, name="calls.jsonl"):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    return write


def test_medians_and_95th_percentiles_by_model(log):
    totals = [0.1 * number for number in range(1, 22)]
    lines = [call(number, total=total, first_token=total / 10) for number, total in enumerate(totals)]
    query = LogQuery([log(*lines, call(90, model="other", total=9, first_token=4), call(91, total=50, error="closed"))])
    first, second = query.summary("model")
    assert (first["model"], first["calls"], first["failed"]) == ("tiny-lam", 22, 1)
    assert first["total_p50"] == pytest.approx(1.1)  # without the one that failed
    assert first["total_p95"] == pytest.approx(2.0)
    assert first["first_token_p50"] == pytest.approx(0.11)
    assert (second["model"], second["total_p50"], second["total_p95"]) == ("other", 9, 9)
    assert query.about()["n_calls"] == 23


def test_by_time_in_days_or_in_hours_of_one(log):
    days = LogQuery([log(call(1), call(2), call(3, days=2))]).summary("time")
    assert [row["calls"] for row in days] == [2, 1]
    assert all(len(row["time"]) == len("2026-11-29") for row in days)
    (hour,) = LogQuery([log(call(1), call(2))]).summary("time")
    assert hour["time"] == f"{NOON.astimezone():%Y-%m-%d %H:00}"


def test_tools_and_phases(log):
    lines = [call(1, total=2.0, prefill=1.5, decode=0.5), run(1, "get_time", 0.25), run(1, "get_time", 0.75, "failed")]
    query = LogQuery([log(*lines)])
    (tool,) = query.summary("tool")
    assert tool == {"tool": "get_time", "runs": 2, "failed": 1, "seconds_p50": 0.5, "seconds_p95": pytest.approx(0.725)}
    phases = {row["phase"]: row for row in query.summary("phase")}
    assert tuple(phases) == PHASES
    assert (phases["prefill"]["p50"], phases["prefill"]["share"], phases["mask"]["share"]) == (1.5, 0.75, 0)


def test_the_slowest_and_the_failed(log):
    query = LogQuery([log(call(1, total=1), call(2, total=3, error="timeout"), call(3, total=2))])
    assert [row["id"] for row in query.calls(slowest=2)] == ["call2", "call3"]
    assert [row["error"] for row in query.calls(failed=True)] == ["timeout"]
    assert [row["id"] for row in query.calls()] == ["call1", "call2", "call3"]
    assert tuple(query.calls()[0]) == COLUMNS


def test_only_what_is_asked_for(log):
    lines = [call(1), run(1, "get_time"), call(2, model="xLAM-2-1B"), run(2, "add_note"), call(3, days=1)]
    path = log(*lines)

    def found(**asked):
        query = LogQuery([path], **asked)
        return [row["id"] for row in query.calls()], [row["tool"] for row in query.summary("tool")]

    assert found(model="XLAM*") == (["call2"], ["add_note"])
    assert found(tool="get_*") == (["call1"], ["get_time"])
    assert found(since=NOON + timedelta(seconds=2)) == (["call2", "call3"], ["add_note"])
    assert found(until=NOON + timedelta(seconds=2)) == (["call1"], ["get_time"])
    assert found(model="none") == ([], [])


def test_both_files_of_a_rotated_log_and_lines_that_are_no_records(log, tmp_path):
    old = log(call(1), name="calls.jsonl.1")
    new = log(call(2), '{"id": "torn', "[]", "5", "{}", '{"started": "x", "tokens": {}, "times": {}}', "", "\x00")
    query = LogQuery([old, new, tmp_path / "not there"])
    assert [row["id"] for row in query.calls()] == ["call1", "call2"]
    assert query.n_wrong == 6
    with pytest.raises(InvalidRequest, match="can't be read"):
        LogQuery([tmp_path])


def test_an_empty_log_has_no_figures(log):
    query = LogQuery([log()])
    assert query.about() == {"n_calls": 0, "n_failed": 0, "first": None, "last": None}
    assert query.summary("time") == query.summary("tool") == query.summary("phase") == query.calls() == []
    with pytest.raises(InvalidRequest, match="not grouped by 'colour'"):
        query.summary("colour")

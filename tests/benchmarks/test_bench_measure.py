"""Figures of a report by the names that result files and tables know."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from edge_lam.metrics import CallReport, Machine, Memory, Times
from edge_lam_benchmarks.measure import figures, open_model
from edge_lam_benchmarks.report.latency import MACHINE
from edge_lam_benchmarks.report.memory import KINDS

WHOLE = Machine(**{field.name: index + 0.5 for index, field in enumerate(fields(Machine))})


def test_all_that_is_told_of_the_machine_and_its_memory_has_a_column() -> None:
    memory = Memory(**{field.name: 1 for field in fields(Memory)})
    told = figures(CallReport(id="1", machine=WHOLE, memory=memory))
    assert {name for name in told if name.partition(".")[0] not in ("time", "tokens", "passes", "memory")} == set(
        MACHINE
    )
    assert {name.partition(".")[2] for name in told if name.startswith("memory.")} == set(KINDS)
    assert (told["energy.joules"], told["clock.gpu_hertz"]) == (WHOLE.joules, WHOLE.gpu_hertz)


def test_what_is_not_told_is_left_out() -> None:
    told = figures(CallReport(id="1", times=Times(name=0.5), machine=replace(WHOLE, joules=None, gpu_hertz=None)))
    assert "energy.joules" not in told
    assert "clock.gpu_hertz" not in told
    assert "memory.proportional" not in told
    assert "time.call" not in told
    assert told["time.name"] == 0.5


def test_reports_tell_the_proportional_memory_only_where_it_is_asked_for(tiny_lam_path: Path) -> None:
    options = {"model": str(tiny_lam_path), "n_threads": 1, "log": "off", "prefix_cache": False}
    for asked in (False, True):
        with open_model(options, proportional=asked) as lam:
            report = lam.chat("Hello", max_tokens=1).report
            told = report.memory.proportional
            assert told is None if not asked else told is None or 0 < told <= 1.1 * report.memory.resident

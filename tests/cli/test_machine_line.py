"""The line of `--report` that says what the machine did."""

from __future__ import annotations

from edge_lam.cli.summary import machine
from edge_lam.metrics import CallReport, Machine, Times


def report(total: float, **told: float) -> CallReport:
    return CallReport(id="1", times=Times(total=total), machine=Machine(**told))


def test_it_adds_up_energy_and_weighs_processor_time() -> None:
    first = report(1.0, cpu_percent=100, joules=2.0, celsius=60, hertz=2e9)
    second = report(3.0, cpu_percent=200, joules=1.5, gpu_joules=4.0, celsius=71, hertz=3e9)
    assert machine([first, second]) == "175 % of a core, 7.50 J, 71 °C, 2.50 GHz"


def test_it_leaves_out_what_is_not_told() -> None:
    assert machine([report(1.0, cpu_percent=50)]) == "50 % of a core"
    assert machine([report(0.0)]) == ""


def test_it_says_when_other_programs_wanted_the_processor() -> None:
    calls = [report(1.0, cpu_percent=60, others_percent=10), report(1.0, cpu_percent=60, others_percent=150)]
    assert machine(calls) == "60 % of a core, busy: other programs took 80 %"
    assert machine([report(1.0, cpu_percent=60, others_percent=20)]) == "60 % of a core"

"""Joules, from counters and batteries as Linux lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lam.metrics.energy import EnergyMeter, EnergyReading
from tests.metrics.system_tree import put, zone


def test_packages_and_their_memory_are_added_up_and_nothing_is_counted_twice(tmp_path: Path) -> None:
    kinds = {
        "intel-rapl:0": "package-0",
        "intel-rapl:1": "package-1",
        "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "dram",
        "intel-rapl:2": "psys",
    }
    for name, kind in kinds.items():
        zone(tmp_path, name, 0, kind=kind)
    meter = EnergyMeter(tmp_path)
    assert meter.source == "RAPL"
    before = meter.read()
    spent = {"intel-rapl:0": 1, "intel-rapl:1": 0.5, "intel-rapl:0:0": 0.7, "intel-rapl:0:1": 0.25, "intel-rapl:2": 4}
    for name, joules in spent.items():
        zone(tmp_path, name, joules, kind=kinds[name])
    assert meter.joules_since(before) == pytest.approx(1.75)


def test_a_counter_that_starts_again_loses_nothing(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", 9.5, full=10)
    zone(tmp_path, "intel-rapl:1", 1)
    meter = EnergyMeter(tmp_path)
    before = meter.read()
    zone(tmp_path, "intel-rapl:0", 0.5)
    zone(tmp_path, "intel-rapl:1", 1.25)
    assert meter.joules_since(before) == pytest.approx(1.25)


def test_a_counter_that_goes_away_is_not_told(tmp_path: Path) -> None:
    folder = zone(tmp_path, "intel-rapl:0", 1)
    meter = EnergyMeter(tmp_path)
    before = meter.read()
    (folder / "energy_uj").unlink()
    assert meter.joules_since(before) is None


@pytest.mark.parametrize(
    ("files", "watts"),
    [
        ({"power_now": 5_000_000}, 5.0),
        ({"power_now": -5_000_000}, 5.0),
        ({"current_now": 1_000_000, "voltage_now": 4_000_000}, 4.0),
        ({"current_now": 1_000_000}, None),
        ({"power_now": "unknown"}, None),
    ],
)
def test_a_battery_tells_its_power(tmp_path: Path, files: dict[str, object], watts: float | None) -> None:
    supply = tmp_path / "sys/class/power_supply/BAT0"
    for name, value in ({"type": "Battery", "status": "Discharging"} | files).items():
        put(supply / name, value)
    meter = EnergyMeter(tmp_path)
    before = meter.read()
    assert before.watts == watts
    assert meter.source == ("" if watts is None else "battery")
    spent = meter.joules_since(before)
    assert spent is None if watts is None else 0 <= spent < watts
    put(supply / "status", "Charging")
    assert meter.read().watts is None, "what goes into the battery is not what the processor takes"


def test_power_becomes_energy_over_time() -> None:
    assert EnergyReading({}, 4.0, time=10.0).until(EnergyReading({}, 6.0, time=12.5)) == pytest.approx(12.5)


def test_another_counter_takes_the_place_of_rapl_only_where_there_is_none(tmp_path: Path) -> None:
    told = [2.0]
    counter = ("powermetrics", lambda: told[0])
    meter = EnergyMeter(tmp_path, counter)
    before = meter.read()
    told[0] = 5.0
    assert (meter.source, meter.joules_since(before)) == ("powermetrics", 3.0)
    zone(tmp_path, "intel-rapl:0", 1)
    assert EnergyMeter(tmp_path, counter).source == "RAPL"


def test_what_is_not_told_is_none(tmp_path: Path) -> None:
    meter = EnergyMeter(tmp_path)
    assert (meter.source, meter.joules_since(meter.read())) == ("", None)

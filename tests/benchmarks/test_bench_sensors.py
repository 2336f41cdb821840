"""Readers of energy, temperature and clock, on the files of a system as Linux lays them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lam_benchmarks.sensors import EnergyMeter, clock, temperature


def put(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{value}\n")


def test_packages_are_added_up_and_their_parts_are_not(tmp_path: Path) -> None:
    zones = tmp_path / "sys/class/powercap"
    for name, start in (("intel-rapl:0", 1_000_000), ("intel-rapl:1", 0), ("intel-rapl:0:0", 0)):
        put(zones / name / "energy_uj", start)
        put(zones / name / "max_energy_range_uj", 10_000_000)
    meter = EnergyMeter(tmp_path)
    before = meter.read()
    for name, end in (("intel-rapl:0", 3_500_000), ("intel-rapl:1", 500_000), ("intel-rapl:0:0", 2_000_000)):
        put(zones / name / "energy_uj", end)
    assert meter.joules_since(before) == pytest.approx(3.0)


def test_a_counter_that_starts_again_loses_nothing(tmp_path: Path) -> None:
    zone = tmp_path / "sys/class/powercap/intel-rapl:0"
    put(zone / "energy_uj", 9_500_000)
    put(zone / "max_energy_range_uj", 10_000_000)
    meter = EnergyMeter(tmp_path)
    before = meter.read()
    put(zone / "energy_uj", 500_000)
    assert meter.joules_since(before) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("files", "watts"),
    [
        ({"power_now": 5_000_000}, 5.0),
        ({"power_now": -5_000_000}, 5.0),
        ({"current_now": 1_000_000, "voltage_now": 4_000_000}, 4.0),
        ({"current_now": 1_000_000}, None),
    ],
)
def test_a_battery_tells_its_power(tmp_path: Path, files: dict[str, int], watts: float | None) -> None:
    supply = tmp_path / "sys/class/power_supply/BAT0"
    for name, value in ({"type": "Battery", "status": "Discharging"} | files).items():
        put(supply / name, value)
    meter = EnergyMeter(tmp_path)
    before = meter.read()
    assert before.watts == watts
    spent = meter.joules_since(before)
    assert spent is None if watts is None else 0 <= spent < watts
    put(supply / "status", "Charging")
    assert meter.read().watts is None, "what goes into the battery is not what the processor takes"


def test_what_is_not_told_is_none(tmp_path: Path) -> None:
    meter = EnergyMeter(tmp_path)
    assert meter.joules_since(meter.read()) is None


def test_temperature_and_clock_are_plausible_where_they_are_told() -> None:
    degrees, hertz = temperature(), clock()
    assert degrees is None or 0 < degrees < 150
    assert hertz is None or 1e8 < hertz < 1e10

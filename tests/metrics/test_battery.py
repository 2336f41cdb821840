"""Battery and heat, from files as Linux and Android lay them out."""

from __future__ import annotations

from pathlib import Path

from edge_lam.metrics.battery import BatteryState, PowerSensors
from edge_lam.metrics.meter import Meter
from tests.metrics.system_tree import put


def supply(root: Path, name: str, **files: object) -> None:
    for file, value in files.items():
        put(root / "sys/class/power_supply" / name / file, value)


def cooling(root: Path, index: int, kind: str, now: int, most: int) -> None:
    for file, value in {"type": kind, "cur_state": now, "max_state": most}.items():
        put(root / f"sys/class/thermal/cooling_device{index}" / file, value)


def test_a_phone_on_its_battery(tmp_path: Path) -> None:
    supply(tmp_path, "battery", type="Battery", capacity=64, status="Discharging", temp=318)
    supply(tmp_path, "usb", type="USB", online=0)
    supply(tmp_path, "hid-mouse", type="Battery", scope="Device", capacity=3, status="Discharging")
    sensors = PowerSensors(tmp_path)
    assert sensors.battery_source == "power_supply"
    assert sensors.battery() == BatteryState(64, True, 31.8)


def test_a_phone_on_its_charger_and_one_that_says_little(tmp_path: Path) -> None:
    supply(tmp_path, "battery", type="Battery", capacity=99, status="Charging")
    assert PowerSensors(tmp_path).battery() == BatteryState(99, False, None)
    supply(tmp_path, "battery", status="")
    assert PowerSensors(tmp_path).battery() == BatteryState(99, None, None)


def test_heat_slows_processors_down_and_fans_don_t_count(tmp_path: Path) -> None:
    cooling(tmp_path, 0, "thermal-cpufreq-0", 0, 10)
    cooling(tmp_path, 1, "pwm-fan", 4, 4)
    sensors = PowerSensors(tmp_path)
    assert (sensors.cooling_source, sensors.throttled()) == ("thermal", 0.0)
    cooling(tmp_path, 2, "thermal-cpufreq-4", 3, 12)
    assert PowerSensors(tmp_path).throttled() == 0.25


def test_what_is_not_told_is_none_and_the_report_says_what_is(tmp_path: Path) -> None:
    sensors = PowerSensors(tmp_path)
    assert (sensors.battery(), sensors.throttled()) == (BatteryState(), None)
    supply(tmp_path, "BAT0", type="Battery", capacity=80, status="Discharging")
    supply(tmp_path, "BAT1", type="Battery", capacity=40, status="Full")
    cooling(tmp_path, 0, "Processor", 1, 2)
    meter = Meter(root=tmp_path)
    machine = meter.since(meter.read())
    assert (machine.battery_percent, machine.on_battery, machine.throttled) == (60, True, 0.5)
    assert (meter.sources()["battery"], meter.sources()["throttling"]) == ("power_supply", "thermal")

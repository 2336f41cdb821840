"""Temperature and clock, from files as Linux lays them out."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from edge_lam.metrics.sensors import Sensors
from tests.metrics.system_tree import put


def test_the_hottest_package_counts_and_its_cores_and_other_chips_are_not_read(tmp_path: Path) -> None:
    for chip, name, files in (
        ("hwmon0", "nvme", {"temp1_input": 91_000}),
        ("hwmon1", "coretemp", {"temp10_input": 40_000, "temp1_input": 62_500, "temp2_input": 70_000}),
        ("hwmon2", "coretemp", {"temp2_input": 55_000}),
    ):
        put(tmp_path / "sys/class/hwmon" / chip / "name", name)
        for file, value in files.items():
            put(tmp_path / "sys/class/hwmon" / chip / file, value)
    sensors = Sensors(tmp_path)
    assert (sensors.temperature_source, sensors.celsius()) == ("hwmon", 62.5)


def test_a_board_has_thermal_zones(tmp_path: Path) -> None:
    for index, (kind, value) in enumerate({"cpu-0-0-usr": 41_000, "battery": 80_000, "cpuss-1": 43_200}.items()):
        put(tmp_path / f"sys/class/thermal/thermal_zone{index}/type", kind)
        put(tmp_path / f"sys/class/thermal/thermal_zone{index}/temp", value)
    sensors = Sensors(tmp_path)
    assert (sensors.temperature_source, sensors.celsius()) == ("thermal", 43.2)


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux's files")
def test_the_clock_is_that_of_the_cores_this_process_may_use(tmp_path: Path) -> None:
    mine = sorted(os.sched_getaffinity(0))
    for core in (*mine, max(mine) + 1000):
        path = tmp_path / f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq"
        put(path, 1_800_000 if core in mine else 400_000)
    sensors = Sensors(tmp_path)
    assert (sensors.clock_source, sensors.hertz()) == ("cpufreq", pytest.approx(1.8e9))


def test_what_is_not_told_is_none(tmp_path: Path) -> None:
    put(tmp_path / "sys/class/hwmon/hwmon0/name", "coretemp")
    sensors = Sensors(tmp_path)
    assert (sensors.temperature_source, sensors.clock_source) == ("", "")
    assert (sensors.celsius(), sensors.hertz()) == (None, None)


def test_this_machine_tells_what_is_plausible_or_nothing() -> None:
    sensors = Sensors()
    degrees, hertz = sensors.celsius(), sensors.hertz()
    assert degrees is None or 0 < degrees < 150
    assert hertz is None or 1e8 < hertz < 1e10
    assert sys.platform == "linux" or (degrees, hertz) == (None, None)

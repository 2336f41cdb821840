"""Temperature and clock of the processor, from Linux's files; None where they are not reported.

The files are looked for once, and only those of the processor are read. psutil's `sensors_temperatures` and `cpu_freq`
look for and read those of every chip and core at each call, which is twice for each reply, and phones have no psutil.
Linux describes the files in its Documentation: hwmon/sysfs-interface, driver-api/thermal, admin-guide/pm/cpufreq.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from edge_lam._util.system_files import number_of, text_of

# What names of the processor's sensors begin with: Intel's and AMD's drivers, boards and phones, Intel's thermal zone.
_PROCESSORS = ("coretemp", "k10temp", "zenpower", "cpu", "soc", "x86_pkg_temp")
_MAX_CLOCKS = 4  # a server has hundreds, and each is a file to read


class Sensors:
    """The sensors of the processor.

    Attributes:
        temperature_source: "hwmon", "thermal" or "": where the temperature is read.
        clock_source: "cpufreq" or "".

    Args:
        root: the root of the file system to read /sys from.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        hwmon, zones = _hwmon(root), _zones(root)
        self._temperatures, self._clocks = hwmon or zones, _clocks(root)
        self.temperature_source = "hwmon" if hwmon else "thermal" if zones else ""
        self.clock_source = "cpufreq" if self._clocks else ""

    def celsius(self) -> float | None:
        """Return the temperature in °C, of several processors or parts the hottest."""
        values = [value / 1000 for path in self._temperatures if (value := number_of(path))]
        return max(values, default=None)

    def hertz(self) -> float | None:
        """Return the clock now, the mean of (some of) the cores that this process may use."""
        values = [value * 1000 for path in self._clocks if (value := number_of(path))]
        return sum(values) / len(values) if values else None


def _hwmon(root: Path) -> list[Path]:
    """Return the first sensor of each chip, that of the whole package where there is such; the others are cores."""
    chips = [chip for chip in sorted((root / "sys/class/hwmon").glob("*")) if _is_processor(text_of(chip / "name"))]
    inputs = [sorted(chip.glob("temp*_input"), key=_index) for chip in chips]
    return [found[0] for found in inputs if found]


def _zones(root: Path) -> list[Path]:
    zones = sorted((root / "sys/class/thermal").glob("thermal_zone*"))
    return [zone / "temp" for zone in zones if _is_processor(text_of(zone / "type"))]


def _is_processor(name: str) -> bool:
    return name.startswith(_PROCESSORS)


def _clocks(root: Path) -> list[Path]:
    """Return the clocks of the cores that this process may use, evenly chosen where they are many."""
    folder = root / "sys/devices/system/cpu"
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    cores = sorted((core for core in folder.glob("cpu[0-9]*") if _index(core) in usable), key=_index)
    clocks = [path for core in cores if (path := core / "cpufreq/scaling_cur_freq").exists()]
    return clocks[:: -(-len(clocks) // _MAX_CLOCKS) or 1]


def _index(path: Path) -> int:
    found = re.search(r"\d+", path.name)
    return int(found[0]) if found else 0

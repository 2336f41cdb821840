"""What the machine tells of itself meanwhile: energy, temperature, clock.

In go the system's files, out come joules, degrees and hertz; None for what this platform does not tell. Energy is that
of the whole machine's processors (RAPL) or battery, not of this process alone. Intel's and AMD's counters are described
in Documentation/power/powercap, batteries in Documentation/ABI/testing/sysfs-class-power, both of Linux.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

# Names that Linux's drivers give to the sensors of processors.
_PROCESSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "soc_thermal", "cpuss")


@dataclass(frozen=True)
class EnergyReading:
    """What the counters said at one moment; of batteries the power, in watts."""

    time: float
    joules: dict[Path, float]
    watts: float | None


class EnergyMeter:
    """Reads energy counters of the processors; of a machine that runs on its battery, the power drawn from it.

    Args:
        root: the root of the file system to read /sys from.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        zones = sorted((root / "sys/class/powercap").glob("intel-rapl:[0-9]*"))
        # "intel-rapl:0" is a package, "intel-rapl:0:1" a part of it. Only root may read them on most systems.
        packages = [zone for zone in zones if zone.name.count(":") == 1]
        self._ranges = {
            zone: (_number(zone / "max_energy_range_uj") or 0.0) / 1e6
            for zone in packages
            if _number(zone / "energy_uj") is not None
        }
        supplies = sorted((root / "sys/class/power_supply").glob("*"))
        self._batteries = [supply for supply in supplies if _text(supply / "type") == "Battery"]

    def read(self) -> EnergyReading:
        """Return what the counters say now."""
        found = {zone: _number(zone / "energy_uj") for zone in self._ranges}
        joules = {zone: value / 1e6 for zone, value in found.items() if value is not None}
        return EnergyReading(time.monotonic(), joules, None if joules else self._battery_watts())

    def joules_since(self, before: EnergyReading) -> float | None:
        """Return the energy since a reading, None where it is not told."""
        now = self.read()
        if now.joules and now.joules.keys() == before.joules.keys():
            spent = {zone: value - before.joules[zone] for zone, value in now.joules.items()}
            # A counter starts again at 0 when it is full.
            return sum(value + self._ranges[zone] if value < 0 else value for zone, value in spent.items())
        if now.watts is not None and before.watts is not None:
            return (now.watts + before.watts) / 2 * (now.time - before.time)
        return None

    def _battery_watts(self) -> float | None:
        drained = [battery for battery in self._batteries if _text(battery / "status") == "Discharging"]
        watts = [_watts(battery) for battery in drained]
        return sum(value for value in watts if value is not None) if any(watts) else None


def temperature() -> float | None:
    """Return the temperature of the processor in °C, the hottest of its sensors; None where it is not told."""
    import psutil

    read = getattr(psutil, "sensors_temperatures", None)
    found = read() if read else {}
    values = [sensor.current for name in _PROCESSORS for sensor in found.get(name, ()) if sensor.current]
    return max(values, default=None)


def clock() -> float | None:
    """Return the clock of the processor in hertz, the mean of its cores; None where it is not told."""
    import psutil

    try:
        found = psutil.cpu_freq()
    except (OSError, NotImplementedError):
        return None
    return found.current * 1e6 if found and found.current else None


def _watts(battery: Path) -> float | None:
    power = _number(battery / "power_now")
    if power is not None:
        return abs(power) / 1e6
    current, voltage = _number(battery / "current_now"), _number(battery / "voltage_now")
    return None if current is None or voltage is None else abs(current) * voltage / 1e12


def _number(path: Path) -> float | None:
    try:
        return float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""

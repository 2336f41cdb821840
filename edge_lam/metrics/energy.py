"""Energy: counters of joules, and where only power is reported, power times time.

In go the system's files, out come joules; None where the platform tells nothing. They are those of the whole machine's
processors, or of all that runs on the battery, not of this process alone. psutil has neither joules nor watts. Intel's
and AMD's counters are described in Documentation/power/powercap, batteries in
Documentation/ABI/testing/sysfs-class-power, both of Linux.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_lam._util.system_files import number_of, text_of

# A zone of the whole board counts its packages again.
_NOT_COUNTED = ("psys",)
# The only part of a package that the package's own counter leaves out.
_MEMORY_ZONE = "dram"


@dataclass(frozen=True, slots=True)
class EnergyReading:
    """What was reported at one moment.

    Attributes:
        joules: of each counter, since it last began at 0.
        watts: the power now, where there is no counter.
        time: of `time.monotonic`.
    """

    joules: Mapping[str, float]
    watts: float | None = None
    time: float = field(default_factory=time.monotonic)

    def until(self, now: EnergyReading, ranges: Mapping[str, float] | None = None) -> float | None:
        """Return the joules from this reading until another, None where they are not reported.

        Args:
            now: the later reading.
            ranges: at how many joules a counter begins at 0 again; one that is not named never does.
        """
        if now.joules and now.joules.keys() == self.joules.keys():
            spent = {name: value - self.joules[name] for name, value in now.joules.items()}
            wrapped = {name: (ranges or {}).get(name, 0.0) if value < 0 else 0.0 for name, value in spent.items()}
            return max(0.0, sum(value + wrapped[name] for name, value in spent.items()))
        if now.watts is not None and self.watts is not None:
            return (now.watts + self.watts) / 2 * (now.time - self.time)
        return None


class EnergyMeter:
    """Reads the energy of the processors, and on a machine that runs on its battery, the power drawn from that.

    Attributes:
        source: "RAPL", "battery", the name of `counter`, or "" where nothing is reported.
    """

    def __init__(self, root: Path = Path("/"), counter: tuple[str, Callable[[], float | None]] | None = None) -> None:
        """Look for what this platform has.

        Args:
            root: the root of the file system to read /sys from.
            counter: name and joules of a counter to read where there is no RAPL.
        """
        self._zones = {zone: _range(zone) for zone in _zones(root) if number_of(zone / "energy_uj") is not None}
        self._ranges = {zone.name: joules for zone, joules in self._zones.items()}
        self._counter = None if self._zones else counter
        supplies = sorted((root / "sys/class/power_supply").glob("*"))
        self._batteries = [supply for supply in supplies if text_of(supply / "type") == "Battery"]

    @property
    def source(self) -> str:
        """What tells the energy now."""
        now = self.read()
        if now.joules:
            return self._counter[0] if self._counter else "RAPL"
        return "" if now.watts is None else "battery"

    def read(self) -> EnergyReading:
        """Return what is reported now."""
        found = {zone.name: number_of(zone / "energy_uj") for zone in self._zones}
        joules = {name: value / 1e6 for name, value in found.items() if value is not None}
        if self._counter and (counted := self._counter[1]()) is not None:
            joules = {self._counter[0]: counted}
        return EnergyReading(joules, None if joules else self._battery_watts())

    def joules_since(self, before: EnergyReading) -> float | None:
        """Return the energy since a reading, None where it is not reported."""
        return before.until(self.read(), self._ranges)

    def _battery_watts(self) -> float | None:
        drained = [battery for battery in self._batteries if text_of(battery / "status") == "Discharging"]
        watts = [value for battery in drained if (value := _watts(battery)) is not None]
        return sum(watts) if watts else None


def _zones(root: Path) -> list[Path]:
    """Return the counters that together count everything once: packages, and their memory where it is told apart."""
    found = []
    for zone in sorted((root / "sys/class/powercap").glob("intel-rapl:[0-9]*")):
        # "intel-rapl:0" is a package, "intel-rapl:0:1" a part of it. Only root may read them on most systems.
        is_package = zone.name.count(":") == 1
        name = text_of(zone / "name")
        if name == _MEMORY_ZONE if not is_package else name not in _NOT_COUNTED:
            found.append(zone)
    return found


def _range(zone: Path) -> float:
    return (number_of(zone / "max_energy_range_uj") or 0.0) / 1e6


def _watts(battery: Path) -> float | None:
    power = number_of(battery / "power_now")
    if power is not None:
        return abs(power) / 1e6
    current, voltage = number_of(battery / "current_now"), number_of(battery / "voltage_now")
    return None if current is None or voltage is None else abs(current) * voltage / 1e12

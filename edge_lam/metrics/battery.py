"""The battery, and how far heat holds the processor back: what a phone decides by whether to work now.

From Linux's files, Android's too where it shows them to the app; where there are none, psutil tells of the battery.
Linux describes them in Documentation: ABI/testing/sysfs-class-power, driver-api/thermal/sysfs-api.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_lam._util.extras import is_installed
from edge_lam._util.system_files import number_of, text_of

# Cooling devices that slow processors down, as their drivers name them; fans and screens are others.
_SLOWING = ("Processor", "cpufreq", "thermal-cpufreq", "cpu", "intel_powerclamp")


@dataclass(frozen=True, slots=True)
class BatteryState:
    """What the battery tells now; None where it is not reported.

    Attributes:
        percent: how full it is; of several the mean.
        is_drained: whether the machine runs on it.
        celsius: its temperature, of several the hottest.
    """

    percent: float | None = None
    is_drained: bool | None = None
    celsius: float | None = None


class PowerSensors:
    """What tells of battery and heat.

    Attributes:
        battery_source: "power_supply", "psutil" or "".
        cooling_source: "thermal" or "".

    Args:
        root: the root of the file system to read /sys from.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        supplies = sorted((root / "sys/class/power_supply").glob("*"))
        self._batteries = [each for each in supplies if text_of(each / "type") == "Battery" and _is_own(each)]
        devices = sorted((root / "sys/class/thermal").glob("cooling_device*"))
        self._cooling = [each for each in devices if text_of(each / "type").startswith(_SLOWING)]
        self.cooling_source = "thermal" if self._cooling else ""
        self.battery_source = "power_supply" if self._batteries else ""
        if not self._batteries and root == Path("/") and _by_psutil() != BatteryState():
            self.battery_source = "psutil"

    def battery(self) -> BatteryState:
        """Return what the battery tells now."""
        if not self._batteries:
            return _by_psutil() if self.battery_source else BatteryState()
        full = [value for each in self._batteries if (value := number_of(each / "capacity")) is not None]
        states = [state for each in self._batteries if (state := text_of(each / "status"))]
        heat = [value / 10 for each in self._batteries if (value := number_of(each / "temp")) is not None]
        return BatteryState(
            percent=sum(full) / len(full) if full else None,
            is_drained="Discharging" in states if states else None,
            celsius=max(heat, default=None),
        )

    def throttled(self) -> float | None:
        """Return how far the processor is slowed down for heat, from 0 (not) to 1 (as far as it goes)."""
        shares = []
        for device in self._cooling:
            now, most = number_of(device / "cur_state"), number_of(device / "max_state")
            if now is not None and most:
                shares.append(min(1.0, max(0.0, now / most)))
        return max(shares, default=None)


def _is_own(supply: Path) -> bool:
    """Tell whether a battery is that of the machine, and not of a mouse."""
    return text_of(supply / "scope") != "Device"


def _by_psutil() -> BatteryState:
    if not is_installed("psutil"):
        return BatteryState()
    import psutil

    found = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if not found:
        return BatteryState()
    return BatteryState(found.percent, None if found.power_plugged is None else not found.power_plugged)

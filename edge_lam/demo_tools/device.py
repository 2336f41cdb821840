"""`get_status`: the memory, disk or battery of this machine, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def get_status(resource: Literal["memory", "disk", "battery"]) -> dict[str, str]:
    """Get the memory, disk or battery state of this device.

    Args:
        resource: What to look at
    """
    return {"resource": resource, "state": {"memory": _memory, "disk": _disk, "battery": _battery}[resource]()}


def _memory() -> str:
    import psutil

    memory = psutil.virtual_memory()
    # Memory is sold in powers of two, disks in powers of ten: each in the unit that is printed on its box.
    return _free(memory.available / 2**30, memory.total / 2**30)


def _disk() -> str:
    import psutil

    disk = psutil.disk_usage(str(Path.home()))
    return _free(disk.free / 10**9, disk.total / 10**9)


def _battery() -> str:
    import psutil

    # psutil has the reader only on systems where a battery can be read at all.
    battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    if battery is None:
        return "no battery found"
    return f"{round(battery.percent)} percent, {'' if battery.power_plugged else 'not '}charging"


def _free(free: float, total: float) -> str:
    return f"{free:.1f} GB free of {f'{total:.1f}'.removesuffix('.0')} GB"

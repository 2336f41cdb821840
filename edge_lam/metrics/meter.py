"""`Meter`: what a process and its machine did between two moments, and what the process holds in memory.

In go two moments, out come the figures of `Machine` and `ProcessMemory`; None for what the platform does not tell. What
takes long to read, or needs a program of its own, is only read where it is requested.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

from edge_lam.metrics.battery import PowerSensors
from edge_lam.metrics.energy import EnergyMeter, EnergyReading
from edge_lam.metrics.memory import ProcessMemory, process_memory, proportional_memory
from edge_lam.metrics.nvml import gpus
from edge_lam.metrics.powermetrics import start_powermetrics
from edge_lam.metrics.report import Machine
from edge_lam.metrics.sensors import Sensors


@dataclass(frozen=True, slots=True)
class Reading:
    """One moment: clocks in seconds, and what energy counters read.

    Attributes:
        time: since some moment.
        busy: processor time of this process.
        machine_busy: processor time of all programs; None where psutil is missing or may not read it.
        energy, gpu_energy: of the counters.
    """

    time: float
    busy: float
    machine_busy: float | None
    energy: EnergyReading
    gpu_energy: EnergyReading | None


class Meter:
    """Reads what this platform tells."""

    def __init__(
        self,
        *,
        gpu: bool = False,
        proportional: bool | None = None,
        powermetrics: bool | None = None,
        root: Path = Path("/"),
    ) -> None:
        """Look for what can be read; what is None is decided by EDGE_LAM_METRICS=full.

        Args:
            gpu: whether NVIDIA's GPUs are queried; their driver's library is loaded for it.
            proportional: whether the proportional memory is read, for which Linux walks through every page of the
                process.
            powermetrics: whether that program runs in the background to tell the energy, on a Mac as root.
            root: the root of the file system to read /proc and /sys from.
        """
        full = os.environ.get("EDGE_LAM_METRICS") == "full"
        self._proportional = full if proportional is None else proportional
        self._root = root
        self._sensors, self._power = Sensors(root), PowerSensors(root)
        self._gpus = gpus() if gpu else None
        mac = start_powermetrics() if (full if powermetrics is None else powermetrics) else None
        self._energy = EnergyMeter(root, ("powermetrics", mac.joules) if mac else None)

    def read(self) -> Reading:
        """Return this moment."""
        gpu_energy = self._gpus.energy() if self._gpus else None
        return Reading(time.perf_counter(), time.process_time(), _machine_busy(), self._energy.read(), gpu_energy)

    def since(self, before: Reading) -> Machine:
        """Return what happened since a moment."""
        seconds = time.perf_counter() - before.time
        busy = time.process_time() - before.busy
        found, all_busy, others, battery = self._gpus, _machine_busy(), None, self._power.battery()
        if all_busy is not None and before.machine_busy is not None and seconds:
            others = max(0.0, 100 * (all_busy - before.machine_busy - busy) / seconds)
        return Machine(
            cpu_percent=100 * busy / seconds if seconds else None,
            others_percent=others,
            joules=self._energy.joules_since(before.energy),
            celsius=self._sensors.celsius(),
            hertz=self._sensors.hertz(),
            throttled=self._power.throttled(),
            battery_percent=battery.percent,
            battery_celsius=battery.celsius,
            on_battery=battery.is_drained,
            gpu_joules=before.gpu_energy.until(found.energy()) if found and before.gpu_energy else None,
            gpu_celsius=found.celsius() if found else None,
            gpu_hertz=found.hertz() if found else None,
        )

    def memory(self) -> ProcessMemory:
        """Return what the process holds now, its proportional memory only if this meter is to read it."""
        memory = process_memory()
        return replace(
            memory,
            proportional=proportional_memory(self._root) if self._proportional else None,
            gpu=self._gpus.memory() if self._gpus else None,
        )

    def sources(self) -> dict[str, str]:
        """Return what tells each figure here, "" where nothing does."""
        return {
            "energy": self._energy.source,
            "temperature": self._sensors.temperature_source,
            "clock": self._sensors.clock_source,
            "battery": self._power.battery_source,
            "throttling": self._power.cooling_source,
            "proportional memory": "smaps_rollup" if proportional_memory(self._root) else "",
            "GPU": "NVML" if self._gpus else "",
        }


def _machine_busy() -> float | None:
    """Return the seconds that the processors of this machine were not idle since it started, all together."""
    try:
        import psutil

        times = psutil.cpu_times()
    except (ImportError, OSError):  # Android shows nobody what others do
        return None
    idle: float = times.idle + getattr(times, "iowait", 0.0)
    guests: float = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted as user time too
    return float(sum(times)) - idle - guests

"""NVIDIA's GPUs: energy, memory of this process, temperature and clock, as the driver tells them through nvidia-ml-py.

Out come joules, bytes, °C and hertz; None for what is not reported.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from edge_lam._util.debug import reason
from edge_lam._util.extras import is_installed
from edge_lam.metrics.energy import EnergyReading

if TYPE_CHECKING:
    from pynvml import c_nvmlDevice_t

logger = logging.getLogger("edge_lam.metrics")

T = TypeVar("T")


class GPUs:
    """All GPUs that NVIDIA's driver shows to this process.

    Raises:
        pynvml.NVMLError: there is no driver, or it answers nothing.
    """

    def __init__(self) -> None:
        import pynvml

        pynvml.nvmlInit()
        self._nvml = pynvml
        self._handles: list[c_nvmlDevice_t] = [
            pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())
        ]

    def __len__(self) -> int:
        return len(self._handles)

    def energy(self) -> EnergyReading:
        """Return the energy that all of them took, or the power now where one has no counter."""
        counted = [self._read(self._nvml.nvmlDeviceGetTotalEnergyConsumption, handle) for handle in self._handles]
        joules = {f"gpu{index}": value / 1000 for index, value in enumerate(counted) if value is not None}
        if len(joules) == len(counted):
            return EnergyReading(joules)
        watts = [self._read(self._nvml.nvmlDeviceGetPowerUsage, handle) for handle in self._handles]
        known = [value / 1000 for value in watts if value is not None]
        return EnergyReading({}, sum(known) if known else None)

    def memory(self) -> int | None:
        """Return the bytes that this process holds on all of them; None where it is not known there.

        The driver may know processes in a container by other numbers than they themselves.
        """
        pid, found = os.getpid(), []
        for handle in self._handles:
            processes = self._read(self._nvml.nvmlDeviceGetComputeRunningProcesses, handle) or []
            found += [process.usedGpuMemory for process in processes if process.pid == pid]
        return sum(found) if found and None not in found else None

    def celsius(self) -> float | None:
        """Return the temperature of the hottest."""
        sensor, read = self._nvml.NVML_TEMPERATURE_GPU, self._nvml.nvmlDeviceGetTemperature
        values = [self._read(read, handle, sensor) for handle in self._handles]
        return max((float(value) for value in values if value), default=None)

    def hertz(self) -> float | None:
        """Return the clock of the fastest: those that don't compute rest."""
        clock, read = self._nvml.NVML_CLOCK_SM, self._nvml.nvmlDeviceGetClockInfo
        values = [self._read(read, handle, clock) for handle in self._handles]
        return max((value * 1e6 for value in values if value), default=None)

    def _read(self, function: Callable[..., T], *arguments: object) -> T | None:
        try:
            return function(*arguments)
        except (self._nvml.NVMLError, self._nvml.NVMLLibraryMismatchError):
            # Not every GPU has each of them. Read at each call: a line for each would drown the others.
            return None


@cache
def gpus() -> GPUs | None:
    """Return the GPUs that the driver tells of; None without nvidia-ml-py, a driver or GPUs. It is queried once."""
    if not is_installed("pynvml"):
        logger.debug("no figures of NVIDIA's GPUs: nvidia-ml-py is not installed")
        return None
    from pynvml import NVMLError

    try:
        found = GPUs()
    except NVMLError as error:
        logger.debug("no figures of NVIDIA's GPUs: %s", reason(error))
        return None
    return found if len(found) else None

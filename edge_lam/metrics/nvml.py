"""NVIDIA's GPUs: energy, memory of this process, temperature and clock, as the driver's own library tells them.

In goes the name of the library (NVML, which comes with the driver), out come joules, bytes, degrees and hertz; None for
what is not told. Functions and structures: NVML API Reference, docs.nvidia.com/deploy/nvml-api.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from collections.abc import Callable
from functools import cache

from edge_lam.debug import reason
from edge_lam.metrics.energy import EnergyReading

logger = logging.getLogger("edge_lam.metrics")

_LIBRARY = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
_SUCCESS, _TOO_SMALL = 0, 7
_GPU_SENSOR = 0  # NVML_TEMPERATURE_GPU
_SM_CLOCK = 1  # NVML_CLOCK_SM
_ENERGY = "nvmlDeviceGetTotalEnergyConsumption"
_NOT_TOLD = 2**64 - 1  # NVML_VALUE_NOT_AVAILABLE


class _Process(ctypes.Structure):  # nvmlProcessInfo_v2_t
    _fields_ = (
        ("pid", ctypes.c_uint),
        ("memory", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


class GPUs:
    """All GPUs that NVIDIA's driver shows to this process."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._handles: list[ctypes.c_void_p] = []
        count = ctypes.c_uint()
        if self._call("nvmlInit_v2") and self._call("nvmlDeviceGetCount_v2", ctypes.byref(count)):
            handles = [(index, ctypes.c_void_p()) for index in range(count.value)]
            self._handles = [
                handle
                for index, handle in handles
                if self._call("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(handle))
            ]

    def __len__(self) -> int:
        return len(self._handles)

    def energy(self) -> EnergyReading:
        """Return the energy that all of them took, or the power now where one has no counter."""
        counted = [self._number(_ENERGY, handle) for handle in self._handles]
        joules = {f"gpu{index}": value / 1000 for index, value in enumerate(counted) if value is not None}
        if len(joules) == len(counted):
            return EnergyReading(joules)
        watts = [self._number("nvmlDeviceGetPowerUsage", handle) for handle in self._handles]
        told = [value / 1000 for value in watts if value is not None]
        return EnergyReading({}, sum(told) if told else None)

    def memory(self) -> int | None:
        """Return the bytes that this process holds on all of them; None where it is not known there.

        The driver may know processes in a container by other numbers than they themselves.
        """
        pid = os.getpid()
        found = [info.memory for handle in self._handles for info in self._processes(handle) if info.pid == pid]
        return sum(found) if found and _NOT_TOLD not in found else None

    def celsius(self) -> float | None:
        """Return the temperature of the hottest."""
        values = [self._number("nvmlDeviceGetTemperature", handle, _GPU_SENSOR) for handle in self._handles]
        return max((float(value) for value in values if value), default=None)

    def hertz(self) -> float | None:
        """Return the clock of the fastest: those that don't compute rest."""
        values = [self._number("nvmlDeviceGetClockInfo", handle, _SM_CLOCK) for handle in self._handles]
        return max((value * 1e6 for value in values if value), default=None)

    def _number(self, name: str, handle: ctypes.c_void_p, *arguments: int) -> int | None:
        """Ask for one number of one GPU; of energy it is 64 bits wide, else 32."""
        value = ctypes.c_ulonglong() if name == _ENERGY else ctypes.c_uint()
        told = self._call(name, handle, *map(ctypes.c_uint, arguments), ctypes.byref(value))
        return value.value if told else None

    def _processes(self, handle: ctypes.c_void_p) -> list[_Process]:
        count = ctypes.c_uint(64)
        for _ in range(3):  # processes may come between two calls
            found = (_Process * count.value)()
            code = self._code("nvmlDeviceGetComputeRunningProcesses_v3", handle, ctypes.byref(count), found)
            if code != _TOO_SMALL:
                return list(found[: count.value]) if code == _SUCCESS else []
        return []

    def _call(self, name: str, *arguments: object) -> bool:
        return self._code(name, *arguments) == _SUCCESS

    def _code(self, name: str, *arguments: object) -> int | None:
        """Call a function; None where this driver has none of that name."""
        function: Callable[..., int] | None = getattr(self._library, name, None)
        return None if function is None else function(*arguments)


@cache
def gpus(library: str = _LIBRARY) -> GPUs | None:
    """Return the GPUs that a library tells of, None without the library or without GPUs; it is opened once."""
    try:
        found = GPUs(ctypes.CDLL(library))
    except OSError as error:
        logger.debug("no figures of NVIDIA's GPUs: %s", reason(error))
        return None
    return found if len(found) else None

"""How many threads a model gets: physical performance cores that this process may use, within its CPU quota.

Decoding is bound by memory bandwidth and its threads wait for each other at every layer: hyperthreads and slow cores
make it slower. Reads /sys, the scheduler affinity and control groups; psutil counts the cores of the whole machine,
slow ones too.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_lam._util.system_files import control_groups, text_of
from edge_lam.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class ThreadChoice:
    """A number of threads, and why."""

    n: int
    reason: str


def default_threads(root: Path = Path("/")) -> ThreadChoice:
    """Choose the number of threads; the environment variable EDGE_LAM_THREADS decides where it is set.

    Args:
        root: the root of the file system to read /sys and /proc from.

    Raises:
        InvalidRequest: EDGE_LAM_THREADS is no positive whole number.
    """
    wanted = os.environ.get("EDGE_LAM_THREADS", "").strip()
    if wanted:
        if not wanted.isdecimal() or int(wanted) < 1:
            raise InvalidRequest(f"EDGE_LAM_THREADS must be a positive whole number, not {wanted!r}", param="n_threads")
        return ThreadChoice(int(wanted), "set by EDGE_LAM_THREADS")
    n, reason = _performance_cores(root)
    quota = cpu_quota(root)
    if quota is not None and quota < n:
        return ThreadChoice(max(1, int(quota)), f"CPU quota of {quota:g} ({reason})")
    return ThreadChoice(n, reason)


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return the CPUs that the control groups of this process allow (0.5 is half a CPU), or None without a limit."""
    return min((quota for group in control_groups(root, "cpu") for quota in _quota_of(group)), default=None)


def _quota_of(group: Path) -> list[float]:
    limit, _, period = text_of(group / "cpu.max").partition(" ")
    if not limit:  # version 1
        limit, period = text_of(group / "cpu.cfs_quota_us"), text_of(group / "cpu.cfs_period_us")
    try:
        return [int(limit) / int(period)] if int(limit) > 0 and int(period) > 0 else []
    except ValueError:  # "max", or no such file
        return []


def _performance_cores(root: Path) -> tuple[int, str]:
    if sys.platform == "darwin":
        count = _sysctl("hw.perflevel0.physicalcpu") or _sysctl("hw.physicalcpu")
        return (count, "performance cores") if count else (os.cpu_count() or 1, "processors")
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return physical_cores(usable, root)


def physical_cores(cpus: Iterable[int], root: Path = Path("/")) -> tuple[int, str]:
    """Count the physical cores behind logical CPUs, slow cores left out, and say what was counted."""
    base = root / "sys/devices/system/cpu"
    usable = list(cpus)
    fast = _fast_cpus(usable, root)
    cores = {
        text_of(base / f"cpu{cpu}/topology/core_cpus_list")
        or text_of(base / f"cpu{cpu}/topology/thread_siblings_list")
        or str(cpu)
        for cpu in fast
    }
    kind = "performance cores" if len(fast) < len(usable) else "physical cores"
    shared = f" of {len(usable)} logical CPUs" if len(cores) < len(usable) else ""
    return max(1, len(cores)), f"{len(cores)} {kind}{shared}"


def _fast_cpus(cpus: list[int], root: Path) -> list[int]:
    """Keep the P-cores of an Intel hybrid, or the cores with at least half of the largest capacity (ARM)."""
    hybrid = _cpu_list(text_of(root / "sys/devices/cpu_core/cpus"))
    fast = [cpu for cpu in cpus if cpu in hybrid]
    if not fast:
        capacities = {cpu: text_of(root / f"sys/devices/system/cpu/cpu{cpu}/cpu_capacity") for cpu in cpus}
        largest = max((int(value) for value in capacities.values() if value.isdecimal()), default=0)
        fast = [cpu for cpu, value in capacities.items() if not value.isdecimal() or 2 * int(value) >= largest]
    return fast


def _cpu_list(text: str) -> set[int]:
    """Parse Linux's "0-7,16"."""
    ranges = [part.partition("-") for part in text.split(",") if part]
    return {cpu for first, _, last in ranges for cpu in range(int(first), int(last or first) + 1)}


def _sysctl(name: str) -> int:
    value, size = ctypes.c_int32(), ctypes.c_size_t(4)
    libc = ctypes.CDLL(None)
    failed = libc.sysctlbyname(name.encode(), ctypes.byref(value), ctypes.byref(size), None, ctypes.c_size_t(0))
    return 0 if failed else value.value

"""What this process holds in memory, what its machine has and what its container allows.

Where psutil is not installed, /proc stands in for it on Linux and Android, and `os.sysconf` tells how much memory the
machine has. The peak, the proportional memory and the limits of control groups are read here everywhere: psutil knows
no peak but on Windows and no control groups, and a phone has the file of the proportional memory too.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edge_lam._util.extras import is_installed
from edge_lam._util.system_files import control_groups, text_of

_UNLIMITED = 2**60  # version 1 of control groups writes "no limit" as a number close to 2**63


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """Bytes that this process holds now, and the most it ever held. Mapped model files count where they were read.

    Attributes:
        resident: now, pages that other processes use too included; 0 where neither psutil nor /proc tells.
        peak: the most that `resident` ever was.
        proportional: now, each page divided by the number of processes that use it; None if not read.
        gpu: on NVIDIA's GPUs now; None if not read.
    """

    resident: int
    peak: int
    proportional: int | None = None
    gpu: int | None = None


class MachineMemory(NamedTuple):
    """Bytes that this machine has; None where it is not reported.

    Attributes:
        total: whether used or not.
        available: that processes could take, swap aside.
        swap: of the space to swap to, what is free.
    """

    total: int | None
    available: int | None
    swap: int


def machine_memory() -> MachineMemory:
    """Read what this machine has, and what of it is free."""
    if is_installed("psutil"):
        import psutil

        memory = psutil.virtual_memory()
        return MachineMemory(memory.total, memory.available, psutil.swap_memory().free)
    meminfo = Path("/proc/meminfo")
    return MachineMemory(_physical(), _bytes_of(meminfo, "MemAvailable"), _bytes_of(meminfo, "SwapFree") or 0)


def _physical() -> int | None:
    """Return the bytes of the machine's memory as POSIX reports it; None elsewhere, as on Windows."""
    try:
        pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has none of it, some systems not these names
        return None
    return pages * page if pages > 0 and page > 0 else None


def process_memory() -> ProcessMemory:
    """Read what takes no time to read of the memory of this process."""
    if is_installed("psutil"):
        import psutil

        resident: int = psutil.Process().memory_info().rss
    else:
        resident = _bytes_of(Path("/proc/self/status"), "VmRSS") or 0
    return ProcessMemory(resident, max(resident, _peak()))


def proportional_memory(root: Path = Path("/")) -> int | None:
    """Return the proportional set size of this process in bytes; None where it is not reported, as outside of Linux.

    The system walks through every page of the process for it.

    Args:
        root: the root of the file system to read /proc from.
    """
    return _bytes_of(root / "proc/self/smaps_rollup", "Pss")


def _peak() -> int:
    # On Linux getrusage also counts the process that was there before exec: a small child of a large parent is wrong.
    if most := _bytes_of(Path("/proc/self/status"), "VmHWM"):
        return most
    try:
        import resource
    except ImportError:  # Windows has none
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _bytes_of(file: Path, name: str) -> int | None:
    """Return what a file of /proc tells in KiB, in a line such as "VmRSS: 5 kB", in bytes; None where it does not."""
    for line in text_of(file).splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return None


def memory_limit(root: Path = Path("/")) -> int | None:
    """Return the bytes that the control groups of this process allow it, or None without a limit.

    Args:
        root: the root of the file system to read /proc and /sys from.
    """
    files = ("memory.max", "memory.limit_in_bytes")  # of version 2, and of 1
    limits = [text_of(group / file) for group in control_groups(root, "memory") for file in files]
    return min((int(limit) for limit in limits if limit.isdecimal() and int(limit) < _UNLIMITED), default=None)

"""What this process holds in memory, and what its container allows it. Reads the system; knows nothing of models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from edge_lam.metrics.system_files import text_of

_UNLIMITED = 2**60  # version 1 of control groups writes "no limit" as a number close to 2**63


class ProcessMemory(NamedTuple):
    """Bytes that this process holds now, and the most it ever held. Mapped model files count where they were read.

    Attributes:
        resident: now, pages that other processes use too included.
        peak: the most that `resident` ever was.
        proportional: now, each page divided by the number of processes that use it; None if not read.
        gpu: on NVIDIA's GPUs now; None if not read.
    """

    resident: int
    peak: int
    proportional: int | None = None
    gpu: int | None = None


def process_memory() -> ProcessMemory:
    """Read what takes no time to read of the memory of this process."""
    import psutil

    resident: int = psutil.Process().memory_info().rss
    return ProcessMemory(resident, max(resident, _peak()))


def proportional_memory(root: Path = Path("/")) -> int | None:
    """Return the proportional set size of this process in bytes; None where it is not told, as outside of Linux.

    The system walks through every page of the process for it.

    Args:
        root: the root of the file system to read /proc from.
    """
    for line in text_of(root / "proc/self/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return None


def _peak() -> int:
    # On Linux getrusage also counts the process that was there before exec: a small child of a large parent is wrong.
    for line in text_of(Path("/proc/self/status")).splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory_limit(root: Path = Path("/")) -> int | None:
    """Return the bytes that the control groups of this process allow it, or None without a limit.

    Args:
        root: the root of the file system to read /proc and /sys from.
    """
    limits = []
    for line in text_of(root / "proc/self/cgroup").splitlines():
        _, controllers, group = (*line.split(":", 2), "", "")[:3]
        if controllers and "memory" not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        file = "memory.limit_in_bytes" if controllers else "memory.max"
        folder = mount / group.lstrip("/")
        # Every group above binds too. Inside a container the path may not exist: the mount is its group then.
        for level in (folder, *folder.parents):
            if not level.is_relative_to(mount):
                break
            limit = text_of(level / file)
            if limit.isdecimal() and int(limit) < _UNLIMITED:
                limits.append(int(limit))
    return min(limits, default=None)

"""What this process holds in memory, and what its container allows it. Reads the system; knows nothing of models."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

_UNLIMITED = 2**60  # version 1 of control groups writes "no limit" as a number close to 2**63


class ProcessMemory(NamedTuple):
    """Bytes that this process holds now, and the most it ever held. Mapped model files count where they were read."""

    resident: int
    peak: int


def process_memory() -> ProcessMemory:
    """Read the memory of this process."""
    import psutil

    resident: int = psutil.Process().memory_info().rss
    return ProcessMemory(resident, max(resident, _peak()))


def _peak() -> int:
    # On Linux getrusage also counts the process that was there before exec: a small child of a large parent is wrong.
    for line in _read(Path("/proc/self/status")).splitlines():
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
    for line in _read(root / "proc/self/cgroup").splitlines():
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
            limit = _read(level / file)
            if limit.isdecimal() and int(limit) < _UNLIMITED:
                limits.append(int(limit))
    return min(limits, default=None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""

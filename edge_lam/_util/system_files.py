"""The small text files in which Linux tells of itself; what can't be read is "" or None.

Control groups: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of Linux. psutil reads none of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def text_of(path: Path) -> str:
    """Return what a file says, without blanks at its ends; "" where it can't be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # another kernel, or no permission; read several times a second, so that a log would drown
        return ""


def number_of(path: Path) -> float | None:
    """Return the number in a file, None where there is none."""
    try:
        return float(text_of(path))
    except ValueError:  # no file, or "max"
        return None


def control_groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of the control groups of this process that may set limits of a kind, of both versions.

    Args:
        root: the root of the file system to read /proc and /sys from.
        controller: such as "cpu" or "memory".
    """
    for line in text_of(root / "proc/self/cgroup").splitlines():
        _, controllers, group = (*line.split(":", 2), "", "")[:3]
        if controllers and controller not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / controllers  # version 2 names no controllers
        folder = mount / group.lstrip("/")
        # Every group above binds too. Inside a container the path may not exist: the mount is its group then.
        yield from (level for level in (folder, *folder.parents) if level.is_relative_to(mount))

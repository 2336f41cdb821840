"""Where something is measured: machine, processor, memory, system, llama.cpp's build, versions, git commit.

Out come plain JSON types, as they stand in a result file. Nothing names the user or the host.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import edge_lam

_DMI = Path("/sys/devices/virtual/dmi/id")
_DEVICE_TREE = Path("/proc/device-tree/model")
_GOVERNORS = Path("/sys/devices/system/cpu")
BUSY = 0.5  # processes ready to run before a run begins, above which its times are reported to vary
_PACKAGES = ("llama-cpp-python", "llguidance", "numpy", "jinja2")


def environment() -> dict[str, Any]:
    """Return the facts of this machine and installation; what the platform does not tell is None.

    Loads llama.cpp, in a child process first (`edge_lam.doctor`).
    """
    import psutil

    from edge_lam.doctor import examine

    facts = examine()
    processor, build = facts.processor, facts.backend.build
    return {
        "device": device_name(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": {
            "model": processor.model,
            "architecture": processor.architecture,
            "features": list(processor.features),
            "cores": psutil.cpu_count(logical=False),
            "threads": psutil.cpu_count(),
            "usable": usable_cpus(),
            "quota": processor.quota,
            "governor": governor(),
            "emulation": processor.emulation,
        },
        "memory": {"total": facts.memory.total, "limit": facts.memory.limit},
        "sensors": facts.sensors,
        "build": {
            "llama_cpp": build.llama_cpp if build else None,
            "backend": build.backend if build else None,
            "features": build.features if build else {},
            "devices": [device.description for device in build.devices] if build else [],
            "stamp": asdict(facts.backend.stamp) if facts.backend.stamp else None,
        },
        "threads": processor.threads.n if processor.threads else None,
        "versions": {"edge-lam": edge_lam.__version__, "python": platform.python_version()}
        | {name: _version(name) for name in _PACKAGES},
        "commit": commit(),
    }


def environment_key(facts: dict[str, Any]) -> str:
    """Return a short key that is the same for the same facts."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:8]


def device_name() -> str | None:
    """Return what the maker calls this machine, or None."""
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "hw.model")
    names = [_read(_DMI / "sys_vendor"), _read(_DMI / "product_name")]
    return " ".join(filter(None, names)) or _read(_DEVICE_TREE)


def governor() -> str | None:
    """Return how the clock is chosen ("performance", "powersave", ...), several if cores differ; None if unknown."""
    found = {_read(path) for path in _GOVERNORS.glob("cpu[0-9]*/cpufreq/scaling_governor")}
    return ", ".join(sorted(filter(None, found))) or None


def usable_cpus() -> int:
    """Return how many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def commit() -> str | None:
    """Return the git commit of this clone, with "-dirty" if files differ from it; None if it is no clone."""
    root = Path(edge_lam.__file__).resolve().parents[1]
    if not (root / ".git").exists():
        return None
    return _output("git", "-C", os.fspath(root), "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*")


def system_load() -> float | None:
    """Return how many processes were ready to run, on average over the last minute; None where it is not reported."""
    try:
        return os.getloadavg()[0]
    except OSError:  # some systems count none
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # pages show that it is not there
        return None


def _output(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):  # not on this machine: one fact less
        return None
    return done.stdout.strip() or None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n") or None
    except OSError:  # not on this system: one fact less
        return None

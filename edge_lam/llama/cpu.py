"""What the operating system says about the processor: its model name and its feature flags."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CPU:
    """The processor; `flags` are Linux's names ("avx2", "amx_int8", "asimddp"), empty where the system gives none."""

    model: str
    flags: frozenset[str]


@cache
def cpu() -> CPU:
    """Return the processor of this machine."""
    try:
        return parse_cpuinfo(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return CPU(platform.processor() or platform.machine(), frozenset())


def parse_cpuinfo(text: str) -> CPU:
    """Read Linux's /proc/cpuinfo; the first core speaks for all, on ARM its part number stands in for a name."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, separator, value = line.partition(":")
        if separator:
            fields.setdefault(key.strip(), value.strip())
    name = fields.get("model name") or " ".join(fields.get(key, "") for key in ("CPU implementer", "CPU part")).strip()
    flags = fields.get("flags") or fields.get("Features") or ""
    return CPU(name or platform.machine(), frozenset(flags.split()))

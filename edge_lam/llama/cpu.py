"""What the operating system says about the processor: its name, its feature flags, and what a build needs of them."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# What llama.cpp calls a feature that it was compiled for, and what Linux calls it where the processor has it.
FEATURES = {
    "SSE3": "pni",
    "SSSE3": "ssse3",
    "AVX": "avx",
    "AVX2": "avx2",
    "FMA": "fma",
    "F16C": "f16c",
    "BMI2": "bmi2",
    "AVX_VNNI": "avx_vnni",
    "AVX512": "avx512f",
    "AVX512_VBMI": "avx512vbmi",
    "AVX512_VNNI": "avx512_vnni",
    "AVX512_BF16": "avx512_bf16",
    "AMX_INT8": "amx_int8",
    "NEON": "asimd",
    "DOTPROD": "asimddp",
    "FP16_VA": "asimdhp",
    "MATMUL_INT8": "i8mm",
    "SVE": "sve",
    "SME": "sme",
}
# Used only where llama.cpp finds the unit at run time, and tried by the self-test before that.
_FOUND_AT_RUN_TIME = frozenset({"AMX_INT8"})


@dataclass(frozen=True, slots=True)
class CPU:
    """The processor; `flags` are Linux's names ("avx2", "amx_int8", "asimddp"), empty where the system gives none."""

    model: str
    flags: frozenset[str]

    @property
    def is_arm(self) -> bool:
        """Whether it is a 64-bit ARM, of which the system tells the flags."""
        return "asimd" in self.flags


@cache
def cpu() -> CPU:
    """Return the processor of this machine."""
    try:
        return parse_cpuinfo(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:  # only Linux has the file
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


def lacking_features(compiled: Mapping[str, str], processor: CPU) -> list[str]:
    """Return what llama.cpp was compiled to use and a processor lacks: its first call would die with SIGILL.

    Args:
        compiled: llama.cpp's features of its CPU backend, such as ``{"AVX2": "1"}``.
        processor: empty flags (macOS) say nothing, and nothing is found lacking.
    """
    used = [name for name, value in compiled.items() if value != "0" and name not in _FOUND_AT_RUN_TIME]
    return [name for name in used if name in FEATURES and processor.flags and FEATURES[name] not in processor.flags]

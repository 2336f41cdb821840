"""The facts of an installation: versions, backend, processor, memory, models, folders and extras.

Each fact is read where it is, without network and without loading a model. What is a problem is judged in advice.py.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import edge_lam
from edge_lam._util.paths import state_dir
from edge_lam.doctor.backend import Backend, examine_backend
from edge_lam.errors import EdgeLamError
from edge_lam.llama.cpu import FEATURES, cpu
from edge_lam.llama.self_test import Verdict, accelerator_verdict
from edge_lam.llama.threads import ThreadChoice, cpu_quota, default_threads
from edge_lam.metrics.log import CallLog
from edge_lam.metrics.memory import memory_limit
from edge_lam.metrics.meter import Meter


@dataclass(frozen=True, slots=True)
class Processor:
    """The processor and what llama.cpp makes of it.

    Attributes:
        model: its name.
        architecture: for which this Python was built, such as "x86_64".
        features: of `FEATURES`, what the processor has; empty where the system does not say (macOS).
        compiled: of `FEATURES`, what llama.cpp was compiled for.
        threads: how many a model gets, and why; None where the settings are wrong.
        quota: CPUs that the container allows, None without a limit.
        emulation: what emulates this processor, or "".
    """

    model: str
    architecture: str
    features: tuple[str, ...]
    compiled: tuple[str, ...]
    threads: ThreadChoice | None
    quota: float | None
    emulation: str


@dataclass(frozen=True, slots=True)
class SystemMemory:
    """SystemMemory in bytes; `limit` is the container's, None without one."""

    total: int
    available: int
    limit: int | None

    @property
    def usable(self) -> int:
        """What a model can have at most."""
        return min(self.available, self.limit or self.available)


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A GGUF file; size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All that `edge-lam doctor` shows.

    Attributes:
        versions: by name; "" for a package that edge-lam needs and that is not installed.
        extras: by name, the packages that are missing for it.
        backend: llama.cpp as it is installed.
        processor: where it runs.
        memory: what it can use.
        self_test: the verdict on the accelerator; None where llama.cpp does not load.
        embedded: the model inside the package, None where it is missing.
        hub_cache: folder of downloaded models.
        downloaded: GGUF files in it.
        log: file that calls are logged to, "" if off.
        state: folder of logs, notes and verdicts.
        gpu: a GPU that is in the machine, whether llama.cpp uses it or not: "nvidia", "apple" or "".
        compiler: path of the C++ compiler, "" where there is none.
        settings: errors in environment variables.
        sensors: what tells each figure of a call's report that not every platform tells, "" for nothing.
    """

    versions: dict[str, str]
    extras: dict[str, tuple[str, ...]]
    backend: Backend
    processor: Processor
    memory: SystemMemory
    self_test: Verdict | None
    embedded: FoundModel | None
    hub_cache: str
    downloaded: tuple[FoundModel, ...]
    log: str
    state: str
    gpu: str
    compiler: str
    settings: tuple[str, ...]
    sensors: dict[str, str]


def examine() -> Facts:
    """Read all facts; the self-test runs if it is needed and has not run for this build and processor."""
    settings: list[str] = []
    backend = examine_backend()
    processor = _processor(backend, settings)
    needed, extras = requirements("edge-lam")
    cache = _hub_cache()
    return Facts(
        versions={"edge-lam": _version("edge-lam"), "python": platform.python_version()}
        | {name: _version(name) for name in needed},
        extras={extra: tuple(name for name in names if not _version(name)) for extra, names in extras.items() if names},
        backend=backend,
        processor=processor,
        memory=_memory(),
        self_test=_self_test(backend, settings),
        embedded=next(iter(_gguf_files(Path(edge_lam.__path__[0]) / "assets", "tiny-lam-*.gguf")), None),
        hub_cache=str(cache or ""),
        downloaded=_gguf_files(cache, "models--*/snapshots/*/**/*.gguf") if cache else (),
        log=str(CallLog(None).path or ""),
        state=str(state_dir()),
        gpu=_gpu(),
        compiler=_compiler(),
        settings=tuple(settings),
        sensors=Meter(gpu=True, powermetrics=False).sources(),
    )


def requirements(distribution: str) -> tuple[list[str], dict[str, list[str]]]:
    """Return the names of the packages that an installed distribution needs: always, and by extra."""
    try:
        found = metadata.metadata(distribution)
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return [], {}
    needed: list[str] = []
    extras: dict[str, list[str]] = {name: [] for name in found.get_all("Provides-Extra") or []}
    for line in found.get_all("Requires-Dist") or []:
        name = re.match(r"[\w.-]+", line)
        extra = re.search(r"""extra\s*==\s*['"]([^'"]+)""", line)
        if name:
            (extras.setdefault(extra[1], []) if extra else needed).append(name[0])
    return needed, extras


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:  # shown as missing
        return ""


def _processor(backend: Backend, settings: list[str]) -> Processor:
    found, machine = cpu(), platform.machine()
    threads = None
    try:
        threads = default_threads()
    except EdgeLamError as error:
        settings.append(error.message)
    compiled = backend.build.features.get("CPU", {}) if backend.build else {}
    return Processor(
        model=found.model,
        architecture=machine,
        features=tuple(name for name, flag in FEATURES.items() if flag in found.flags),
        compiled=tuple(name for name in FEATURES if compiled.get(name, "0") != "0"),
        threads=threads,
        quota=cpu_quota(),
        emulation=emulation(machine, found.model, found.flags, _kernels_processor()),
    )


def emulation(machine: str, model: str, flags: frozenset[str], kernel: str) -> str:
    """Say what emulates the processor that this Python was built for, or "".

    Args:
        machine: architecture of this Python.
        model: name of the processor.
        flags: its features, as Linux names them.
        kernel: what the kernel says that its processor is, such as "cpu:type:x86,ven0002...", "" where it does not.
            QEMU makes up model and flags since version 8.
    """
    if "VirtualApple" in model or (sys.platform == "darwin" and machine == "x86_64" and "Apple" in model):
        return "Rosetta"
    if "QEMU" in model:
        return "QEMU"
    foreign_flag, foreign_kernel = {"x86_64": ("asimd", "cpu:type:aarch64"), "aarch64": ("sse2", "cpu:type:x86")}.get(
        machine, ("", "?")
    )
    return "an emulator" if foreign_flag in flags or kernel.startswith(foreign_kernel) else ""


def _kernels_processor() -> str:
    try:
        return Path("/sys/devices/system/cpu/modalias").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux, or a container without /sys
        return ""


def _memory() -> SystemMemory:
    import psutil

    memory = psutil.virtual_memory()
    limit = memory_limit()
    return SystemMemory(memory.total, memory.available, limit if limit is not None and limit < memory.total else None)


def _self_test(backend: Backend, settings: list[str]) -> Verdict | None:
    if backend.error:
        return None
    try:
        return accelerator_verdict()
    except EdgeLamError as error:
        settings.append(error.message)
        return None


def _hub_cache() -> Path | None:
    try:
        from huggingface_hub.constants import HF_HUB_CACHE
    except ImportError:  # without it there is no such cache
        return None
    return Path(HF_HUB_CACHE)


def _gguf_files(folder: Path, pattern: str) -> tuple[FoundModel, ...]:
    return tuple(FoundModel(str(path), path.stat().st_size) for path in sorted(folder.glob(pattern)) if path.is_file())


def _gpu() -> str:
    if sys.platform == "darwin":
        return "apple" if platform.machine() == "arm64" else ""
    return "nvidia" if Path("/proc/driver/nvidia/version").exists() else ""


def _compiler() -> str:
    found = (shutil.which(name) for name in (os.environ.get("CXX"), "c++", "g++", "clang++") if name)
    return next(filter(None, found), "")

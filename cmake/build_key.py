"""Says what the bytes of a llama-cpp-python wheel depend on: settings, source, compilers, processor, GPUs.

In goes the name of a backend; out comes a `Build`, whose key names its wheel in the cache. It knows nothing of the
cache and builds nothing. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ENVIRONMENT = ("CC", "CXX", "CFLAGS", "CXXFLAGS", "LDFLAGS", "CUDACXX", "CUDAARCHS", "MACOSX_DEPLOYMENT_TARGET")


class BuildError(Exception):
    """A wheel that can't be built; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Build:
    """Everything that a wheel depends on; equal builds share one wheel.

    Attributes:
        backend: name of the backend file, without ".cmake".
        source: what pip builds: "llama-cpp-python==0.3.36", or the SHA-256 of an sdist.
        settings: SHA-256 of the backend file and of those that it includes, comments left out.
        platform: such as "linux-x86_64".
        compilers: what each says its version is.
        processor: SHA-256 of the processor's model and flags, for which -march=native compiles.
        gpus: compute capabilities, for CUDA.
        arguments: the user's own CMAKE_ARGS.
        environment: variables that compilers and CMake read.
    """

    backend: str
    source: str
    settings: str
    platform: str
    compilers: tuple[str, ...]
    processor: str
    gpus: str
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]

    @property
    def key(self) -> str:
        """Name of the build in the cache, such as "cpu-3f2a...": readable first, then a hash of everything."""
        return f"{self.backend}-{_sha256(json.dumps(asdict(self), sort_keys=True))[:20]}"

    @property
    def cmake_args(self) -> list[str]:
        """Arguments for CMake: the backend file, this build's name, then the user's, which win."""
        return ["-C", str(_backend_file(self.backend)), f"-DEDGE_LAM_BUILD_KEY={self.key}", *self.arguments]


def describe(backend: str, source: str) -> Build:
    """Look at this machine and say what a wheel built here depends on.

    Args:
        backend: name of a backend file.
        source: what pip is to build, in a form that changes when its content does.

    Raises:
        BuildError: there is no such backend, or something that it needs is missing here.
    """
    settings = _settings(_backend_file(backend))
    if backend == "android-arm64" and not hasattr(sys, "getandroidapilevel"):
        raise BuildError("this is not Android", "build in Termux on the phone, or see cmake/android-arm64.cmake")
    if backend == "metal" and sys.platform != "darwin":
        raise BuildError("Metal is for Macs only", "choose the backend cpu, cuda or vulkan")
    compilers = [_compiler("C", "CC", "cc", "gcc", "clang"), _compiler("C++", "CXX", "c++", "g++", "clang++")]
    if backend == "vulkan":
        compilers.append(_glslc())
    gpus = ""
    if backend == "cuda":
        compilers.append(_nvcc())
        gpus = _output("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader")
    return Build(
        backend=backend,
        source=source,
        settings=settings,
        platform=sysconfig.get_platform(),
        compilers=tuple(compilers),
        processor=_sha256(_processor()),
        gpus=gpus,
        arguments=tuple(shlex.split(os.environ.get("CMAKE_ARGS", ""))),
        environment=tuple((name, os.environ[name]) for name in ENVIRONMENT if name in os.environ),
    )


def backends() -> list[str]:
    """Return the names of the backend files: the CMake files here that name their backend."""
    return sorted(path.stem for path in FOLDER.glob("*.cmake") if "set(EDGE_LAM_BACKEND" in path.read_text("utf-8"))


def _backend_file(backend: str) -> Path:
    if backend not in backends():
        raise BuildError(f"there is no backend {backend!r}", f"choose one of {', '.join(backends())}")
    return FOLDER / f"{backend}.cmake"


def _settings(path: Path) -> str:
    """Hash a CMake file and those it names; comments and blank lines don't change a build."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not re.match(r"\s*(#|$)", line)]
    named = re.findall(r"\$\{CMAKE_CURRENT_LIST_DIR\}/([\w-]+\.cmake)", "\n".join(lines))
    return _sha256("\n".join(lines + [_settings(FOLDER / name) for name in named]))


def _compiler(language: str, variable: str, *names: str) -> str:
    """Return what a compiler says its version is."""
    command = shlex.split(os.environ.get(variable, "")) or next(([name] for name in names if shutil.which(name)), [])
    if not command or not shutil.which(command[0]):
        packages = "xcode-select --install" if sys.platform == "darwin" else "apt install build-essential"
        raise BuildError(f"no {language} compiler was found", f"install one ({packages}), or set {variable}")
    return _output(*command, "--version").partition("\n")[0]


def _nvcc() -> str:
    candidates = (os.environ.get("CUDACXX"), "nvcc", "/usr/local/cuda/bin/nvcc")
    nvcc = next((path for name in candidates if name and (path := shutil.which(name))), None)
    if nvcc is None:
        raise BuildError("no CUDA compiler (nvcc) was found", "apt install nvidia-cuda-toolkit, or set CUDACXX")
    return _output(nvcc, "--version")


def _glslc() -> str:
    if not shutil.which("glslc"):
        raise BuildError(
            "no shader compiler (glslc) was found", "apt install glslc libvulkan-dev spirv-headers, or the Vulkan SDK"
        )
    return _output("glslc", "--version").partition("\n")[0]


def _processor() -> str:
    """Return the processor's model and feature flags; what varies from boot to boot (MHz) stays out."""
    if sys.platform == "darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string")
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = ("vendor_id", "cpu family", "model", "model name", "flags", "Features", "CPU implementer", "CPU part")
    return "\n".join(sorted({line for line in text.splitlines() if line.partition(":")[0].strip() in fields}))


def _output(*command: str) -> str:
    """Return what a command prints, "" where it is missing or fails."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return result.stdout.strip()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

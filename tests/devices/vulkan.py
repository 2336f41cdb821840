"""Runs edge-lam on Vulkan, on a GPU that Mesa computes in software (lavapipe): `make test-vulkan`.

For Debian on x86-64. llama.cpp is built with cmake/vulkan.cmake, but for what makes that shorter: `glslc.sh` leaves out
shaders that nothing here runs, and compilers optimize less. Shader compiler, loader and driver are Debian's; its
headers of Vulkan are those of a newer Debian, as llama.cpp needs. All is kept in ~/.cache/edge-lam; nothing is
installed on the machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from debian import Archive, UnavailableError, codename
from environment import HOME, PACKAGES, ROOT, Checks, run_checks, wheel

TOOLS = ("glslc", "libvulkan1")
DRIVER = ("mesa-vulkan-drivers", "libdrm2", "libdrm-amdgpu1")
# Mesa 22.3 dies in a thread of its own amid longer runs; that of the backports is 25.0.
DRIVER_SUITES = {"bookworm": "bookworm-backports"}
HEADERS = ("libvulkan-dev/trixie", "spirv-headers/trixie")
PREFIX = HOME / "vulkan-root" / "usr"
TESTS = ("tests/llama", "tests/devices/test_gpu.py")
MINUTES = 30  # of one step at most, the first time


def main() -> int:
    """Make what is missing, and check."""
    return run_checks("test-vulkan", __doc__, _environment, _check)


def _check(checks: Checks, environment: dict[str, str]) -> None:
    _check_doctor(checks, environment)
    run = _run(environment, "-m", "edge_lam", "demo", "--json", "--log", "off")
    device = json.loads(run.stdout or "{}").get("model", {}).get("device", "none")
    checks.check("the demo runs on the GPU", device.startswith("vulkan"), f"{device}\n{run.stderr}")
    run = _run(environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS)
    summary = (run.stdout.strip() or "nothing was printed").splitlines()[-1]
    checks.check(f"{' '.join(TESTS)}: {summary}", run.returncode == 0, run.stdout + run.stderr)


def _environment(build: bool) -> dict[str, str]:
    """Return the variables with which Python finds llama.cpp for Vulkan, and Vulkan its device.

    Raises:
        UnavailableError: this machine can't have them, or has them not yet and `build` is false.
    """
    if platform.machine() != "x86_64":
        raise UnavailableError("needs x86-64")
    _unpack(codename(), build=build)
    libraries = PREFIX / "lib" / "x86_64-linux-gnu"
    settings = {
        "CMAKE_PREFIX_PATH": PREFIX,
        "Vulkan_GLSLC_EXECUTABLE": _shader_compiler(),
        "CMAKE_C_FLAGS_RELEASE": "-O1",
        "CMAKE_CXX_FLAGS_RELEASE": "-O1",
    }
    environment = {
        "PATH": f"{PREFIX / 'bin'}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": str(libraries),
        "CMAKE_ARGS": " ".join(f"-D{name}={value}" for name, value in settings.items()),
    }
    site = _unpacked(wheel("Vulkan", "vulkan", environment, build=build))
    driver = HOME / "lavapipe.json"
    library = {"library_path": str(libraries / "libvulkan_lvp.so"), "api_version": "1.3.0"}
    driver.write_text(json.dumps({"file_format_version": "1.0.0", "ICD": library}), encoding="utf-8")
    return environment | {
        "PYTHONPATH": f"{site}:{PACKAGES}",
        "VK_ICD_FILENAMES": str(driver),
        "GGML_VK_VISIBLE_DEVICES": "0",  # else llama.cpp leaves devices out that are processors
        # lavapipe takes up to a minute to compile one of the shaders that multiply matrices.
        "MESA_SHADER_CACHE_DIR": str(HOME / "shaders"),
    }


def _unpack(own: str, *, build: bool) -> None:
    """Unpack shader compiler, loader, driver and headers, unless these very ones are there.

    Raises:
        UnavailableError: they can't be had, or are not there and `build` is false.
    """
    suite = DRIVER_SUITES.get(own, own)
    packages = (*TOOLS, *(f"{name}/{suite}" for name in DRIVER))
    named = hashlib.sha256(" ".join((*packages, *HEADERS)).encode()).hexdigest()[:12]
    done = PREFIX.parent / f"unpacked-{named}"
    if done.is_file():
        return
    if not build:
        raise UnavailableError("llama.cpp for Vulkan is not built yet")
    sources = tuple(f"{name} amd64" for name in dict.fromkeys((own, suite, "trixie")))
    archive = Archive(HOME / f"vulkan-apt-{named}", sources, installed=True)
    archive.unpack(PREFIX.parent, *packages)
    archive.unpack_alone(PREFIX.parent, *HEADERS)
    done.touch()


def _shader_compiler() -> Path:
    """Return glslc.sh at a place that tells what it does: the path is a part of the key of the build."""
    script = Path(__file__).with_name("glslc.sh")
    place = HOME / f"glslc-{hashlib.sha256(script.read_bytes()).hexdigest()[:12]}"
    shutil.copy(script, place)
    return place


def _unpacked(built: Path) -> Path:
    """Return a folder of Python packages with the wheel's, to be found before what is installed."""
    folder = built.parent / "site"
    if not folder.is_dir():
        unfinished = built.parent / "site.new"
        with zipfile.ZipFile(built) as archive:
            archive.extractall(unfinished)
        unfinished.rename(folder)
    return folder


def _check_doctor(checks: Checks, environment: dict[str, str]) -> None:
    """With a GPU nothing is wrong with the build; without one, that is said."""
    seen = _run(environment, "-m", "edge_lam", "doctor", "--json")
    told = json.loads(seen.stdout or "{}")
    build = (told.get("backend") or {}).get("build") or {}
    checks.check("doctor: runs on the GPU", build.get("backend") == "vulkan", seen.stdout + seen.stderr)
    blind = _run({**environment, "GGML_VK_VISIBLE_DEVICES": ""}, "-m", "edge_lam", "doctor")
    problem = "llama.cpp was built for vulkan, but sees no GPU"
    checks.check("doctor: a build that sees no GPU is named", problem in blind.stdout, blind.stdout + blind.stderr)


def _run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python; once more if it dies: software drivers have faults that a second run does not meet."""
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60 * MINUTES,
            check=False,
        )
        if run.returncode >= 0:
            break
        print(f"died with signal {-run.returncode}: {' '.join(arguments)}", flush=True)
    return run


if __name__ == "__main__":
    sys.exit(main())

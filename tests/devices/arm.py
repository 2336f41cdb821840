"""Runs edge-lam on a 64-bit ARM processor that QEMU emulates: `make test-arm`, on Debian and x86-64.

llama.cpp is cross-compiled with the settings of cmake/cpu.cmake, Python comes from Debian's packages for arm64, the
rest from the wheels for it on PyPI. All of it is kept in ~/.cache/edge-lam; nothing is installed on the machine.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from debian import Archive, UnavailableError, codename
from environment import HOME, PACKAGES, ROOT, TEST_PACKAGES, Checks, run_checks, virtual_environment, wheel

FOLDER = HOME / "arm64"
COMPILER = "aarch64-linux-gnu-g++"
# A Cortex-A76 and newer, as in a Raspberry Pi 5; one of a Raspberry Pi 4 (A72) must be refused.
CROSS = {
    "CC": "aarch64-linux-gnu-gcc",
    "CXX": COMPILER,
    "CMAKE_ARGS": "-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DGGML_NATIVE=OFF "
    "-DGGML_CPU_ARM_ARCH=armv8.2-a+dotprod",
    "_PYTHON_HOST_PLATFORM": "linux-aarch64",  # the wheel's tag
}
PYTHON_PACKAGES = ("python3-minimal:arm64", "python3:arm64", "libgomp1:arm64", "libstdc++6:arm64")
PLATFORMS = ("linux", "manylinux2014", *(f"manylinux_2_{minor}" for minor in range(17, 37)))  # to Debian 12's glibc
TESTS = ("tests/tools", "tests/cache")
# Left out: many processes, every bit and every byte of a file, what NumPy's docstrings say. They take half of the time,
# and nothing in them differs from one processor to the next.
LEFT_OUT = "many_processes or killed_at_any_byte or every_flipped_bit or docstring_parser_reads"
MINUTES = 30  # of one step at most
N_AT_ONCE = 2  # QEMU translates in one thread, and most of what is translated runs in one


def main() -> int:
    """Make what is missing, and check."""
    return run_checks("test-arm", __doc__, _environment, _check)


def _check(checks: Checks, python: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="edge-lam-arm-") as work, ThreadPoolExecutor(N_AT_ONCE) as pool:
        steps = [pool.submit(_check_tests, checks, python, tests) for tests in TESTS]
        steps.append(pool.submit(_check_answers, checks, python, Path(work)))
        steps += [pool.submit(check, checks, python) for check in (_check_doctor, _check_refusal)]
        for step in steps:
            step.result()


def _environment(build: bool) -> Path:
    """Return a Python for ARM with all that edge-lam needs, as a command that this machine can start.

    Raises:
        UnavailableError: this machine can't have one, or has none and `build` is false.
    """
    if platform.machine() != "x86_64" or not shutil.which(COMPILER):
        raise UnavailableError("needs x86-64 and a compiler for ARM (apt install g++-aarch64-linux-gnu)")
    own = codename()
    built = wheel("ARM", "cpu", CROSS, build=build)
    _unpack(own)
    interpreter = next((FOLDER / "root/usr/bin").glob("python3.[0-9]*"))
    return _python(interpreter, built)


def _unpack(own: str) -> None:
    """Unpack QEMU, in its newest version, and Python for ARM, in that of the compiler's Debian."""
    done = FOLDER / "unpacked"
    if done.is_file():
        return
    archive = Archive(FOLDER / "apt", (f"{own} arm64", "trixie amd64"))
    archive.unpack(FOLDER / "root", *PYTHON_PACKAGES)
    archive.unpack_alone(FOLDER / "qemu", "qemu-user/trixie")
    for emulator in (FOLDER / "qemu/usr/bin").iterdir():
        if emulator.name != "qemu-aarch64":  # of the forty, 400 MB
            emulator.unlink()
    done.touch()


def _python(interpreter: Path, built: Path) -> Path:
    """Return the Python of a virtual environment with the wheels for ARM.

    That Python is a script, which this machine can start as any program: so can those that run in it, for children.

    Raises:
        UnavailableError: there is no wheel for ARM of something.
    """

    def make(folder: Path) -> None:
        version = interpreter.name.removeprefix("python")
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--only-binary=:all:",
            "--python-version",
            version,
        ]
        command += [f"--platform={tag}_aarch64" for tag in PLATFORMS]
        command += ["--target", str(folder / "lib" / interpreter.name / "site-packages")]
        command += [*requirements, f"{ROOT}[cli,convert]"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            raise UnavailableError(f"no wheels for ARM: {(run.stderr.strip() or 'no reason given').splitlines()[-1]}")
        (folder / "pyvenv.cfg").write_text(f"home = {interpreter.parent}\n", encoding="utf-8")
        python = folder / "bin" / "python"
        python.parent.mkdir()
        command = [str(FOLDER / "qemu/usr/bin/qemu-aarch64"), "-L", str(FOLDER / "root"), "-0", str(python)]
        python.write_text(f'#!/bin/sh\nexec {shlex.join([*command, str(interpreter)])} "$@"\n', encoding="utf-8")
        python.chmod(0o755)

    requirements = [str(built), *TEST_PACKAGES]
    return virtual_environment(FOLDER, requirements, make) / "bin" / "python"


def _check_answers(checks: Checks, python: Path, work: Path) -> None:
    """Compare replies, read on from a prefix that was baked here, and quantized files."""
    prefix = work / "app.prefix"
    here = json.loads(_run(Path(sys.executable), "tests/devices/answers.py", "--bake", str(prefix)).stdout)
    run = _run(python, "tests/devices/answers.py", "--prefix", str(prefix))
    there = json.loads(run.stdout or "{}")
    for kind, of_kind in here.items():
        for name, expected in of_kind.items():
            found = there.get(kind, {}).get(name)
            checks.check(f"as on x86-64: {name}", found == expected, f"{found}\nnot {expected}\n{run.stderr[-2000:]}")


def _check_doctor(checks: Checks, python: Path) -> None:
    """It works, names the emulator, and says that the build uses less than the processor has."""
    run = _run(python, "-m", "edge_lam", "doctor", "--json")
    told = json.loads(run.stdout or "{}")
    checks.check("doctor: models can run", bool(told.get("works")), run.stdout + run.stderr)
    problems = " | ".join(advice["problem"] for advice in told.get("advice", ()))
    checks.check("doctor: it is emulated", "emulated by" in problems, problems)
    checks.check("doctor: a slow build is named", "does not use this processor's" in problems, problems)


def _check_refusal(checks: Checks, python: Path) -> None:
    """A processor without what the build uses is told so, by name, and nothing dies."""
    question = ("call", "what time is it in Oslo?", "--log", "off")
    run = _run(python, "-m", "edge_lam", *question, QEMU_CPU="cortex-a72")
    refused = run.returncode == 1 and "built for a processor with DOTPROD" in run.stderr
    checks.check("a Cortex-A72 is refused by name", refused, f"exit status {run.returncode}\n{run.stderr}")


def _check_tests(checks: Checks, python: Path, tests: str) -> None:
    run = _run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", f"not ({LEFT_OUT})", tests)
    summary = (run.stdout.strip() or "nothing was printed").splitlines()[-1]
    checks.check(f"{tests}: {summary}", run.returncode == 0, run.stdout + run.stderr)


def _run(python: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": PACKAGES, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60 * MINUTES,
        check=False,
    )


if __name__ == "__main__":
    sys.exit(main())

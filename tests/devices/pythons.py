"""Runs the tests that a Python could break on each other Python of this machine: `make test-pythons`.

A Python that is not here is unpacked from Debian's newest packages, where it is among them. Each has an environment of
its own; llama.cpp's wheel is the same for all. They are kept in ~/.cache/edge-lam; nothing is installed on the machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from debian import Archive, UnavailableError, codename
from environment import HOME, PACKAGES, ROOT, TEST_PACKAGES, Checks, virtual_environment, wheel

VERSIONS = ("3.10", "3.12", "3.13", "3.14")
TESTS = ("tests/tools", "tests/cache", "tests/agent", "tests/engine")
REQUIREMENTS = (*TEST_PACKAGES, "pytest-xdist>=3")


class InstallError(Exception):
    """edge-lam, or what it needs, can't be installed on a Python; says what pip said."""


def main() -> int:
    """Make what is missing, and run the tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", default=VERSIONS, metavar="3.X", help=f"({' '.join(VERSIONS)})")
    parser.add_argument("--if-built", action="store_true", help="skip those whose environment would have to be made")
    options = parser.parse_args()
    checks = Checks()
    for version in options.versions:
        _check(checks, version, build=not options.if_built)
    return 1 if checks.n_failed else 0


def _check(checks: Checks, version: str, *, build: bool) -> None:
    start = time.monotonic()
    try:
        python = _environment(version, build=build)
    except UnavailableError as error:
        print(f"test-pythons skipped: {error}", flush=True)
        return
    except InstallError as error:
        checks.check(f"Python {version}: edge-lam can be installed", False, str(error))
        return
    run = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile", *TESTS],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": PACKAGES},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    summary = (run.stdout.strip() or "nothing was printed").splitlines()[-1]
    seconds = time.monotonic() - start
    checks.check(f"Python {version}: {summary} ({seconds:.0f} s in all)", run.returncode == 0, run.stdout)


def _environment(version: str, *, build: bool) -> Path:
    """Return a Python of this version, with all that edge-lam and the tests need.

    Raises:
        UnavailableError: there is no such Python, or `build` is false and no environment of it was ever made.
        InstallError: pip fails.
    """

    def make(folder: Path) -> None:
        python = str(folder / "bin" / "python")
        install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--only-binary=:all:"]
        commands = [
            [str(_interpreter(version)), "-m", "venv", "--without-pip", str(folder)],
            [*install, *requirements, f"{ROOT}[cli,convert,serve]"],
        ]
        for command in commands:
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode:
                raise InstallError(run.stderr)

    home = HOME / f"python-{version}"
    if not build and not any(home.glob("venv-*/made")):
        raise UnavailableError(f"there is no environment of Python {version} yet")
    requirements = [str(wheel("this machine", "cpu", {}, build=build)), *REQUIREMENTS]
    return virtual_environment(home, requirements, make) / "bin" / "python"


def _interpreter(version: str) -> Path:
    """Return a Python that starts: of the path (where pyenv's may be no more than a name), of pyenv's folder, Debian's.

    Raises:
        UnavailableError: there is none.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    own = sorted((pyenv / "versions").glob(f"{version}.*/bin/python{version}"))
    candidates = [shutil.which(f"python{version}"), *map(str, reversed(own))]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return Path(candidate)
    try:
        return _of_debian(version)
    except UnavailableError as error:
        raise UnavailableError(f"this machine has no Python {version} ({error})") from error


def _of_debian(version: str) -> Path:
    """Unpack Debian's newest: a script that starts it with the C library that it needs, newer than this machine's.

    Raises:
        UnavailableError: this machine is no Debian on x86-64, or Debian has no such Python.
    """
    if platform.machine() != "x86_64":
        raise UnavailableError("Debian's newest is for x86-64 here")
    codename()
    home = HOME / f"python-{version}"
    root = home / "root" / "usr"
    python, program = root / "bin" / f"python{version}", root / "libexec" / f"python{version}"
    if not (program.is_file() and python.is_file()):
        Archive(home / "apt", ("sid amd64",)).unpack(root.parent, f"python{version}")
        program.parent.mkdir(exist_ok=True)
        python.rename(program)
        libraries = root / "lib" / "x86_64-linux-gnu"
        start = shlex.join([str(libraries / "ld-linux-x86-64.so.2"), "--library-path", str(libraries), "--argv0"])
        python.write_text(f'#!/bin/sh\nexec {start} "$0" {shlex.quote(str(program))} "$@"\n', encoding="utf-8")
        python.chmod(0o755)
    return python


if __name__ == "__main__":
    sys.exit(main())

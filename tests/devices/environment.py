"""Where builds and environments for other devices are kept, and how they are had.

llama.cpp is built through `cmake/build_wheel.py`, as everywhere.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from debian import UnavailableError

_Environment = TypeVar("_Environment")

ROOT = Path(__file__).resolve().parents[2]
HOME = Path.home() / ".cache" / "edge-lam" / "devices"
TEST_PACKAGES = ("pytest>=8", "hypothesis>=6.100", "docstring-parser>=0.16")
PACKAGES = os.pathsep.join(map(str, (ROOT, ROOT / "converters")))


def wheel(subject: str, backend: str, environment: Mapping[str, str], *, build: bool) -> Path:
    """Return the wheel of a llama.cpp, built now if it is in no cache.

    Args:
        subject: what it is for, in words.
        backend: name of a backend file.
        environment: variables that say for what and with what it is built.
        build: whether it may be built, which takes minutes.

    Raises:
        UnavailableError: it is not there, or can't be built.
    """
    command = [sys.executable, str(ROOT / "cmake" / "build_wheel.py"), "--backend", backend, "--print"]
    command += [] if build else ["--cached"]
    told = None if build else subprocess.DEVNULL  # how far it is
    run = subprocess.run(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=told, text=True, check=False
    )
    if run.returncode:
        raise UnavailableError(f"llama.cpp for {subject} {'could not be built' if build else 'is not built yet'}")
    return Path(run.stdout.strip())


def virtual_environment(home: Path, requirements: Sequence[str], make: Callable[[Path], None]) -> Path:
    """Return a folder with an environment of these requirements and edge-lam's own, made now if it is not there.

    It is named for what is in it, so that every clone of the tree finds it; what was made of others goes.

    Args:
        home: the folder of all environments of one kind.
        requirements: what pip installs.
        make: makes the environment in the folder that it is given; where it raises, nothing stays.
    """
    described = json.dumps([*requirements, (ROOT / "pyproject.toml").read_text(encoding="utf-8")])
    folder = home / f"venv-{hashlib.sha256(described.encode()).hexdigest()[:12]}"
    if not (folder / "made").is_file():
        for older in home.glob("venv-*"):
            shutil.rmtree(older)
        folder.mkdir(parents=True)
        make(folder)
        (folder / "made").touch()
    return folder


class Checks:
    """What was checked, told as it goes (by any thread), and whether all of it was as it must be."""

    def __init__(self) -> None:
        self.n_failed = 0
        self._lock = threading.Lock()

    def check(self, subject: str, passed: bool, found: str = "") -> None:
        """Tell a result; `found` is what was there instead."""
        with self._lock:
            print(f"{'ok  ' if passed else 'FAIL'}  {subject}", flush=True)
            if not passed:
                self.n_failed += 1
                print("      " + "\n      ".join(found.strip().splitlines()[-30:]), flush=True)


def run_checks(
    target: str,
    description: str | None,
    make_environment: Callable[[bool], _Environment],
    check: Callable[[Checks, _Environment], None],
) -> int:
    """Make what is missing, and check: the main function of a target.

    Args:
        target: its name in the Makefile.
        description: for its help.
        make_environment: returns where to check; its argument is whether llama.cpp may be built. Raises
            `UnavailableError` where there is none.
        check: does so, in that environment.

    Returns:
        The exit status; 0 also where it is skipped.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--if-built", action="store_true", help="skip it where llama.cpp would have to be built")
    options = parser.parse_args()
    start = time.monotonic()
    try:
        environment = make_environment(not options.if_built)
    except UnavailableError as error:
        print(f"{target} skipped: {error}")
        return 0
    print(f"ready in {time.monotonic() - start:.0f} s", flush=True)
    checks = Checks()
    check(checks, environment)
    print(f"{checks.n_failed} failed, {time.monotonic() - start:.0f} s")
    return 1 if checks.n_failed else 0

"""Where builds for other devices are kept, and how they are had: through `cmake/build_wheel.py`, as every build."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from debian import UnavailableError

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


class Checks:
    """What was checked, told as it goes, and whether all of it was as it must be."""

    def __init__(self) -> None:
        self.n_failed = 0

    def check(self, subject: str, passed: bool, found: str = "") -> None:
        """Tell a result; `found` is what was there instead."""
        print(f"{'ok  ' if passed else 'FAIL'}  {subject}", flush=True)
        if not passed:
            self.n_failed += 1
            print("      " + "\n      ".join(found.strip().splitlines()[-30:]), flush=True)

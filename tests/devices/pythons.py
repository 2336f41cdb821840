"""Runs the tests that a Python could break on each other Python of this machine: `make test-pythons`.

Each gets an environment of its own, beside the tree's; llama.cpp's wheel is the same for all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from environment import ROOT, TEST_PACKAGES, Checks

VERSIONS = ("3.10", "3.12", "3.13", "3.14")
TESTS = ("tests/tools", "tests/cache", "tests/agent", "tests/engine")


def main() -> int:
    """Make what is missing, and run the tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="*", default=VERSIONS, metavar="3.X", help=f"({' '.join(VERSIONS)})")
    parser.add_argument("--if-built", action="store_true", help="skip those whose environment would have to be made")
    options = parser.parse_args()
    checks = Checks()
    for version in options.versions:
        interpreter, environment = find(version), ROOT / f".venv-{version}"
        if interpreter is None:
            print(f"test-pythons skipped: this machine has no Python {version}")
        elif options.if_built and not (environment / ".runtime").is_file():
            print(f"test-pythons skipped: there is no environment of Python {version} yet")
        else:
            start = time.monotonic()
            run = _tested(environment, interpreter)
            summary = (run.stdout.strip() or "nothing was printed").splitlines()[-1]
            subject = f"Python {version}: {summary} ({time.monotonic() - start:.0f} s in all)"
            checks.check(subject, run.returncode == 0, run.stdout)
    return 1 if checks.n_failed else 0


def find(version: str) -> str | None:
    """Return a Python that starts: of the path (where pyenv's may be no more than a name), or of pyenv's folder."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    own = sorted((pyenv / "versions").glob(f"{version}.*/bin/python{version}"))
    candidates = [shutil.which(f"python{version}"), *map(str, reversed(own))]
    for candidate in filter(None, candidates):
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def _tested(environment: Path, interpreter: str) -> subprocess.CompletedProcess[str]:
    """Install edge-lam and what the tests need, and run them; return the last command, which is the first to fail."""
    python = str(environment / "bin" / "python")
    for command in (
        ["make", "--no-print-directory", f"VENV={environment}", f"PYTHON={interpreter}", f"{environment}/.runtime"],
        [python, "-m", "pip", "install", "--quiet", *TEST_PACKAGES],
        [python, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", *TESTS],
    ):
        run = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if run.returncode:
            break
    return run


if __name__ == "__main__":
    sys.exit(main())

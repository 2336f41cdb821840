"""Loads llama.cpp in a child process first, because a broken build kills the process that loads it.

Out comes what was loaded, or why it could not be.
"""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from edge_lam.errors import BackendError
from edge_lam.llama.library import BuildInfo, build_info
from edge_lam.llama.stamp import Stamp, read_stamp

_TIMEOUT = 120.0  # seconds; on a busy device starting Python alone may take many
# The child searches modules exactly where this process does.
_CHILD = "import sys; sys.path[:] = sys.argv[1:]; from edge_lam.doctor.backend import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Backend:
    """The llama.cpp of this Python.

    Attributes:
        error: why it does not load, or "".
        build: what was loaded; None where it does not load.
        stamp: None where it was not built with one of our backend files.
    """

    error: str
    build: BuildInfo | None
    stamp: Stamp | None


def examine_backend() -> Backend:
    """Load llama.cpp in a child process and, if that survives, in this one, unless it is loaded here already."""
    error = "" if sys.modules.get("llama_cpp") else _loading_error()
    build = None if error else build_info()
    return Backend(error, build, read_stamp(Path(build.library).parent if build else _library_folder()))


def _library_folder() -> Path | None:
    """Say where the libraries of llama-cpp-python are, without loading them."""
    spec = importlib.util.find_spec("llama_cpp")
    return Path(spec.origin).parent / "lib" if spec and spec.origin else None


def _loading_error() -> str:
    command = [sys.executable, "-c", _CHILD, *filter(None, sys.path)]
    try:
        child = subprocess.run(  # noqa: S603 - this interpreter, with our own code
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        return f"llama.cpp did not load within {error.timeout:g} s"
    except OSError as error:
        return f"no child process could be started to load llama.cpp: {error.strerror}"
    if child.returncode == 0:
        return ""
    if child.returncode < 0:
        return f"llama.cpp dies with {signal.Signals(-child.returncode).name} when it is loaded"
    lines = (child.stdout + child.stderr).decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"llama.cpp can't be loaded (exit code {child.returncode})"


def main() -> int:
    """Be the child: load llama.cpp, or print in one line why that fails."""
    try:
        build_info()
    except BackendError as error:
        print(error.message)
        return 1
    return 0

"""Runs a function in a new Python process, as an app that starts: nothing is imported, loaded or cached.

In go the function's name and JSON, out comes JSON. The moment of starting travels along, so that the function can tell
how long the start of its process took. Knows nothing of what the function does.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from edge_lam.errors import EdgeLamError
from edge_lam_benchmarks.items import named

TIMEOUT = 1800.0  # seconds
# The child searches modules exactly where this process does. `monotonic` is one clock for all processes of a machine.
# A crash is to tell where it happened.
_CHILD = (
    "import faulthandler, sys; faulthandler.enable(); sys.path[:] = sys.argv[4:]; "
    "from edge_lam_benchmarks.fresh import main; sys.exit(main())"
)
_CRASHED = re.compile(r'Current thread .*\n  File "(?P<file>.+)", line (?P<line>\d+) in (?P<function>.+)')


def run_fresh(function: str, arguments: dict[str, Any]) -> Any:
    """Run "module:function" in a new process and return its result.

    Args:
        function: takes `arguments` as keywords, and `started`, the moment of `time.monotonic` at which its process was
            started; returns JSON types.
        arguments: JSON types.

    Raises:
        EdgeLamError: the process ended without a result; says how.
    """
    with tempfile.TemporaryDirectory(prefix="edge-lam-bench-") as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-c", _CHILD, function, json.dumps(arguments), os.fspath(answer)]
        try:
            child = subprocess.run(
                [*command, *filter(None, sys.path)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
                env={**os.environ, "EDGE_LAM_BENCH_STARTED": repr(time.monotonic())},
            )
        except subprocess.TimeoutExpired as error:
            raise EdgeLamError(f"a new process took longer than {TIMEOUT:g} s") from error
        if child.returncode == 0 and answer.exists():
            return json.loads(answer.read_text(encoding="utf-8"))
    raise EdgeLamError(_reason(child.returncode, child.stderr.decode("utf-8", "replace")))


def _reason(code: int, said: str) -> str:
    """Say how a process ended that left no result, from its exit code and what it wrote to stderr."""
    if code < 0:
        crashed = _CRASHED.search(said)
        where = ", in {function} ({file}, line {line})".format(**crashed.groupdict()) if crashed else ""
        return f"a new process was ended by {signal.Signals(-code).name}{where}"
    lines = said.strip().splitlines()
    return lines[-1] if lines else f"a new process ended with exit code {code}"


def main() -> int:
    """Be the child."""
    name, arguments, answer = sys.argv[1:4]
    started = float(os.environ.pop("EDGE_LAM_BENCH_STARTED"))
    try:
        result = named(name)(**json.loads(arguments), started=started)
    except EdgeLamError as error:
        print(error, file=sys.stderr)
        return 1
    Path(answer).write_text(json.dumps(result), encoding="utf-8")
    return 0

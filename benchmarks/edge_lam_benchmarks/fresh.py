"""Runs a function in a new Python process, as an app that starts: nothing is imported, loaded or cached.

The moment of starting travels along, so that the function can tell how long the start of its process took.
"""

from __future__ import annotations

import re
import time
from typing import Any

from edge_lam.errors import EdgeLamError
from edge_lam_benchmarks.child import Child, ChildError, here
from edge_lam_benchmarks.items import named
from edge_lam_benchmarks.lines import Answer

TIMEOUT = 1800.0  # seconds
PATIENCE = 60.0  # seconds for a process to end that has answered
_CRASHED = re.compile(r'Current thread .*\n  File "(?P<file>.+)", line (?P<line>\d+) in (?P<function>.+)')


def run_fresh(function: str, arguments: dict[str, Any]) -> Any:
    """Run "module:function" in a new process and return its result.

    Args:
        function: takes `arguments` as keywords, and `started`, the moment of `time.monotonic` at which its process was
            started; returns JSON types.
        arguments: JSON types.

    Raises:
        EdgeLamError: the process ended without a result, or badly after it; says how.
    """
    # `monotonic` is one clock for all processes of a machine.
    setup = {"function": function, "arguments": arguments, "started": time.monotonic()}
    try:
        child = Child(here(__name__), setup, timeout=TIMEOUT)
    except ChildError as error:
        how = str(error)
        if crashed := _CRASHED.search(error.stderr):
            how = how.partition(":")[0] + ", in {function} ({file}, line {line})".format(**crashed.groupdict())
        raise EdgeLamError(f"a new process {how}") from error
    child.close(patience=PATIENCE)
    if code := child.process.returncode:
        raise EdgeLamError(f"a new process ended with exit code {code}")
    if "refused" in child.facts:
        raise EdgeLamError(child.facts["refused"])
    return child.facts["result"]


def load(setup: dict[str, Any]) -> tuple[dict[str, Any], Answer]:
    """Be the child, which has only a setup to answer; see `lines.serve`."""
    try:
        result = named(setup["function"])(**setup["arguments"], started=setup["started"])
    except EdgeLamError as error:
        return {"refused": str(error)}, dict
    return {"result": result}, dict

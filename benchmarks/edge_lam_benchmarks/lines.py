"""The child's side of `child.Child`: the setup is the first line on stdin, each further one a request.

    python lines.py path/to/run_transformers.py

The module that is named has `load`, which takes the setup, and returns facts and what answers a request. Only Python's
own modules are imported here: some children run in another environment than the suite.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Answer = Callable[[dict[str, Any]], dict[str, Any]]
Load = Callable[[dict[str, Any]], tuple[dict[str, Any], Answer]]


def serve(load: Load) -> None:
    """Answer until stdin ends; an exception is answered as ``{"error": ...}``."""
    lines, out = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # children of ours that outlive us must not hold the pipes open
    os.dup2(2, 1)  # what libraries print must not stand between the answers

    def write(message: dict[str, Any]) -> None:
        print(json.dumps(message, default=str), file=out, flush=True)

    try:
        facts, answer = load(json.loads(next(lines)))
    except ImportError as error:
        write({"unavailable": f"{error.name} is not installed"})
        return
    write(facts)
    for line in lines:
        try:
            message = answer(json.loads(line))
        except Exception as error:  # whatever it is, the suite gets it
            message = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        write(message)


def serve_module(module: str) -> None:
    """Be the child that a module describes."""
    serve(import_module(module).load)


if __name__ == "__main__":
    script = Path(sys.argv[1])
    sys.path.insert(0, str(script.parent))
    serve_module(script.stem)

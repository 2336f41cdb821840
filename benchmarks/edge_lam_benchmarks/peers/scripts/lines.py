"""The process of a peer: the setup is the first line on stdin, each further one a task; each gets a line of JSON.

    python lines.py run_transformers

The module that is named, beside this file, loads the model and answers. Only Python's own modules are imported here:
some peers run in another environment than the suite.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def serve(load: Callable[[dict[str, Any]], tuple[dict[str, Any], Answer]]) -> None:
    """Answer until stdin ends.

    Args:
        load: takes the setup; returns facts about the peer, and what answers a task.
    """
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not stand between the answers
    lines = iter(sys.stdin)
    try:
        facts, answer = load(json.loads(next(lines)))
    except ImportError as error:
        print(json.dumps({"unavailable": f"{error.name} is not installed"}), file=out, flush=True)
        return
    print(json.dumps(facts), file=out, flush=True)
    for line in lines:
        try:
            said = answer(json.loads(line))
        except Exception as error:  # whatever it is, the suite is told
            said = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        print(json.dumps(said), file=out, flush=True)


if __name__ == "__main__":
    serve(import_module(sys.argv[1]).load)

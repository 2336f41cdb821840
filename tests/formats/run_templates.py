"""Renders each [template, seconds] of a JSON list on stdin in a fork of its own, and tells what came of it.

Prints one JSON list: per template the error (or "" where it was rendered), seconds, and by how many MB the fork grew.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

from edge_lam.errors import EdgeLamError
from edge_lam.formats.detect import detect
from edge_lam.formats.template import Template, rendering_within

MESSAGES = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", "tool_calls": []}]
MEGABYTE = 1024 if sys.platform == "linux" else 1 << 20  # ru_maxrss is in KB on Linux, in bytes elsewhere


def measure(source: str, seconds: float) -> tuple[str, float, float]:
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    error = ""
    try:
        with rendering_within(seconds):
            _ = detect({"tokenizer.chat_template": source}, name="generic").renders_tools  # as `edge-lam info` does
            Template(source).render(messages=MESSAGES, tools=None)
    except EdgeLamError as refused:
        error = str(refused)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return error, time.perf_counter() - start, grown / MEGABYTE


def in_a_fork(source: str, seconds: float) -> tuple[str, float, float]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        os.write(writing, json.dumps(measure(source, seconds)).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return tuple(json.loads(data)) if code == 0 else (f"died with {code}\n", 99.0, 0.0)


if __name__ == "__main__":
    Template("{{ messages|length }}").render(messages=MESSAGES)  # what is imported once is not what a template costs
    print(json.dumps([in_a_fork(source, seconds) for source, seconds in json.load(sys.stdin)]))

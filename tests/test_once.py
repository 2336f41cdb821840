"""A value that is computed once per process, also by threads that ask at the same moment."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from edge_lam._util.once import once

LOADS = """
import threading, edge_lam
barrier = threading.Barrier(4)
def load():
    barrier.wait()
    with edge_lam.load(log=False, prefix_cache=False, n_ctx=256, n_threads=1) as lam:
        assert lam.info.n_ctx == 256
threads = [threading.Thread(target=load) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("loaded")
"""


def test_one_thread_computes_while_the_others_wait() -> None:
    calls: list[str] = []
    barrier = threading.Barrier(8)

    @once
    def slow(name: str) -> object:
        calls.append(name)
        time.sleep(0.05)
        return object()

    def ask(_: int) -> object:
        barrier.wait()
        return slow("a")

    with ThreadPoolExecutor(8) as pool:
        values = list(pool.map(ask, range(8)))
    assert calls == ["a"]
    assert len({id(value) for value in values}) == 1
    assert slow("b") is not values[0]


def test_an_error_is_not_kept() -> None:
    answers = iter([ValueError("not yet"), 3])

    @once
    def value() -> int:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    with pytest.raises(ValueError, match="not yet"):
        value()
    assert value() == 3


def test_threads_may_load_first_models_at_the_same_moment() -> None:
    for _ in range(3):
        run = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=False)
        assert (run.returncode, run.stdout.strip()) == (0, "loaded"), run.stderr

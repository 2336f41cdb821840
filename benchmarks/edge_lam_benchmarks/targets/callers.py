"""Eight callers at once against one: tokens of replies per second on one engine.

In go a model and answers that share their tools, out comes a `Sample` per number of callers. Knows nothing of peers.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from edge_lam import LAM, load
from edge_lam.decoding import ReplaySampler
from edge_lam.errors import EdgeLamError
from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.peers.base import PeerTask
from edge_lam_benchmarks.peers.tasks import WarmTask

CALLERS = (1, 8)
WAIT = 1800.0  # seconds


def measure_callers(
    model: str,
    tasks: Sequence[WarmTask],
    *,
    n_ctx: int,
    n_threads: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Sample]:
    """Let one caller, then eight at once, work through the same tasks.

    Args:
        model: a GGUF with random weights, whose replies are replayed.
        tasks: some for each of the eight.
        n_ctx: tokens of context of one caller.
        n_threads: threads that compute.
        on_progress: hears how much is done.

    Returns:
        For each number of callers "rate", tokens of replies per second from the first request to the last reply.

    Raises:
        EdgeLamError: this runtime serves one caller at a time, or a caller failed.
    """
    if "n_parallel" not in inspect.signature(load).parameters:
        raise EdgeLamError("this edge-lam runs one reply at a time: `load` has no n_parallel")
    samples = []
    for index, callers in enumerate(CALLERS):
        on_progress(index, len(CALLERS))
        options: dict[str, Any] = {"n_ctx": n_ctx, "n_threads": n_threads, "n_parallel": callers}
        with load(model, **options, log="off", prefix_cache=False) as lam:
            for opening in {pair.same_opening: pair for pair in tasks}.values():
                lam.prewarm(opening.task.tools, system=_system(opening.task)).result()
            samples.append(_run(lam, [pair.task for pair in tasks], callers))
    return samples


def _run(lam: LAM, tasks: Sequence[PeerTask], callers: int) -> Sample:
    """Let callers take the tasks, each the next one when it is done, and wait for all."""
    tokens, failures = list[int](), list[BaseException]()
    waiting = deque(tasks)

    def work() -> None:
        with suppress(IndexError):  # nothing is left
            while True:
                task = waiting.popleft()
                try:
                    options: Any = {"tools": task.tools, "tool_choice": "required", "max_tokens": task.max_tokens}
                    options["sampler"] = ReplaySampler(task.chosen)
                    tokens.append(lam.chat(task.messages, **options).report.tokens.generated)
                except BaseException as error:  # raised where it is waited for
                    failures.append(error)
                    return

    threads = [threading.Thread(target=work, daemon=True) for _ in range(callers)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    seconds = time.perf_counter() - start
    if failures:
        raise EdgeLamError(f"a caller failed: {failures[0]}")
    if any(thread.is_alive() for thread in threads):
        raise EdgeLamError(f"callers were not done in {WAIT:.0f} s")
    values = {"rate": sum(tokens) / seconds, "tokens": float(sum(tokens)), "time.total": seconds}
    return Sample(values, {"callers": callers})


def _system(task: PeerTask) -> str | None:
    first = task.messages[0]
    return first["content"] if first["role"] == "system" else None

"""One run: items through an engine into a result file, which is complete after each of them.

Knows nothing of terminals: what happens is passed to a callback.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

from edge_lam_benchmarks.engines import BenchEngine
from edge_lam_benchmarks.environment import system_load
from edge_lam_benchmarks.items import WorkItem
from edge_lam_benchmarks.plan import WARM_UP
from edge_lam_benchmarks.results import ItemResult, Results, utc_now

OnProgress = Callable[[ItemResult, int, int], None]


def run_items(
    results: Results,
    items: Sequence[WorkItem],
    engine: BenchEngine,
    on_progress: OnProgress,
    *,
    minutes: float | None = None,
    at_least: int = 1,
) -> None:
    """Measure what a result file lacks of some items, and complete it.

    Args:
        results: gets each result as it comes; a run that ends early can go on with it.
        items: all of the run, in order.
        engine: where.
        on_progress: hears each result, how many are there, and of how many.
        minutes: after which no more repeats are begun; None for no limit.
        at_least: repeats that are measured however long it takes.

    Raises:
        InvalidRequest: the result file can't be written.
    """
    missing = [item for item in results.missing(items) if item.repeat != WARM_UP]
    models = {item.model for item in missing}
    warm_up = [item for item in items if item.repeat == WARM_UP and item.model in models]
    done, total = 0, len(warm_up) + len(missing)
    if missing:
        results.settings.setdefault("load_before", []).append(system_load())
    end = math.inf if minutes is None else time.monotonic() + 60 * minutes
    in_time = (item for item in (*warm_up, *missing) if item.repeat < at_least or time.monotonic() < end)
    try:
        for result in engine.run(in_time):
            done += 1
            if result.item.repeat != WARM_UP:
                results.environments.update(engine.environments)
                results.add(result)
            on_progress(result, done, total)
    finally:
        engine.close()
    if all(item.id in results.items for item in missing):
        results.finished = utc_now()
        results.save()

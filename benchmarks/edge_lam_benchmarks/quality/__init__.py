"""The quality suite: is the call right? By the leaderboard, by episodes with stateful tools, and by tasks of your own.

In goes an item, out comes a sample for each request, with "correct" and, if it is wrong, the "reason" among its labels,
and the figures of its calls among its values. Knows nothing of files of results and tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.divergence import run_divergence
from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.quality.bfcl import bfcl_items, run_bfcl
from edge_lam_benchmarks.quality.episodes import episode_items, run_episodes
from edge_lam_benchmarks.quality.tasks import read_tasks, run_tasks, task_items
from edge_lam_converters.quality.comparison import BUILT_IN

__all__ = ["BUILT_IN", "SCENARIOS", "quality_items", "run_quality"]

SCENARIOS = {"bfcl": run_bfcl, "divergence": run_divergence, "episodes": run_episodes, "tasks": run_tasks}


def run_quality(item: WorkItem) -> list[Sample]:
    """Measure one part of the quality suite.

    Raises:
        InvalidRequest: there is no such scenario, or what it needs is missing.
        EdgeLamError: the model or the backend failed.
    """
    scenario = SCENARIOS.get(item.scenario)
    if scenario is None:
        raise InvalidRequest(
            f"unknown scenario {item.scenario!r}", hint=f"one of {', '.join(SCENARIOS)}", param="scenario"
        )
    return scenario(item)


def quality_items(
    model: str,
    quant: str = "",
    *,
    tasks: Sequence[Path] = (BUILT_IN,),
    episodes: bool = True,
    categories: Sequence[str] = (),
    limit: int | None = None,
    **options: Any,
) -> list[WorkItem]:
    """Return the items that judge a model.

    Args:
        model: a GGUF file or a name on the hub; "" for the embedded model.
        quant: name of its quantization, for tables.
        tasks: files of tasks; wrong lines of them are left out here, `read_tasks` tells them.
        episodes: whether the episodes are played.
        categories: of the leaderboard; needs bfcl-eval.
        limit: at most so many tasks of a file and entries of a category; None for all.
        **options: of the items, such as "n_ctx".

    Raises:
        InvalidRequest: a file of tasks can't be read, an unknown category, or bfcl-eval is not installed.
    """
    items: list[WorkItem] = []
    for path in tasks:
        count = len(read_tasks(path).tasks)
        items += task_items(model, quant, path, count if limit is None else min(limit, count), **options)
    if episodes:
        items += episode_items(model, quant, **options)
    return items + bfcl_items(model, quant, categories, limit=limit, **options)

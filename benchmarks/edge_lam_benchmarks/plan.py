"""What a run measures, and in which order.

In go models, suites and repeats, out come items. Each round measures everything once, in an order of its own, so that a
machine that grows warm or busy is no worse for one scenario or model than for another.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.items import SUITES, WorkItem, named
from edge_lam_benchmarks.models import BenchModel, describe
from edge_lam_benchmarks.statistics import USUAL_TOOLS

WARM_UP = -1  # the repeat of items whose samples are thrown away
TOOL_COUNTS = (1, 5, 20)
CALLERS = (1, 2, 4, 8)


def plan(
    models: Sequence[BenchModel],
    suites: Sequence[str],
    options: Mapping[str, Any],
    *,
    repeats: int,
    seed: int,
    scenarios: Sequence[str] = (),
    extra: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[WorkItem]:
    """Return all items of a run, in the order of measuring.

    Args:
        models: what to measure.
        suites: keys of `SUITES`.
        options: what all items share, such as n_threads.
        repeats: of the suites that are repeated.
        seed: of the order.
        scenarios: which of them; none for all.
        extra: of a suite, what else; see its planner.

    Raises:
        InvalidRequest: no suite has such a scenario.
    """
    order = random.Random(seed)
    shared = {name: value for name, value in options.items() if value is not None}
    planned: list[WorkItem] = []
    for suite in suites:
        planned += named(SUITES[suite].planner)(models, shared, (extra or {}).get(suite, {}))
    known = list(dict.fromkeys(item.scenario for item in planned))
    for name in scenarios:
        if name not in known:
            raise InvalidRequest(f"there is no scenario {name!r}", hint=f"one of {', '.join(known)}", param="scenario")
    wanted = [item for item in planned if not scenarios or item.scenario in scenarios]
    once = [item for item in wanted if not SUITES[item.suite].repeated]
    repeated = [item for item in wanted if SUITES[item.suite].repeated]
    rounds = []
    for repeat in range(repeats if repeated else 0):
        rounds += _shuffled([replace(item, repeat=repeat) for item in repeated], order)
    return [*_warm_up([*repeated, *once]), *rounds, *once]


def _shuffled(items: list[WorkItem], order: random.Random) -> list[WorkItem]:
    """Return the items of one round: models in random order, and so the items of each, so that it is loaded once."""
    models = list(dict.fromkeys(item.model for item in items))
    order.shuffle(models)
    mixed = []
    for model in models:
        own = [item for item in items if item.model == model]
        order.shuffle(own)
        mixed += own
    return mixed


def _warm_up(items: Sequence[WorkItem]) -> list[WorkItem]:
    """Return one item per model that is run before all others, so that none is the first to read a file."""
    first: dict[str, WorkItem] = {}
    for item in items:
        if SUITES[item.suite].repeated:
            first.setdefault(item.model, replace(item, repeat=WARM_UP))
    return list(first.values())


def latency_items(models: Sequence[BenchModel], options: Mapping[str, Any], extra: Mapping[str, Any]) -> list[WorkItem]:
    """Return the items of the latency suite: scenarios by tools and callers, and one of them twice to see the noise.

    Args:
        models: what to measure.
        options: what all items share.
        extra: "tools": with how many of them; none for `TOOL_COUNTS`.
    """
    usual = {"tools": USUAL_TOOLS}
    counts = extra.get("tools") or TOOL_COUNTS
    wanted: list[tuple[str, dict[str, Any]]] = [
        *((name, {"tools": count}) for name in ("warm", "cold", "restored") for count in counts),
        ("warm", usual | {"twin": True}),
        *((name, usual) for name in ("multi-turn", "several calls", "text", "streaming")),
        *(("callers", usual | {"callers": callers}) for callers in CALLERS),
    ]
    return [
        WorkItem("latency", model.path, name, model.quant, {**options, **own})
        for model in models
        for name, own in wanted
    ]


def memory_items(models: Sequence[BenchModel], options: Mapping[str, Any], _: Mapping[str, Any]) -> list[WorkItem]:
    """Return the items of the memory suite: one process per model, stage by stage."""
    return [WorkItem("memory", model.path, "stages", model.quant, options) for model in models]


def quality_items(models: Sequence[BenchModel], options: Mapping[str, Any], extra: Mapping[str, Any]) -> list[WorkItem]:
    """Return the items of the quality suite.

    Args:
        models: what to judge; of several quantizations of a model, the one with most bits is the others' reference.
        options: what all items share.
        extra: "tasks" (files; none for the demo's requests), "episodes", "categories" of the leaderboard, "limit".
    """
    from edge_lam_benchmarks.divergence import divergence_items
    from edge_lam_benchmarks.quality import BUILT_IN
    from edge_lam_benchmarks.quality import quality_items as judged_items

    tasks = [Path(file) for file in extra.get("tasks", ())] or [BUILT_IN]
    items = []
    judged = [model for model in models if not describe(model.path)["weights"]]  # random weights are never right
    for model in judged:
        items += judged_items(
            model.path,
            model.quant,
            tasks=tasks,
            episodes=extra.get("episodes", False),
            categories=extra.get("categories", ()),
            limit=extra.get("limit"),
            **options,
        )
    return items + divergence_items(judged, options)

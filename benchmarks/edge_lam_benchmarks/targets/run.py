"""Measures what `rows.py` shows of a result file, one item after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from edge_lam.errors import EdgeLamError
from edge_lam_benchmarks.answers import Answer, answers, grouped
from edge_lam_benchmarks.environment import environment, environment_key
from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.peers.base import PeerUnavailable
from edge_lam_benchmarks.peers.tasks import N_CTX, tasks_of
from edge_lam_benchmarks.results import ItemResult, utc_now
from edge_lam_benchmarks.targets import plan as planned
from edge_lam_benchmarks.targets.callers import measure_callers
from edge_lam_benchmarks.targets.costs import measure_costs
from edge_lam_benchmarks.targets.loops import measure_loops
from edge_lam_benchmarks.targets.masks import measure_masks
from edge_lam_benchmarks.targets.plan import TargetPlan
from edge_lam_benchmarks.targets.restart import measure_restart
from edge_lam_benchmarks.targets.warm import measure_warm, samples_of

STARTS = 3  # of processes with a prefix on disk
CALLS = 24  # that eight callers make together, with the same tools as far as there are so many

OnProgress = Callable[[str, int, int, str], None]
"""Hears a stage ("run" or "measure"), how much of it is done, of how much, and at what."""
Result = tuple[list[Sample], str]
"""Samples, and a word on what is not among them."""


class TargetMeasurer:
    """Measures the items of a plan in this process, which starts the others that it needs; see `BenchEngine`.

    Attributes:
        source: of the answers, in words.
    """

    def __init__(self, plan: TargetPlan, on_progress: OnProgress) -> None:
        """Read the answers.

        Raises:
            InvalidRequest: they can't be read.
        """
        self._plan, self._on_progress = plan, on_progress
        self.source, self._every = answers(folder=plan.leaderboard)
        _, self._drawn = answers(plan.count, folder=plan.leaderboard, seed=plan.seed)
        self.environments: dict[str, dict[str, Any]] = {}

    def run(self, items: Iterable[WorkItem]) -> Iterator[ItemResult]:
        """Yield the result of each item once it is there; what fails or is missing here is reported with its reason."""
        facts = environment()
        where = environment_key(facts)
        self.environments[where] = facts
        for item in items:
            started, begun = utc_now(), time.perf_counter()
            samples, status, reason = self._try(item)
            yield ItemResult(item, status, samples, reason, where, started, time.perf_counter() - begun)

    def close(self) -> None:
        """Do nothing: every measure ends what it started."""

    def _try(self, item: WorkItem) -> tuple[list[Sample], str, str]:
        try:
            samples, reason = self._measure(item)
        except PeerUnavailable as error:
            return [], "skipped", error.message
        except EdgeLamError as error:
            return [], "failed", error.message
        return samples, "done", reason

    def _measure(self, item: WorkItem) -> Result:
        measures = {
            planned.COSTS: self._costs,
            planned.LOOPS: self._loops,
            planned.WARM: self._warm,
            planned.MASKS: self._masks,
            planned.RESTART: self._restart,
            planned.CALLERS: self._callers,
        }
        return measures[item.scenario](item)

    def _progress_of(self, item: WorkItem) -> Callable[[int, int], None]:
        return lambda done, total: self._on_progress("measure", done, total, f"{item.scenario} {item.quant}")

    def _shared(self, item: WorkItem) -> dict[str, Any]:
        return {"n_threads": self._plan.n_threads, "on_progress": self._progress_of(item)}

    def _costs(self, item: WorkItem) -> Result:
        return measure_costs(item.model, seed=self._plan.seed + item.repeat, **self._shared(item)), ""

    def _loops(self, item: WorkItem) -> Result:
        drawn = self._drawn[self._plan.part(item.repeat, item.scenario)]
        return measure_loops(
            item.model, drawn, n_ctx=N_CTX, seed=self._plan.seed + item.repeat, **self._shared(item)
        ), ""

    def _warm(self, item: WorkItem) -> Result:
        plan = self._plan
        comparison = measure_warm(
            item.model,
            grouped(self._every, plan.count, seed=plan.seed)[plan.part(item.repeat, item.scenario)],
            peers=[*planned.PEERS, *(planned.SLOW_PEERS if item.repeat == 0 else ())],
            n_ctx=N_CTX,
            n_threads=plan.n_threads,
            paths=dict(plan.paths),
            seed=plan.seed + item.repeat,
            on_progress=lambda stage, done, total, peer: self._on_progress(
                "measure", done, total, f"{item.quant} {stage} {peer}"
            ),
        )
        absent = "; ".join(f"{name}: {reason}" for name, reason in comparison.absent.items())
        return samples_of(comparison), absent

    def _masks(self, item: WorkItem) -> Result:
        return measure_masks(item.model, seed=self._plan.seed, on_progress=self._progress_of(item)), ""

    def _restart(self, item: WorkItem) -> Result:
        drawn = {answer.id for answer in self._drawn}  # and all others behind them: enough tools for a large set
        ordered: list[Answer] = [*self._drawn, *(answer for answer in self._every if answer.id not in drawn)]
        server = self._plan.paths.get("llama-server")
        return measure_restart(item.model, ordered, repeats=STARTS, llama_server=server, **self._shared(item)), ""

    def _callers(self, item: WorkItem) -> Result:
        asked = grouped(self._every, CALLS, per_group=CALLS, seed=self._plan.seed)
        tasks, _ = tasks_of(item.model, asked, n_ctx=N_CTX)
        return measure_callers(item.model, tasks, n_ctx=N_CTX, **self._shared(item)), ""

"""Measures what `rows.py` shows: one item after the other into a result file, which is whole after each.

In go a result file and items, out comes the file. What fails or is missing here is noted with its reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_benchmarks.answers import Answer, answers, grouped
from edge_lam_benchmarks.environment import environment, environment_key, system_load
from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.peers.base import PeerUnavailable
from edge_lam_benchmarks.peers.tasks import N_CTX, tasks_of
from edge_lam_benchmarks.results import ItemResult, Results, utc_now
from edge_lam_benchmarks.targets import rows
from edge_lam_benchmarks.targets.callers import measure_callers
from edge_lam_benchmarks.targets.loops import measure_loops
from edge_lam_benchmarks.targets.masks import measure_masks
from edge_lam_benchmarks.targets.restart import measure_restart
from edge_lam_benchmarks.targets.warm import measure_warm, samples_of

PEERS = ("edge-lam", "llama-server", "llama-cpp-python")
SCENARIOS = (rows.LOOPS, rows.WARM, rows.RESTART, rows.MASKS, rows.CALLERS)
STARTS = 3  # of processes with a prefix on disk
CALLS = 24  # that eight callers make together, with the same tools as far as there are so many

Tell = Callable[[str, int, int, str], None]


@dataclass(frozen=True)
class Plan:
    """What is measured, and with what.

    Attributes:
        models: GGUFs.
        scenarios: from `SCENARIOS`.
        count: answers that are replayed.
        n_threads: threads that compute.
        seed: of the draw of answers, and of the order of turns.
        leaderboard: the folder "data" of bfcl-eval; None for that of the installed one.
        paths: of programs, as `peers.Setup` has them.
    """

    models: Sequence[Path]
    scenarios: Sequence[str]
    count: int
    n_threads: int
    seed: int = 0
    leaderboard: Path | None = None
    paths: Mapping[str, str] = field(default_factory=dict)

    def to_settings(self) -> dict[str, Any]:
        """Return plain JSON types, for the settings of a result file."""
        return {
            "models": [str(model) for model in self.models],
            "scenarios": list(self.scenarios),
            "answers": self.count,
            "n_threads": self.n_threads,
            "seed": self.seed,
            "leaderboard": str(self.leaderboard) if self.leaderboard else None,
            "paths": dict(self.paths),
            "repeats": self.count,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Plan:
        """Read what `to_settings` returned.

        Raises:
            InvalidRequest: they are those of another command.
        """
        try:
            folder = settings["leaderboard"]
            return cls(
                models=[Path(model) for model in settings["models"]],
                scenarios=settings["scenarios"],
                count=settings["answers"],
                n_threads=settings["n_threads"],
                seed=settings["seed"],
                leaderboard=Path(folder) if folder else None,
                paths=settings["paths"],
            )
        except (KeyError, TypeError) as error:
            raise InvalidRequest("this is no result file of `edge-lam bench targets`", param="resume") from error

    def items(self) -> list[WorkItem]:
        """Return the items, those that need no model of their own once."""
        found = []
        options = {"answers": self.count, "n_threads": self.n_threads, "seed": self.seed}
        for scenario in self.scenarios:
            models = self.models if scenario in (rows.LOOPS, rows.WARM) else self.models[:1]
            for model in models:
                quant = GGUFHeader.read(model).file_type
                found.append(rows.item(scenario, str(model), quant, **options))
        return found


class Measurer:
    """Measures the items of a plan."""

    def __init__(self, plan: Plan, tell: Tell) -> None:
        """Read the answers.

        Raises:
            InvalidRequest: they can't be read.
        """
        self._plan, self._tell = plan, tell
        self.source, self._every = answers(folder=plan.leaderboard)
        _, self._drawn = answers(plan.count, folder=plan.leaderboard, seed=plan.seed)

    def run(self, results: Results) -> None:
        """Measure what a result file lacks.

        Raises:
            InvalidRequest: the result file can't be written.
        """
        facts = environment()
        where = environment_key(facts)
        results.environments[where] = facts
        results.settings["source"] = self.source
        for item in results.missing(self._plan.items()):
            results.settings.setdefault("load_before", []).append(system_load())
            started, begun = utc_now(), time.perf_counter()
            samples, status, reason = self._try(item)
            results.add(ItemResult(item, status, samples, reason, where, started, time.perf_counter() - begun))
        results.finished = utc_now()
        results.save()

    def _try(self, item: WorkItem) -> tuple[list[Sample], str, str]:
        try:
            samples, reason = self._measure(item)
        except PeerUnavailable as error:
            return [], "skipped", error.message
        except EdgeLamError as error:
            return [], "failed", error.message
        return samples, "done", reason

    def _measure(self, item: WorkItem) -> tuple[list[Sample], str]:
        """Return samples, and a word on what is not among them."""
        plan, model = self._plan, item.model

        def tell(done: int, total: int) -> None:
            self._tell("measure", done, total, f"{item.scenario} {item.quant}")

        if item.scenario == rows.LOOPS:
            options = {"n_ctx": N_CTX, "n_threads": plan.n_threads, "seed": plan.seed}
            return measure_loops(model, self._drawn, **options, tell=tell), ""
        if item.scenario == rows.MASKS:
            return measure_masks(model, seed=plan.seed, tell=tell), ""
        if item.scenario == rows.RESTART:
            server = plan.paths.get("llama-server")
            options = {"n_threads": plan.n_threads, "repeats": STARTS}
            return measure_restart(model, self._drawn_more(), **options, llama_server=server, tell=tell), ""
        if item.scenario == rows.CALLERS:
            asked = grouped(self._every, CALLS, per_group=CALLS, seed=plan.seed)
            tasks, _ = tasks_of(model, asked, n_ctx=N_CTX)
            return measure_callers(model, tasks, n_ctx=N_CTX, n_threads=plan.n_threads, tell=tell), ""
        comparison = measure_warm(
            model,
            grouped(self._every, plan.count, seed=plan.seed),
            peers=PEERS,
            n_ctx=N_CTX,
            n_threads=plan.n_threads,
            paths=dict(plan.paths),
            seed=plan.seed,
            tell=lambda stage, done, total, peer: self._tell("measure", done, total, f"{item.quant} {stage} {peer}"),
        )
        absent = "; ".join(f"{name}: {reason}" for name, reason in comparison.absent.items())
        return samples_of(comparison), absent

    def _drawn_more(self) -> list[Answer]:
        """Return the drawn answers and all others behind them: enough tools for a large set."""
        drawn = {answer.id for answer in self._drawn}
        return [*self._drawn, *(answer for answer in self._every if answer.id not in drawn)]

"""How fast a loop could be at best: its passes alone, at what passes of that size cost in the same run.

In go results, out come ratios, and the table of what passes cost. Nothing else counts: no mask, no wrong draft, and
every pass reads as many tokens as the others. Where a bar is above that, no loop with these passes reaches it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.report.table import NOTHING, Table
from edge_lam_benchmarks.results import Results
from edge_lam_benchmarks.targets.costs import SIZES, cost_of
from edge_lam_benchmarks.targets.plan import COSTS, LOOPS, SUITE


class TargetLimits:
    """What passes of one model cost, and what follows from it.

    Args:
        results: of the run.
        model: as its items name it.
    """

    def __init__(self, results: Results, model: str) -> None:
        found = [result for result in results.done(SUITE) if result.item.model == model]
        costs = [sample for result in found if result.item.scenario == COSTS for sample in result.samples]
        self.n_turns = len(costs)
        self.passes = {
            size: statistics.median(sample.values[f"pass.{size}"] for sample in costs) for size in SIZES if costs
        }
        self._loops = [sample for result in found if result.item.scenario == LOOPS for sample in result.samples]

    def loop(self, samples: Iterable[Sample], way: str) -> float | None:
        """Return how many times faster than token by token a way of the loop could be with as many passes."""
        answers = [(sample.values["passes.plain"], sample.values[f"passes.{way}"]) for sample in samples]
        if not self.passes or not answers:
            return None
        plain = sum(n_tokens for n_tokens, _ in answers) * self.passes[1]
        return plain / sum(self._decode(n_tokens, n_passes) for n_tokens, n_passes in answers)

    def call(self, theirs: Sequence[float], ours: Sequence[Sample]) -> float | None:
        """Return how many times faster than a peer's seconds our calls could be with as many passes.

        Args:
            theirs: seconds of the peer.
            ours: of the same answers, with "tokens.prompt", "tokens.cached", "tokens.generated" and "passes".
        """
        if not self.passes or not all("passes" in sample.values for sample in ours):
            return None
        least = 0.0
        for values in (sample.values for sample in ours):
            least += cost_of(self.passes, max(1.0, values["tokens.prompt"] - values["tokens.cached"]))
            least += self._decode(values["tokens.generated"], values["passes"] - 1)
        return sum(theirs) / least if least else None

    def callers(self, n: int) -> float | None:
        """Return how many times the tokens per second of one caller so many could get, all in each pass."""
        n_passes = sum(sample.values["passes.drafts"] for sample in self._loops)
        if not self.passes or not n_passes:
            return None
        size = sum(sample.values["passes.plain"] for sample in self._loops) / n_passes
        return n * cost_of(self.passes, size) / cost_of(self.passes, n * size)

    def first_token(self, cold: float, load: float, unread: float) -> float | None:
        """Return how many times sooner than a cold start a first token could come.

        Args:
            cold: seconds of the cold start.
            load: seconds in which llama.cpp has the model.
            unread: tokens of the prompt that are not in the prefix.
        """
        return cold / (load + cost_of(self.passes, max(1.0, unread))) if self.passes and load else None

    def _decode(self, n_tokens: float, n_passes: float) -> float:
        """Return the seconds of passes that read so many tokens between them."""
        return n_passes * cost_of(self.passes, max(1.0, n_tokens / n_passes)) if n_passes > 0 else 0.0


def cost_table(results: Results) -> list[Table]:
    """Return what passes cost, a row per model; no table where it was not measured."""
    table = Table("What passes cost", ["quant", *(f"{size}" for size in SIZES), "ms of 1", "n"], key=True)
    models = {result.item.model: result.item.quant for result in results.done(SUITE) if result.item.scenario == COSTS}
    for model, quant in models.items():
        limits = TargetLimits(results, model)
        if limits.passes:
            one = limits.passes[1]
            cells = [f"{seconds / one:.2f}" for seconds in limits.passes.values()]
            table.rows.append([quant or NOTHING, *cells, f"{1e3 * one:.1f}", str(limits.n_turns)])
    table.notes.append(
        "Passes by their number of tokens, as multiples of a pass of one, behind 800 others; medians, measured between "
        "the rounds. At best: a call's passes alone at these costs, each of the call's mean size, without wrong drafts "
        "and whatever else takes time; an estimate, which passes of unlike sizes can beat."
    )
    return [table] if table.rows else []

"""Two runs side by side: which measures became slower or larger, and whether noise explains it.

In go two result files, out comes a `RunComparison`. A measure is slower if its median grew by more than the limit, and
the 95 % interval of the ratio of the medians (bootstrap) lies above 1, so that noise alone does not fail a build.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.report.latency import COLD
from edge_lam_benchmarks.report.table import label_of, scenario_label
from edge_lam_benchmarks.results import Results
from edge_lam_benchmarks.statistics import Group, Noise, groups, noise, ratio_interval

FIGURES = {"latency": "time.total", "memory": "memory.resident"}
FEWEST = 3  # values on each side, below which an interval means nothing


@dataclass(frozen=True)
class Change:
    """One measure of both runs.

    Attributes:
        suite, scenario, model, tools: what was measured.
        figure: name of the value, in seconds or bytes.
        before, after: medians.
        n_before, n_after: how many values they are of.
        ratio: after / before.
        low, high: 95 % interval of the ratio; None with too few values.
        slower: whether it is above the limit, and the interval above 1. Only times count.
    """

    suite: str
    scenario: str
    model: str
    tools: int | None
    figure: str
    before: float
    after: float
    n_before: int
    n_after: int
    ratio: float
    low: float | None
    high: float | None
    slower: bool


@dataclass(frozen=True)
class RunComparison:
    """Two runs.

    Attributes:
        before, after: the files.
        limit: by which share a median may grow; None for any.
        noise: of both runs: the larger.
        changes: every measure that both have.
        remarks: what else differs between the runs, a line each.
    """

    before: str
    after: str
    limit: float | None
    noise: Noise | None
    changes: tuple[Change, ...]
    remarks: tuple[str, ...]

    @property
    def slower(self) -> list[Change]:
        """What became slower by more than the limit."""
        return [change for change in self.changes if change.slower]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self) | {"slower": len(self.slower)}


def compare(before: Results, after: Results, *, limit: float | None = None) -> RunComparison:
    """Compare what two runs both measured; models are the same if name and quantization are.

    Args:
        before: the run that the other is held against.
        after: the other.
        limit: by which share a median may grow, such as 0.1.

    Raises:
        InvalidRequest: they have nothing in common.
    """
    changes = tuple(_changes(before, after, limit))
    if not changes:
        raise InvalidRequest(
            f"{before.path} and {after.path} have no measure in common",
            hint="measure the same models, with the same threads and options",
            param="compare",
        )
    heard = [found for found in (noise(before), noise(after)) if found]
    loudest = max(heard, key=lambda found: found.share, default=None)
    remarks = tuple(_remarks(before, after))
    return RunComparison(str(before.path), str(after.path), limit, loudest, changes, remarks)


def _changes(before: Results, after: Results, limit: float | None) -> Iterator[Change]:
    for suite, figure in FIGURES.items():
        old = {_key(group, before): group for group in groups(before, suite)}
        for group in groups(after, suite):
            other = old.get(_key(group, after))
            name = "time.process" if group.item.scenario in COLD else figure
            if other is None or not group.values(name) or not other.values(name):
                continue
            yield _change(group, after, name, other.values(name), limit)


def _key(group: Group, results: Results) -> str:
    facts = results.models.get(group.item.model, {})
    options = {name: value for name, value in group.item.options.items() if name != "seed"}
    name = [facts.get("name"), facts.get("quant", group.item.quant)]
    return json.dumps([group.item.suite, group.item.scenario, name, options, group.part], sort_keys=True)


def _change(group: Group, results: Results, name: str, old: list[float], limit: float | None) -> Change:
    new = group.values(name)
    ratio = median(new) / median(old) if median(old) else 1.0
    enough = min(len(old), len(new)) >= FEWEST and min(old) > 0
    low, high = ratio_interval(new, old) if enough else (None, None)
    surely = low is None or low > 1
    return Change(
        suite=group.item.suite,
        scenario=scenario_label(group.item, group.part),
        model=label_of(group.item, results),
        tools=group.item.options.get("tools"),
        figure=name,
        before=median(old),
        after=median(new),
        n_before=len(old),
        n_after=len(new),
        ratio=ratio,
        low=low,
        high=high,
        slower=name.startswith("time.") and limit is not None and ratio > 1 + limit and surely,
    )


def _remarks(before: Results, after: Results) -> Iterator[str]:
    """Say what else differs, since then it is not the code alone that is compared."""
    facts: dict[str, Callable[[dict[str, Any]], Any]] = {
        "processor": lambda place: place["processor"]["model"],
        "governor": lambda place: place["processor"]["governor"],
        "llama.cpp": lambda place: place["build"]["llama_cpp"],
        "backend": lambda place: place["build"]["backend"],
    }
    for name, read in facts.items():
        old, new = ({str(read(place)) for place in run.environments.values()} for run in (before, after))
        if old != new:
            yield f"another {name}: {', '.join(sorted(old))}, then {', '.join(sorted(new))}"

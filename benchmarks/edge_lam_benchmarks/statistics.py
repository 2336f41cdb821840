"""From samples to figures: medians with their spread, noise, and the rows of the headline table.

In go result files' contents, out come plain facts. Knows nothing of how a table looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.results import ItemResult, Results

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 2000
TWIN = "twin"  # the option that marks the second of two measures of the same
READING_ORDER = ("cold", "restored", "warm", "several calls", "text", "streaming", "multi-turn", "callers")
CONVERSATIONS = ("episodes", "multi_turn")
USUAL_TOOLS = 5
USUAL = "warm"  # the scenario that stands for a call where no quality was measured


@dataclass(frozen=True)
class Spread:
    """How values are spread; quantiles between two values are interpolated."""

    n: int
    median: float
    q1: float
    q3: float
    p95: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """Return the spread of values, None of none."""
        found = list(values)
        return cls(len(found), *map(float, np.quantile(found, (0.5, 0.25, 0.75, 0.95)))) if found else None


@dataclass(frozen=True)
class Group:
    """All samples of one item and part, over its repeats."""

    item: WorkItem
    part: str
    samples: list[Sample] = field(default_factory=list)

    def values(self, name: str) -> list[float]:
        """Return all values of a figure."""
        return [sample.values[name] for sample in self.samples if name in sample.values]

    def spread(self, name: str) -> Spread | None:
        """Return the spread of a figure, None where it was not reported."""
        return Spread.of(self.values(name))


def groups(results: Results, suite: str | None = None) -> list[Group]:
    """Return the groups of a suite, or of all, in the order of suite, scenario, options, part and model."""
    found: dict[tuple[str, str], Group] = {}
    for result in sorted(results.done(suite), key=lambda result: result.item.repeat):
        for sample in result.samples:
            key = result.item.group, sample.part
            found.setdefault(key, Group(result.item, sample.part)).samples.append(sample)
    parts, models = (list(dict.fromkeys(names)) for names in ((part for _, part in found), results.models))
    return sorted(found.values(), key=lambda group: _order(group, parts, models))


def _order(group: Group, parts: list[str], models: list[str]) -> tuple[Any, ...]:
    item = group.item
    known = READING_ORDER.index(item.scenario) if item.scenario in READING_ORDER else len(READING_ORDER)
    numbers = [item.options.get(name, 0) for name in ("tools", "callers")]
    model = models.index(item.model) if item.model in models else len(models)
    return item.suite, known, item.scenario, *numbers, item.options.get(TWIN, False), parts.index(group.part), model


@dataclass(frozen=True)
class Noise:
    """By how much two measures of the same differ: where results differ by less, that means nothing.

    Attributes:
        share: the largest difference of medians among models, as a share of the smaller.
        n: samples of each measure.
    """

    share: float
    n: int


def noise(results: Results, name: str = "time.total") -> Noise | None:
    """Compare what was measured twice, or return None where nothing was."""
    found = groups(results, "latency")
    pairs = []
    for twin in found:
        if not twin.item.options.get(TWIN):
            continue
        options = {key: value for key, value in twin.item.options.items() if key != TWIN}
        for first in found:
            same = first.item.model == twin.item.model and first.item.scenario == twin.item.scenario
            if same and dict(first.item.options) == options and first.part == twin.part:
                pairs.append((first.values(name), twin.values(name)))
    differences = [(_difference(one, other), min(len(one), len(other))) for one, other in pairs if one and other]
    return Noise(*max(differences)) if differences else None


def _difference(one: Sequence[float], other: Sequence[float]) -> float:
    low, high = sorted((median(one), median(other)))
    return high / low - 1 if low else 0.0


@dataclass(frozen=True)
class Headline:
    """One model in one row; None is what was not measured or not reported.

    Attributes:
        model: key of `Results.models`.
        name, quant: of the model.
        bits_per_weight: real, not what the name of the quantization says.
        size: bytes of the file.
        resident: bytes that the process held after a call with five tools.
        right, asked: requests that were answered correctly by one reply, and all such.
        time: seconds per call, the mean over all requests; without quality, the median of warm calls.
        time_correct: seconds per correct call: all time spent, through the number of correct answers.
        energy: joules per call.
    """

    model: str
    name: str
    quant: str
    bits_per_weight: float | None
    size: float | None
    resident: float | None
    right: int
    asked: int
    time: float | None
    time_correct: float | None
    energy: float | None

    @property
    def accuracy(self) -> float | None:
        """Share of requests that were answered correctly."""
        return self.right / self.asked if self.asked else None


def headlines(results: Results) -> list[Headline]:
    """Return a row for each model, in the order of the run."""
    return [_headline(results, model, facts) for model, facts in results.models.items()]


def _headline(results: Results, model: str, facts: dict[str, Any]) -> Headline:
    answered = [sample for result in results.done("quality") if result.item.model == model for sample in single(result)]
    right = sum(bool(sample.labels["correct"]) for sample in answered)
    warm = [group for group in groups(results, "latency") if group.item.model == model and _is_usual(group.item)]
    # Beside others on the same machine, times of quality items say little.
    one_by_one = answered if results.settings.get("engine") == "local" else []
    timed = one_by_one or [sample for group in warm for sample in group.samples]
    time = _center(timed, "time.total", exact=bool(one_by_one))
    return Headline(
        model=model,
        name=facts.get("name", model),
        quant=facts.get("quant", ""),
        bits_per_weight=facts.get("bits_per_weight"),
        size=facts.get("size"),
        resident=_resident(results, model),
        right=right,
        asked=len(answered),
        time=time,
        time_correct=time * len(answered) / right if time is not None and right else None,
        energy=_center(timed, "energy.joules", exact=True),
    )


def single(result: ItemResult) -> list[Sample]:
    """Return the judged requests that one reply answers; of a conversation, neither time nor answer is one call's."""
    return [
        sample
        for sample in result.samples
        if "correct" in sample.labels
        and result.item.scenario not in CONVERSATIONS
        and not str(sample.labels.get("category", "")).startswith(CONVERSATIONS)
    ]


def _is_usual(item: WorkItem) -> bool:
    return item.scenario == USUAL and item.options.get("tools") == USUAL_TOOLS and not item.options.get(TWIN)


def _center(samples: Sequence[Sample], name: str, *, exact: bool) -> float | None:
    """Return the mean or the median of a figure."""
    values = [sample.values[name] for sample in samples if name in sample.values]
    return (fmean(values) if exact else median(values)) if values else None


def _resident(results: Results, model: str) -> float | None:
    found = [
        group.spread("memory.resident")
        for group in groups(results, "memory")
        if group.item.model == model and group.part == "5 tools"
    ]
    return found[0].median if found and found[0] else None


def ratio_interval(ours: Sequence[float], theirs: Sequence[float], *, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of the ratio of two medians, by resampling both (bootstrap, percentiles).

    Args:
        ours: values, at least one.
        theirs: values above 0, at least one.
        seed: of the resampling.
    """
    from scipy.stats import bootstrap  # here: it takes most of a second, and few commands need it

    def ratio(one: NDArray[np.float64], other: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.median(one, axis) / np.median(other, axis)
        return found

    samples = [[*values] * 2 if len(values) == 1 else [*values] for values in (ours, theirs)]  # scipy wants two values
    found = bootstrap(samples, ratio, n_resamples=RESAMPLES, method="percentile", random_state=seed)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)

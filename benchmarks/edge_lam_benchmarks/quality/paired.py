"""Quantizations of one model on the same requests: how often each is right, and whether the difference is chance.

In go the samples of each quantization, out comes a row for each. Knows nothing of models, files and tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_lam_benchmarks.items import Sample
from edge_lam_converters.quality.agreement import mcnemar


@dataclass(frozen=True)
class Paired:
    """One quantization beside the reference, on the requests that both answered.

    Attributes:
        quant: its name.
        n_requests: how many.
        correct: how many it got right.
        agreement: share of requests to which it gave exactly the reference's answer, right or wrong.
        only_this: how many only it got right.
        only_reference: how many only the reference got right.
        p_value: two-sided, of the exact McNemar test: how likely so uneven a division is if both are equally good.
        seconds: mean time of a request; None if no request tells it.
        seconds_per_correct: time of all requests for each that was right; None if none was.
    """

    quant: str
    n_requests: int
    correct: int
    agreement: float
    only_this: int
    only_reference: int
    p_value: float
    seconds: float | None
    seconds_per_correct: float | None

    @property
    def accuracy(self) -> float:
        """Share of requests that it got right."""
        return self.correct / self.n_requests


def paired(samples: Mapping[str, Sequence[Sample]], reference: str) -> list[Paired]:
    """Compare quantizations with one of them.

    Args:
        samples: of each quantization, those of the quality suite; the label "task" says which request it was.
        reference: the quantization that the others are compared with, itself among them.

    Returns:
        A row for each, over the requests that all of them were given; none if there is no such request.
    """
    by_task = {quant: {_task(sample): sample for sample in found} for quant, found in samples.items()}
    common = sorted(set.intersection(*(set(found) for found in by_task.values()))) if by_task else []
    if not common:
        return []
    theirs = [by_task[reference][task] for task in common]
    return [_row(quant, [found[task] for task in common], theirs) for quant, found in by_task.items()]


def _task(sample: Sample) -> str:
    return f"{sample.labels.get('category', '')}/{sample.labels['task']}"


def _row(quant: str, ours: Sequence[Sample], theirs: Sequence[Sample]) -> Paired:
    both = [(one.labels, other.labels) for one, other in zip(ours, theirs, strict=True)]
    pairs = [(bool(one["correct"]), bool(other["correct"])) for one, other in both]
    same = sum(one["answer"] == other["answer"] for one, other in both)
    only_this, only_reference = pairs.count((True, False)), pairs.count((False, True))
    times = [sample.values["time.total"] for sample in ours if "time.total" in sample.values]
    correct = sum(right for right, _ in pairs)
    return Paired(
        quant=quant,
        n_requests=len(pairs),
        correct=correct,
        agreement=same / len(pairs),
        only_this=only_this,
        only_reference=only_reference,
        p_value=mcnemar(only_this, only_reference),
        seconds=sum(times) / len(times) if times else None,
        seconds_per_correct=sum(times) / correct if times and correct else None,
    )

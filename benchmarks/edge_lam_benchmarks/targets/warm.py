"""A warm call, end to end, beside the peers: same GGUF, same prompts, same number of tokens, taking turns.

In go a model and answers, out comes a `Sample` per call of each peer. Knows nothing of bars.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from edge_lam_benchmarks.answers import Answer
from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.peers import PEERS, Setup
from edge_lam_benchmarks.peers.comparison import PeerComparison, compare
from edge_lam_benchmarks.peers.tasks import tasks_of


def measure_warm(
    model: str,
    answers: Sequence[Answer],
    *,
    peers: Sequence[str],
    n_ctx: int,
    n_threads: int,
    paths: dict[str, str],
    seed: int = 0,
    on_progress: Callable[[str, int, int, str], None] = lambda stage, done, total, item: None,
) -> PeerComparison:
    """Put answers to peers in turn.

    Args:
        model: a GGUF.
        answers: those with the same tools one after the other.
        peers: names from `PEERS`.
        n_ctx: tokens of context.
        n_threads: threads that compute.
        paths: see `Setup`.
        seed: of the order of turns.
        on_progress: see `compare`.
    """
    tasks, _ = tasks_of(model, answers, n_ctx=n_ctx)
    setup = Setup(model, n_ctx, n_threads, replayed=True, paths=paths)
    return compare({name: PEERS[name] for name in peers}, setup, tasks, seed=seed, on_progress=on_progress)


def samples_of(comparison: PeerComparison) -> list[Sample]:
    """Return what was measured, a sample per call."""
    samples = []
    for entry in comparison.timed:
        outcome = entry.outcome
        counts = {"prompt": outcome.n_prompt, "cached": outcome.n_cached, "generated": outcome.n_generated}
        values = {"time.total": outcome.seconds}
        values |= {f"tokens.{name}": float(count) for name, count in counts.items() if count is not None}
        ours = {"time.in_passes": outcome.in_passes, "passes": outcome.n_passes}
        values |= {name: float(value) for name, value in ours.items() if value is not None}
        labels: dict[str, Any] = {"answer": entry.task, "returned": entry.returned, "right": entry.right}
        samples.append(Sample(values, {"peer": entry.peer, **labels}, part=entry.peer))
    return samples

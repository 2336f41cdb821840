"""Runs peers side by side: every task is put to each of them in turn, in a random order, with a warm cache.

In go peers and tasks, out comes a `PeerComparison`. A peer that does not start or dies is named, and the rest runs on.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from edge_lam.errors import EdgeLamError
from edge_lam.formats.examples import same_calls
from edge_lam.tools import ToolCall
from edge_lam_benchmarks.peers.base import Outcome, Peer, PeerRefused, PeerTask, PeerUnavailable, Setup
from edge_lam_benchmarks.peers.tasks import WarmTask

BASELINE = "edge-lam"


@dataclass(frozen=True)
class Timed:
    """What became of one task with one peer."""

    peer: str
    task: str
    outcome: Outcome
    expected: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def returned(self) -> bool:
        """Whether the peer gave any call at all."""
        return bool(self.outcome.calls)

    @property
    def right(self) -> bool:
        """Whether it gave the calls of the answer, in any order."""
        made, wanted = ([ToolCall("", *call) for call in calls] for calls in (self.outcome.calls, self.expected))
        return same_calls(made, wanted)


@dataclass
class PeerComparison:
    """What was measured.

    Attributes:
        setup: what all peers got alike.
        timed: in the order of measuring.
        facts: what each peer says of its version and build.
        absent: why a peer did not run, or did not run to the end.
    """

    setup: Setup
    timed: list[Timed] = field(default_factory=list)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)

    def of(self, peer: str) -> list[Timed]:
        """Return what one peer did."""
        return [entry for entry in self.timed if entry.peer == peer]

    def ratio(self, peer: str) -> float | None:
        """Return how many times longer than edge-lam a peer took over all tasks that both did; None without any."""
        ours = {entry.task: entry.outcome.seconds for entry in self.of(BASELINE)}
        both = [(entry.outcome.seconds, ours[entry.task]) for entry in self.of(peer) if entry.task in ours]
        return sum(theirs for theirs, _ in both) / sum(mine for _, mine in both) if both else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "setup": asdict(self.setup) | {"model": Path(self.setup.model).name, "paths": sorted(self.setup.paths)},
            "facts": self.facts,
            "absent": self.absent,
            "rows": [self.row(peer) for peer in self.facts],
            "calls": [
                {"peer": entry.peer, "task": entry.task, "returned": entry.returned, "right": entry.right}
                | asdict(entry.outcome)
                for entry in self.timed
            ],
        }

    def row(self, peer: str) -> dict[str, Any]:
        """Return the figures of one peer, for tables."""
        entries = self.of(peer)
        seconds = [entry.outcome.seconds for entry in entries]
        written = [entry.outcome.n_generated for entry in entries if entry.outcome.n_generated]
        low, _, high = _quartiles(seconds)
        return {
            "peer": peer,
            "tasks": len(entries),
            "seconds": statistics.fmean(seconds) if seconds else None,
            "seconds_quartiles": [low, high],
            "ratio": self.ratio(peer),
            "tokens": statistics.fmean(written) if written else None,
            "returned": sum(entry.returned for entry in entries),
            "right": sum(entry.right for entry in entries),
        }


def compare(
    peers: Mapping[str, type[Peer]],
    setup: Setup,
    tasks: Sequence[WarmTask],
    *,
    seed: int = 0,
    on_progress: Callable[[str, int, int, str], None] = lambda stage, done, total, item: None,
) -> PeerComparison:
    """Start peers, put tasks to them in turn, and stop them.

    Args:
        peers: by name.
        setup: what all get alike.
        tasks: those with the same tools one after the other, so that a cache is warmed once for them.
        seed: of the order in which the peers take their turns.
        on_progress: hears the stage "start" or "call", how much is done, of how much, and at which peer.
    """
    comparison, running = PeerComparison(setup), {}
    order, warm = random.Random(seed), dict[str, tuple[int, ...]]()
    try:
        for index, (name, kind) in enumerate(peers.items()):
            on_progress("start", index, len(peers), name)
            peer = kind(setup)
            running[name] = peer
            _guarded(comparison, running, name, peer.start)
        total = len(tasks) * len(running)
        for index, pair in enumerate(tasks):
            for name in order.sample(list(running), len(running)):
                on_progress("call", min(index * len(running), total), total, name)
                peer = running[name]
                if warm.get(name) != pair.same_opening:
                    if not _guarded(comparison, running, name, partial(_timed, peer, pair.opening)):
                        continue
                    warm[name] = pair.same_opening
                outcome = _guarded(comparison, running, name, partial(_timed, peer, pair.task))
                if isinstance(outcome, Outcome):
                    comparison.timed.append(Timed(name, pair.task.id, outcome, pair.task.calls))
        for name, peer in running.items():
            comparison.facts[name] = peer.describe()
    finally:
        for peer in running.values():
            peer.stop()
    return comparison


def _timed(peer: Peer, task: PeerTask) -> Outcome:
    """Put a task to a peer; an error instead of an answer took its time too."""
    start = time.perf_counter()
    try:
        return peer.call(task)
    except PeerRefused as error:
        return Outcome(time.perf_counter() - start, text=error.message)


def _guarded(comparison: PeerComparison, running: dict[str, Peer], name: str, action: Callable[[], Any]) -> Any:
    """Do something with a peer; if it can't, note why and leave it out from now on.

    Returns:
        What the action returned, True where that is nothing; False if it failed.
    """
    try:
        done = action()
    except EdgeLamError as error:
        word = "skipped" if isinstance(error, PeerUnavailable) else "failed"
        comparison.absent[name] = f"{word}: {error.message}"
        running.pop(name).stop()
        return False
    return True if done is None else done


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) < 2:
        one = values[0] if values else float("nan")
        return one, one, one
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high

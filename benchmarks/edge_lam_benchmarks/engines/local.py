"""The local engine: one item after the other on this machine, in a process that keeps the model between items.

A process that dies fails its item alone: it is tried once more in a new one, then reported as failed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from edge_lam_benchmarks.engines.worker import Worker, WorkerError
from edge_lam_benchmarks.environment import environment_key
from edge_lam_benchmarks.items import SUITES, WorkItem
from edge_lam_benchmarks.results import ItemResult, utc_now


class LocalEngine:
    """Runs items here; see `Engine`.

    Args:
        cool_down: seconds to wait before each item that takes times.
        cpus: processors that the process may use; None for all.

    Attributes:
        worker: the process that measured last, if it is there.
    """

    def __init__(self, *, cool_down: float = 0.0, cpus: Sequence[int] | None = None) -> None:
        self.environments: dict[str, dict[str, Any]] = {}
        self._cool_down = cool_down
        self._cpus = cpus
        self.worker: Worker | None = None
        self._where = ""

    def run(self, items: Iterable[WorkItem]) -> Iterator[ItemResult]:
        """Yield the result of each item once it is there, in their order."""
        for item in items:
            if self._cool_down and SUITES[item.suite].exclusive:
                time.sleep(self._cool_down)
            yield self._result(item)

    def _result(self, item: WorkItem) -> ItemResult:
        result = self._attempt(item)
        return self._attempt(item) if self.worker is None else result

    def _attempt(self, item: WorkItem) -> ItemResult:
        started = utc_now()
        try:
            return self._ready().run(item, where=self._where)
        except WorkerError as error:
            self.close()
            return ItemResult(item, "failed", reason=str(error), where=self._where, started=started)

    def _ready(self) -> Worker:
        if self.worker is None:
            self.worker = Worker(self._cpus)
            facts = self.worker.environment
            self._where = environment_key(facts)
            self.environments[self._where] = facts
        return self.worker

    def close(self) -> None:
        """End the process; a second call does nothing."""
        if self.worker is not None:
            self.worker.close()
        self.worker = None

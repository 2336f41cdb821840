"""`Worker`: a child process that measures items, one at a time. A new one first tells its environment."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterable
from typing import Any

from edge_lam.errors import EdgeLamError
from edge_lam_benchmarks.child import Child, ChildError, here
from edge_lam_benchmarks.items import Sample, WorkItem, run_item
from edge_lam_benchmarks.lines import Answer
from edge_lam_benchmarks.results import ItemResult, utc_now

START_TIMEOUT = 300.0  # seconds
TIMEOUT = 3600.0  # seconds that an item may take


class WorkerError(Exception):
    """The process of a worker ended in the middle of an item, or took too long."""


class Worker:
    """A process that measures.

    Args:
        cpus: processors that it may use, as the system numbers them; None for all.

    Attributes:
        child: the process.
        environment: where it measures.

    Raises:
        WorkerError: it does not start.
    """

    def __init__(self, cpus: Iterable[int] | None = None) -> None:
        setup = {"cpus": sorted(cpus) if cpus is not None else None}
        try:
            self.child = Child(here(__name__), setup, timeout=START_TIMEOUT)
        except ChildError as error:
            raise WorkerError(f"the process that measures {error}") from error
        self.environment: dict[str, Any] = self.child.facts["environment"]

    def run(self, item: WorkItem, *, where: str = "", timeout: float = TIMEOUT) -> ItemResult:
        """Measure an item.

        Args:
            item: what to measure.
            where: of the result.
            timeout: seconds.

        Returns:
            Its result; one with an error of the model or the backend is "failed".

        Raises:
            WorkerError: the process ended, or did not answer in time; it can't be used any more.
        """
        started, start = utc_now(), time.monotonic()
        try:
            answer = self.child.ask(item.to_dict(), timeout=timeout)
        except ChildError as error:
            raise WorkerError(f"the process that measured it {error}") from error
        samples = [Sample.from_dict(sample) for sample in answer["samples"]]
        status, reason = _status(samples, answer["error"])
        return ItemResult(item, status, samples, reason, where, started, time.monotonic() - start)

    def close(self) -> None:
        """End the process and its children; a second call does nothing."""
        self.child.close()


def _status(samples: list[Sample], error: str) -> tuple[str, str]:
    """Return status and reason of what a runner gave."""
    if error:
        return "failed", error
    skipped = [sample.labels["skipped"] for sample in samples if "skipped" in sample.labels]
    if skipped and not any(sample.values for sample in samples):
        return "skipped", str(skipped[0])
    return "done", ""


def load(setup: dict[str, Any]) -> tuple[dict[str, Any], Answer]:
    """Be the child; see `lines.serve`."""
    if setup["cpus"] is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, setup["cpus"])
    from edge_lam_benchmarks.environment import environment

    return {"environment": environment()}, _measured


def _measured(item: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"samples": [sample.to_dict() for sample in run_item(WorkItem.from_dict(item))], "error": ""}
    except EdgeLamError as error:
        return {"samples": [], "error": str(error)}
    except Exception as error:  # a fault in a runner must not end the run of all others
        traceback.print_exc()
        return {"samples": [], "error": f"{type(error).__name__}: {error}"}

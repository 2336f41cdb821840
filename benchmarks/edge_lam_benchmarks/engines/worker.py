"""`Worker`: a child process that measures items, one at a time. It may crash without taking the run along.

Items go in and samples come out as lines of JSON over pipes of their own, so that nothing a library prints disturbs
them. A new worker first tells its environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from typing import Any, BinaryIO

from edge_lam.errors import EdgeLamError
from edge_lam_benchmarks.items import Sample, WorkItem, run_item
from edge_lam_benchmarks.results import ItemResult, utc_now

START_TIMEOUT = 300.0  # seconds
TIMEOUT = 3600.0  # seconds that an item may take
# The child searches modules exactly where this process does.
_CHILD = "import sys; sys.path[:] = sys.argv[4:]; from edge_lam_benchmarks.engines.worker import main; main()"


class WorkerError(Exception):
    """The process of a worker ended in the middle of an item, or took too long."""


class Worker:
    """A process that measures.

    Args:
        cpus: processors that it may use, as the system numbers them; None for all.

    Attributes:
        environment: where it measures.
        process: what measures.

    Raises:
        WorkerError: it does not start.
    """

    def __init__(self, cpus: Iterable[int] | None = None) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        items, self._items = os.pipe()
        answers, told = os.pipe()
        self._answers = os.fdopen(answers, "rb")
        pins = json.dumps(sorted(cpus) if cpus is not None else None)
        command = [sys.executable, "-c", _CHILD, str(items), str(told), pins, *filter(None, sys.path)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            pass_fds=(items, told),
            start_new_session=True,  # Ctrl-C is for the parent, which ends the worker and its children
        )
        os.close(items)
        os.close(told)
        self.environment: dict[str, Any] = self._answer(START_TIMEOUT)["environment"]

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
            os.write(self._items, json.dumps(item.to_dict()).encode() + b"\n")
        except BrokenPipeError:
            raise self._died() from None
        answer = self._answer(timeout)
        samples = [Sample.from_dict(sample) for sample in answer["samples"]]
        status, reason = _status(samples, answer["error"])
        return ItemResult(item, status, samples, reason, where, started, time.monotonic() - start)

    def close(self) -> None:
        """End the process and its children; a second call does nothing."""
        if self._items < 0:
            return
        os.close(self._items)
        self._answers.close()
        self._errors.close()
        self._items = -1
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it ended meanwhile
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _answer(self, timeout: float) -> dict[str, Any]:
        ready, _, _ = select.select([self._answers], [], [], timeout)
        if not ready:
            raise WorkerError(f"took longer than {timeout:g} s")
        line = self._answers.readline()
        if not line:
            raise self._died()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _died(self) -> WorkerError:
        code = self.process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        how = f"died with {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return WorkerError(f"the process that measured it {how}" + (f": {lines[-1]}" if lines else ""))


def _status(samples: list[Sample], error: str) -> tuple[str, str]:
    """Return status and reason of what a runner gave."""
    if error:
        return "failed", error
    skipped = [sample.labels["skipped"] for sample in samples if "skipped" in sample.labels]
    if skipped and not any(sample.values for sample in samples):
        return "skipped", str(skipped[0])
    return "done", ""


def main() -> None:
    """Be the child: measure what comes in until nothing comes any more."""
    source, target = (int(number) for number in sys.argv[1:3])
    for number in (source, target):
        os.set_inheritable(number, False)  # children of ours that outlive us must not hold the pipes open
    cpus = json.loads(sys.argv[3])
    if cpus is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)
    from edge_lam_benchmarks.environment import environment

    with os.fdopen(source, "rb") as items, os.fdopen(target, "wb") as answers:
        _tell(answers, {"environment": environment()})
        for line in items:
            _tell(answers, _measured(WorkItem.from_dict(json.loads(line))))


def _measured(item: WorkItem) -> dict[str, Any]:
    try:
        return {"samples": [sample.to_dict() for sample in run_item(item)], "error": ""}
    except EdgeLamError as error:
        return {"samples": [], "error": str(error)}
    except Exception as error:  # a fault in a runner must not end the run of all others
        import traceback

        traceback.print_exc()
        return {"samples": [], "error": f"{type(error).__name__}: {error}"}


def _tell(answers: BinaryIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()

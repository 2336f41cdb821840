"""The memory suite: what a process holds as it starts, loads a model, reads tools and calls them.

In goes an item, out comes a sample per stage, and one whose series is the memory over time. Each item is a process of
its own: what an earlier model left behind would count otherwise.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from typing import Any

from edge_lam_benchmarks import material
from edge_lam_benchmarks.fresh import run_fresh
from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.measure import figures, load_options, loaded, open_model, with_answer
from edge_lam_benchmarks.scenarios import options_of

INTERVAL = 0.01  # seconds between two readings
POINTS = 400  # of a series that is kept


def run_memory(item: WorkItem) -> list[Sample]:
    """Measure the memory of a new process, stage by stage.

    Raises:
        EdgeLamError: the model or the backend failed.
    """
    loaded.close()
    plain: list[dict[str, Any]] = run_fresh(f"{__name__}:stages", {"item": item.to_dict()})
    return [Sample.from_dict(sample) for sample in plain]


def stages(item: dict[str, Any], started: float) -> list[dict[str, Any]]:
    """Be the process: go through all stages and read its memory after each.

    Args:
        item: what is measured.
        started: when the process was started, by `time.monotonic`.

    Returns:
        Samples; the last, of the part "all", has the series.
    """
    what = WorkItem.from_dict(item)
    with Watch(started) as watch:
        samples = [Sample(now(), part="imported")]
        watch.mark("imported")
        with open_model(load_options(what), proportional=True) as lam:
            samples.append(Sample(now(), part="loaded"))
            watch.mark("loaded")
            for count in (1, 5, material.MAX_TOOLS):
                options = options_of(what) | {"tools": material.tools(count)}
                report = lam.chat(material.REQUESTS[0], **with_answer(lam, material.REQUESTS[0], options)).report
                part = f"{count} tool{'s' if count > 1 else ''}"
                model = {name: value for name, value in figures(report).items() if name.startswith("memory.")}
                samples.append(Sample(model | now(), part=part))
                watch.mark(part)
        samples.append(Sample(now(), part="closed"))
    return [sample.to_dict() for sample in (*samples, watch.sample())]


def now() -> dict[str, float]:
    """Return what this process holds, in bytes; the share of pages that others use too only where it is reported."""
    from edge_lam.metrics import Meter

    found = asdict(Meter(proportional=True).memory())
    return {f"memory.{name}": float(value) for name, value in found.items() if value is not None}


class Watch:
    """Reads the memory of this process in the background, many times a second.

    Args:
        started: the moment of `time.monotonic` that counts as 0.
    """

    def __init__(self, started: float) -> None:
        self._started = started
        self._points: list[tuple[float, float]] = []
        self._marks: list[tuple[float, str]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def mark(self, name: str) -> None:
        """Note that a stage was reached."""
        self._marks.append((round(time.monotonic() - self._started, 4), name))

    def sample(self) -> Sample:
        """Return the readings, thinned out to what a plot can show; the highest of neighbours stays."""
        step = -(-len(self._points) // POINTS) or 1
        groups = [self._points[index : index + step] for index in range(0, len(self._points), step)]
        series = [max(group, key=lambda point: point[1]) for group in groups]
        return Sample({}, {"marks": self._marks}, "all", {"memory.resident": series})

    def _watch(self) -> None:
        import psutil

        process = psutil.Process()
        while not self._ended.is_set():
            self._points.append((round(time.monotonic() - self._started, 4), float(process.memory_info().rss)))
            self._ended.wait(INTERVAL)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

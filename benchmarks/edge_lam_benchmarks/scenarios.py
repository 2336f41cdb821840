"""The scenarios of latency: how a call comes about, from a cold start to eight callers at once.

In goes an item, out come its samples; each scenario is one function. Every call must call a tool (or must not, where
text is requested), so that models which answer differently are still timed doing the same. Knows nothing of files.
"""

from __future__ import annotations

import inspect
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks import material
from edge_lam_benchmarks.fresh import run_fresh
from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.measure import load_options, loaded, measure, open_model

CALLS = 4  # calls that one item of a scenario with a live model measures
MAX_TOKENS = 64
TEXT_TOKENS = 32


def run_latency(item: WorkItem) -> list[Sample]:
    """Measure one scenario of the latency suite once.

    Raises:
        InvalidRequest: there is no such scenario.
        EdgeLamError: the model or the backend failed.
    """
    scenario = SCENARIOS.get(item.scenario)
    if scenario is None:
        raise InvalidRequest(
            f"unknown scenario {item.scenario!r}", hint=f"one of {', '.join(SCENARIOS)}", param="scenario"
        )
    return scenario(item)


def options_of(item: WorkItem) -> dict[str, Any]:
    """Return the arguments of `LAM.chat` that all calls of an item share."""
    return {
        "tools": material.tools(item.options.get("tools", 5)),
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "max_tokens": MAX_TOKENS,
        "seed": item.options.get("seed", 0),
    }


def _warm(item: WorkItem) -> list[Sample]:
    """The tools were read before; each request is new."""
    lam, options = loaded.lam(item), options_of(item)
    measure(lam, material.REQUESTS[-1], **options)
    return [measure(lam, request, **options).sample for request in material.REQUESTS[:CALLS]]


def _conversation(item: WorkItem) -> list[Sample]:
    """Turns with tool results in between; each is a part of its own."""
    lam, options = loaded.lam(item), options_of(item)
    measure(lam, material.REQUESTS[-1], **options)
    messages: list[dict[str, Any]] = []
    samples = []
    for index, news in enumerate(material.conversation()):
        messages += news
        ends_in_text = index % 2 == 1
        choice = {"tool_choice": "none", "max_tokens": TEXT_TOKENS} if ends_in_text else {}
        samples.append(measure(lam, messages, part=f"turn {index + 1}", **options | choice).sample)
    return samples


def _several(item: WorkItem) -> list[Sample]:
    """One reply with several calls."""
    lam, options = loaded.lam(item), options_of(item) | {"parallel_tool_calls": True}
    measure(lam, material.REQUESTS[-1], **options)
    return [measure(lam, material.SEVERAL_CALLS, **options).sample for _ in range(2)]


def _text(item: WorkItem) -> list[Sample]:
    """An answer in text, although there are tools."""
    lam, options = loaded.lam(item), options_of(item) | {"tool_choice": "none", "max_tokens": TEXT_TOKENS}
    measure(lam, material.REQUESTS[-1], **options)
    return [measure(lam, material.TEXT_REQUEST, **options).sample for _ in range(2)]


def _streaming(item: WorkItem) -> list[Sample]:
    """Calls and text as they come: what counts is the first event and the longest wait for the next."""
    lam, options = loaded.lam(item), options_of(item)
    measure(lam, material.REQUESTS[-1], **options)
    text = {"tool_choice": "none", "max_tokens": TEXT_TOKENS}
    return [
        measure(lam, material.SEVERAL_CALLS, part="calls", **options | {"parallel_tool_calls": True}).sample,
        measure(lam, material.TEXT_REQUEST, part="text", **options | text).sample,
    ]


def _callers(item: WorkItem) -> list[Sample]:
    """Several threads ask one model at the same time; the part "all" tells what they got done together."""
    callers = item.options["callers"]
    lam, options = loaded.lam(item, **_parallel(callers)), options_of(item)
    measure(lam, material.REQUESTS[-1], **options)
    requests = [material.REQUESTS[index % (len(material.REQUESTS) - 1)] for index in range(callers * 2)]
    with ThreadPoolExecutor(callers) as pool:
        start = perf_counter()
        samples = list(pool.map(lambda request: measure(lam, request, **options).sample, requests))
        seconds = perf_counter() - start
    for sample in samples:
        for name in ("cpu.percent", "energy.joules", "energy.gpu_joules"):  # it is unknown which caller they went to
            sample.values.pop(name, None)
    return [*samples, Sample({"rate.calls": len(requests) / seconds, "time.total": seconds}, part="all")]


def _parallel(callers: int) -> dict[str, int]:
    """Return the option of `load` that decodes several requests together, where edge-lam has it."""
    from edge_lam import load

    return {"n_parallel": callers} if callers > 1 and "n_parallel" in inspect.signature(load).parameters else {}


def _cold(item: WorkItem) -> list[Sample]:
    """A new process that never saw the tools."""
    loaded.close()
    with tempfile.TemporaryDirectory(prefix="edge-lam-bench-") as folder:
        return [_first_call(item, folder)]


def _restored(item: WorkItem) -> list[Sample]:
    """A new process that finds on disk what another read of the tools."""
    loaded.close()
    with tempfile.TemporaryDirectory(prefix="edge-lam-bench-") as folder:
        _first_call(item, folder)
        return [_first_call(item, folder)]


def _first_call(item: WorkItem, folder: str) -> Sample:
    return Sample.from_dict(run_fresh(f"{__name__}:first_call", {"item": item.to_dict(), "folder": folder}))


def first_call(item: dict[str, Any], folder: str, started: float) -> dict[str, Any]:
    """Be a process that starts, loads the model and makes one call.

    Args:
        item: what is measured.
        folder: for prefixes.
        started: when the process was started, by `time.monotonic`.

    Returns:
        A sample; "time.start" is until the first line of ours ran, "time.process" from the start of the process until
        the call was complete.
    """
    ready = time.monotonic() - started
    what = WorkItem.from_dict(item)
    with open_model(load_options(what) | {"prefix_cache": folder}) as lam:
        before = time.monotonic() - started
        sample = measure(lam, material.REQUESTS[0], **options_of(what)).sample
    sample.values.update({"time.start": ready, "time.process": before + sample.values["time.total"]})
    return sample.to_dict()


Scenario = Callable[[WorkItem], "list[Sample]"]
SCENARIOS: dict[str, Scenario] = {
    "cold": _cold,
    "restored": _restored,
    "warm": _warm,
    "multi-turn": _conversation,
    "several calls": _several,
    "text": _text,
    "streaming": _streaming,
    "callers": _callers,
}

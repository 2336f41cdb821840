"""Measures calls of a model: every figure of its `CallReport`, and what only a reader of its stream can time.

In go a loaded model, messages and options, out comes a `Sample` per call. Knows nothing of scenarios and files.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from edge_lam import LAM, CallReport, Reply, ReplyFinished, load
from edge_lam.errors import EdgeLamError
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.loading.model_path import EMBEDDED_NAME
from edge_lam.metrics import Meter
from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.random_weights import is_shape

if TYPE_CHECKING:
    from edge_lam_benchmarks.known_answers import KnownAnswers

# The answers of the models that have none of their own.
_known: WeakKeyDictionary[LAM, KnownAnswers] = WeakKeyDictionary()
# Options of an item that `edge_lam.load` takes.
LOAD_OPTIONS = ("n_ctx", "n_threads", "device", "format", "template", "verbatim")
_GROUPS = {"times": "time", "tokens": "tokens", "passes": "passes", "memory": "memory"}
# Figures of `Machine`, by their names in a result file.
_MACHINE = {
    "cpu_percent": "cpu.percent",
    "others_percent": "cpu.others_percent",
    "joules": "energy.joules",
    "celsius": "temperature.celsius",
    "hertz": "clock.hertz",
    "throttled": "heat.throttled",
    "battery_percent": "battery.percent",
    "battery_celsius": "battery.celsius",
    "on_battery": "battery.in_use",
    "gpu_joules": "energy.gpu_joules",
    "gpu_celsius": "temperature.gpu_celsius",
    "gpu_hertz": "clock.gpu_hertz",
}


def load_options(item: WorkItem) -> dict[str, Any]:
    """Return the arguments of `edge_lam.load` that an item names; nothing is logged, and no prefix kept on disk."""
    options = {name: item.options[name] for name in LOAD_OPTIONS if item.options.get(name) is not None}
    return {"model": item.model or EMBEDDED_NAME, "log": "off", "prefix_cache": False, **options}


def open_model(options: Mapping[str, Any], *, proportional: bool = False) -> LAM:
    """Load a model; random weights get the scenarios' answers to say.

    Args:
        options: arguments of `edge_lam.load`.
        proportional: whether reports tell the proportional memory, which takes time to read.
    """
    lam = load(**options)
    # Reports of benchmarks tell more than those of users.
    lam.engine.recorder.meter = Meter(gpu=lam.info.device != "cpu", proportional=proportional, powermetrics=True)
    if is_shape(GGUFHeader.read(lam.info.path).metadata):
        from edge_lam_benchmarks.known_answers import KnownAnswers

        _known[lam] = KnownAnswers(lam)
    return lam


def with_answer(lam: LAM, messages: str | Sequence[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a call, with what writes its answer if the model has random weights."""
    known = _known.get(lam)
    return options | {"sampler": known.sampler(messages, options)} if known else options


class Loaded:
    """Keeps the model of the last item, since the next one often wants the same."""

    def __init__(self) -> None:
        self._options = ""
        self._lam: LAM | None = None

    def lam(self, item: WorkItem, **more: Any) -> LAM:
        """Return the model of an item, loaded as it says."""
        options = load_options(item) | more
        wanted = json.dumps(options, sort_keys=True)
        if self._lam is None or wanted != self._options:
            self.close()
            self._lam, self._options = open_model(options), wanted
        return self._lam

    def close(self) -> None:
        """Free the model."""
        if self._lam is not None:
            self._lam.close()
        self._lam = None
        gc.collect()


loaded = Loaded()


@dataclass(frozen=True)
class Measured:
    """One call: what it gave and what it cost."""

    reply: Reply
    sample: Sample


def measure(
    lam: LAM,
    messages: str | Sequence[dict[str, Any]],
    *,
    part: str = "",
    labels: dict[str, Any] | None = None,
    **options: Any,
) -> Measured:
    """Ask a model and time its stream.

    Messages and options are those of `LAM.chat`; `part` and `labels` go into the sample.

    Returns:
        The reply, and a sample with the figures of its report and these: "time.first_event" until the first event,
        "time.total" until the last, "time.wait" the longest between two events, all in seconds; "events" how many came.

    Raises:
        EdgeLamError: as `LAM.chat`.
    """
    options = with_answer(lam, messages, options)
    first, longest, events, reply = 0.0, 0.0, 0, None
    start = last = perf_counter()
    for event in lam.stream(messages, **options):
        now = perf_counter()
        first, longest = (first, max(longest, now - last)) if events else (now - start, 0.0)
        last, events = now, events + 1
        if isinstance(event, ReplyFinished):
            reply = event.reply
    seconds = perf_counter() - start
    if reply is None:
        raise EdgeLamError("the model's stream ended without a reply")
    values = {
        **figures(reply.report),
        "time.first_event": first,
        "time.total": seconds,
        "time.wait": longest,
        "events": float(events),
    }
    labels_of_reply = {"finish_reason": reply.finish_reason, "n_calls": len(reply.tool_calls), **(labels or {})}
    return Measured(reply, Sample(values, labels_of_reply, part))


def figures(report: CallReport) -> dict[str, float]:
    """Return the figures of a report by dotted name; what it does not tell is left out."""
    plain = asdict(report)
    values = {
        f"{short}.{name}": float(value)
        for group, short in _GROUPS.items()
        for name, value in plain[group].items()
        if value is not None
    }
    values |= {_MACHINE[name]: float(value) for name, value in plain["machine"].items() if value is not None}
    rates = {"rate.prefill": report.prefill_rate, "rate.decode": report.decode_rate}
    return values | {name: rate for name, rate in rates.items() if rate}

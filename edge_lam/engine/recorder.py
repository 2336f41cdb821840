"""`Recorder`: the report of each call, made once, at its end, from its sequence's counters and a meter; and its log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from edge_lam.formats import normalize_messages
from edge_lam.llama.library import memory_in_use
from edge_lam.metrics.report import CallReport, Memory
from edge_lam.metrics.telemetry import content

if TYPE_CHECKING:
    from edge_lam.cache import PrefixStore
    from edge_lam.engine.reply import Reply
    from edge_lam.engine.sequence import Sequence
    from edge_lam.formats import ChatFormat, Segment
    from edge_lam.formats.messages import Messages
    from edge_lam.llama import Context
    from edge_lam.metrics import Meter
    from edge_lam.metrics.log import CallLog
    from edge_lam.metrics.telemetry import Telemetry
    from edge_lam.request import Request
    from edge_lam.schema.guidance import EngineName

logger = logging.getLogger("edge_lam.engine")


class Recorder:
    """Opens the records of calls.

    Attributes:
        meter: reads what process and machine tell; benchmarks put one in its place that tells more.
        log: where calls are logged.
        telemetry: where else calls are reported, or None.

    Args:
        context: what replies are made on.
        chat_format: how prompts and replies are written.
        log: as above.
        meter: as above.
        store: where prefixes are kept, or None.
        load_seconds: how long loading took.
        constraint: the engine of grammars.
    """

    def __init__(
        self,
        context: Context,
        chat_format: ChatFormat,
        log: CallLog,
        meter: Meter,
        *,
        store: PrefixStore | None,
        load_seconds: float,
        constraint: EngineName,
    ) -> None:
        self.log, self.meter, self._constraint = log, meter, constraint
        self.telemetry: Telemetry | None = None
        self._context, self._format, self._store, self._load_seconds = context, chat_format, store, load_seconds

    def open(self, request: Request) -> Record:
        """Open the record of a call that begins now."""
        return Record(self, request)

    def facts(self, request: Request) -> dict[str, Any]:
        """Return what the reports of all requests with these tools say alike."""
        context, chat_format = self._context, self._format
        return {
            "model": context.model.name,
            "adapter": request.adapter,
            "format": chat_format.name,
            "format_sha256": chat_format.sha256,
            "template_sha256": chat_format.sha256_of_template(with_tools=bool(request.tools)),
            "device": context.model.device,
            "constraint": self._constraint,
            "n_ctx": context.n_ctx,
            "n_threads": context.n_threads,
            "n_tools": len(request.tools),
        }

    def memory(self) -> Memory:
        """Return what is held now."""
        context, held = self._context, self.meter.memory()
        return Memory(
            resident=held.resident,
            peak=held.peak,
            weights=context.model.size,
            kv=context.kv_bytes,
            compute=context.compute_bytes,
            proportional=held.proportional,
            gpu=held.gpu,
            gpu_used=None if context.model.device == "cpu" else memory_in_use("gpu"),
            prefixes=self._store.held_bytes if self._store else 0,
        )

    @property
    def load_seconds(self) -> float:
        """How long loading took."""
        return self._load_seconds


class Record:
    """What is written down of one call.

    Attributes:
        request: what was requested.
        prompt: as it was rendered.
        seed: of the random numbers, None if there are none.
        report: made by `close`.
        reply: if there was one.
    """

    def __init__(self, recorder: Recorder, request: Request) -> None:
        self.prompt: list[Segment] = []
        self.seed: int | None = None
        self.report: CallReport | None = None
        self.reply: Reply | None = None
        self.request, self._recorder = request, recorder
        self._started = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        self._begun = recorder.telemetry.begin() if recorder.telemetry else None
        self._before = recorder.meter.read()
        self._n_signed, self._lock = 0, threading.Lock()

    def close(
        self,
        sequence: Sequence,
        *,
        finish_reason: str = "",
        error: str = "",
        n_calls: int = 0,
        cut_at_start: float | None = None,
        cut_at_name: Iterable[float | None] = (),
    ) -> CallReport:
        """Make the report."""
        recorder, times = self._recorder, sequence.times
        memory = recorder.memory()
        times.load, times.total = recorder.load_seconds, sequence.elapsed()
        if sequence.tokens and not times.first_token:  # the grammar left no choice at all
            times.first_token = times.total
        self.report = CallReport(
            id=sequence.id,
            **recorder.facts(self.request),
            seed=self.seed,
            n_calls=n_calls,
            finish_reason=finish_reason,
            error=error,
            cache=sequence.cache,
            started=self._started,
            times=times,
            tokens=sequence.counts,
            passes=sequence.passes,
            memory=memory,
            machine=recorder.meter.since(self._before),
            cut_at_start=cut_at_start,
            cut_at_name=list(cut_at_name),
        )
        return self.report

    def sign_off(self) -> None:
        """Log the call at the second time: when it has ended and nobody reads it any more.

        An agent adds the time of its tools to the report of a reply until it leaves it.
        """
        with self._lock:
            self._n_signed += 1
            if self._n_signed != 2:
                return
        self.write()

    def write(self) -> None:
        """Log the call, with all that one needs to train from it, if the log wants texts."""
        if self.report is None:
            return
        self._export(self.report)
        log, texts = self._recorder.log, dict[str, Any]()
        if log.log_prompts:
            texts["prompt"] = "".join(segment.text for segment in self.prompt)
        if log.log_prompts and self.prompt and self.request.prompt is None:
            texts["messages"] = normalize_messages(self.request.messages)
            texts["tools"] = [tool.definition() for tool in self.request.tools]
        log.write(self.report, **texts, reply=self.reply.message if self.reply else None)

    def _export(self, report: CallReport) -> None:
        """Tell of the call by telemetry, which may fail as it likes: the reply is there."""
        telemetry, begun, request = self._recorder.telemetry, self._begun, self.request
        if telemetry is None or begun is None:
            return
        texts = {}
        if telemetry.with_content:
            turns: Messages = request.messages
            if request.prompt is not None:
                turns = "".join(segment.text for segment in self.prompt)
            reply = self.reply.message if self.reply else None
            texts = content(normalize_messages(turns), reply, report.finish_reason)
        try:
            telemetry.ended(begun, report, _request_attributes(request), texts)
        except Exception:
            logger.warning("telemetry of a call failed", exc_info=True)


def _request_attributes(request: Request) -> dict[str, Any]:
    """Return the attributes of a request, as OpenTelemetry's conventions name them."""
    sampling, form = request.sampling, request.response_format
    return {
        "gen_ai.operation.name": "chat" if request.prompt is None else "text_completion",
        "gen_ai.output.type": "text" if form is None else "json",
        "gen_ai.request.max_tokens": request.max_tokens,
        "gen_ai.request.temperature": float(sampling.temperature),
        "gen_ai.request.top_k": float(sampling.top_k),
        "gen_ai.request.top_p": float(sampling.top_p),
        "gen_ai.request.seed": sampling.seed,
        "gen_ai.request.stop_sequences": list(request.stop) or None,
        "edge_lam.tool_choice": request.choice.mode if request.tools else None,
    }

"""`Telemetry`: a span and measurements of each call for OpenTelemetry, by its conventions for generative AI.

In come the reports of calls that have ended. Which exporters there are, and whether any, is for the program that
embeds this, or `opentelemetry-instrument`, to say. Attributes under `gen_ai.` are those of the conventions
(https://opentelemetry.io/docs/specs/semconv/gen-ai/), those under `edge_lam.` ours.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import time_ns
from typing import TYPE_CHECKING, Any

from edge_lam._util.extras import require

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span

    from edge_lam.metrics.report import CallReport

PROVIDER = "edge_lam"
_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_NANO = 1e9
# What a call goes through, one after the other; what follows the last of them is decoding.
_PHASES = ("render", "compile", "tokenize", "queue", "restore", "prefill", "save")
_WRITING = ("decode", "mask", "sample", "draft", "parse")
_TOKENS = ("cached", "restored", "sampled", "forced", "drafted", "accepted")


class Beginning:
    """When a call began, in nanoseconds since 1970, and within which span."""

    def __init__(self, context: Context, time: int) -> None:
        self.context, self.time = context, time

    def at(self, seconds: float) -> int:
        """Return the time so many seconds later."""
        return self.time + int(seconds * _NANO)


class Telemetry:
    """Tells OpenTelemetry of calls; any thread may.

    Attributes:
        with_content: whether requests and answers are exported too, as the conventions' own variable wants.

    Raises:
        MissingPackage: opentelemetry-api is not installed.
    """

    def __init__(self) -> None:
        require("opentelemetry", "spans and metrics of calls", param="otel", extra="otel")
        from opentelemetry import metrics, trace

        from edge_lam import __version__

        self.with_content = os.environ.get(_CONTENT, "").lower() == "true"
        self._tracer = trace.get_tracer("edge_lam", __version__)
        meter = metrics.get_meter("edge_lam", __version__)
        histogram = meter.create_histogram
        self._tokens = histogram("gen_ai.client.token.usage", "{token}", "Tokens of prompts and replies.")
        self._seconds = histogram("gen_ai.client.operation.duration", "s", "From a call to its end.")
        self._first = histogram("gen_ai.server.time_to_first_token", "s", "From a call to its first token.")
        self._each = histogram("gen_ai.server.time_per_output_token", "s", "Of the tokens after the first.")

    def begin(self) -> Beginning:
        """Note when a call begins, and within which span."""
        from opentelemetry.context import get_current

        return Beginning(get_current(), time_ns())

    @contextmanager
    def within(self, headers: Mapping[str, str]) -> Iterator[None]:
        """Have calls that begin meanwhile belong to the span that the headers of a request tell of, if they do."""
        from opentelemetry import context, propagate

        token = context.attach(propagate.extract(headers))
        try:
            yield
        finally:
            context.detach(token)

    def ended(self, begun: Beginning, report: CallReport, request: Mapping[str, Any], texts: Mapping[str, Any]) -> None:
        """Tell of a call.

        Args:
            begun: when and where it began.
            report: of the call.
            request: attributes of the request.
            texts: attributes that hold requests and answers; exported only if that is wanted.
        """
        from opentelemetry.trace import SpanKind, Status, StatusCode

        attributes = {
            **_common(report, request),
            **_of_report(report),
            **request,
            **(texts if self.with_content else {}),
        }
        end = begun.at(report.times.total)
        span = self._tracer.start_span(
            f"{request['gen_ai.operation.name']} {report.model}",
            begun.context,
            SpanKind.INTERNAL,
            {name: value for name, value in attributes.items() if value is not None},
            start_time=begun.time,
        )
        if report.error:
            span.set_attribute("error.type", report.error)
            span.set_status(Status(StatusCode.ERROR, report.error))
        self._add_phases(span, begun, report)
        span.end(end)
        self._measure(report, {**_common(report, request), **({"error.type": report.error} if report.error else {})})

    def _add_phases(self, span: Span, begun: Beginning, report: CallReport) -> None:
        """Tell the phases as spans of their own, and what came at one moment as events."""
        from opentelemetry.trace import set_span_in_context

        times, inside, start = report.times, set_span_in_context(span, begun.context), 0.0
        moments = {"first_token": times.first_token or None, "tool_name": times.name, "first_call": times.call}
        for name, moment in moments.items():
            if moment is not None:
                span.add_event(f"edge_lam.{name}", timestamp=begun.at(moment))
        for phase in _PHASES:
            if seconds := getattr(times, phase):
                child = self._tracer.start_span(f"edge_lam.{phase}", inside, start_time=begun.at(start))
                start += seconds
                child.end(begun.at(start))
        if report.tokens.generated:
            parts = {f"edge_lam.{name}.seconds": getattr(times, name) for name in _WRITING}
            child = self._tracer.start_span("edge_lam.write", inside, attributes=parts, start_time=begun.at(start))
            child.end(begun.at(max(start, times.total)))

    def _measure(self, report: CallReport, common: dict[str, Any]) -> None:
        tokens, times = report.tokens, report.times
        self._seconds.record(times.total, common)
        if report.error:
            return
        self._tokens.record(tokens.prompt, {**common, "gen_ai.token.type": "input"})
        self._tokens.record(tokens.generated, {**common, "gen_ai.token.type": "output"})
        if times.first_token:
            self._first.record(times.first_token, common)
        if tokens.generated > 1:
            self._each.record(max(0.0, times.total - times.first_token) / (tokens.generated - 1), common)


def content(
    messages: Sequence[Mapping[str, Any]], reply: Mapping[str, Any] | None, finish_reason: str
) -> dict[str, str]:
    """Return request and answer as attributes, in the conventions' form of messages."""
    attributes = {"gen_ai.input.messages": json.dumps([_message(message) for message in messages])}
    if reply is not None:
        attributes["gen_ai.output.messages"] = json.dumps([{**_message(reply), "finish_reason": finish_reason}])
    return attributes


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    text = message.get("content")
    if message.get("role") == "tool":
        parts.append({"type": "tool_call_response", "id": message.get("tool_call_id"), "response": text})
    elif text:
        parts.append({"type": "text", "content": text})
    for call in message.get("tool_calls") or ():
        function = call["function"]
        parts.append({"type": "tool_call", "id": call.get("id"), **{k: function[k] for k in ("name", "arguments")}})
    return {"role": message.get("role"), "parts": parts}


def _common(report: CallReport, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that spans and measurements share: few values each."""
    return {
        "gen_ai.operation.name": request["gen_ai.operation.name"],
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": report.model,
        "gen_ai.response.model": report.model,
    }


def _of_report(report: CallReport) -> dict[str, Any]:
    tokens = report.tokens
    return {
        "gen_ai.response.id": report.id,
        "gen_ai.response.finish_reasons": [report.finish_reason] if report.finish_reason else None,
        "gen_ai.usage.input_tokens": tokens.prompt,
        "gen_ai.usage.output_tokens": tokens.generated,
        "gen_ai.usage.cache_read.input_tokens": tokens.cached,
        **{f"edge_lam.tokens.{name}": getattr(tokens, name) for name in _TOKENS},
        "edge_lam.calls": report.n_calls,
        "edge_lam.tools": report.n_tools,
        "edge_lam.passes.prefill": report.passes.prefill,
        "edge_lam.passes.decode": report.passes.decode,
        "edge_lam.cache": report.cache or None,
        "edge_lam.cut_at_start": report.cut_at_start,
        "edge_lam.joules": report.machine.joules,
    }

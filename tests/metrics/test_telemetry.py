"""Spans and metrics of calls, as OpenTelemetry's own SDK gets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.testclient import TestClient

import edge_lam
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.errors import PromptTooLong
from edge_lam.serve import app

ASKED = "What time is it in Tokyo?"
SECRET = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@pytest.fixture(scope="module")
def sdk() -> tuple[InMemorySpanExporter, InMemoryMetricReader]:
    """What the program that embeds us sets up, once."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([reader]))
    return exporter, reader


@pytest.fixture
def spans(sdk: tuple[InMemorySpanExporter, InMemoryMetricReader]) -> InMemorySpanExporter:
    sdk[0].clear()
    return sdk[0]


@pytest.fixture
def lam(spans: InMemorySpanExporter, tiny_lam_path: Path) -> Iterator[edge_lam.LAM]:
    with edge_lam.load(tiny_lam_path, n_ctx=2048, log="off", prefix_cache=False, otel=True) as lam:
        yield lam


def told(spans: InMemorySpanExporter) -> tuple[ReadableSpan, list[ReadableSpan]]:
    """Return the one span of a call, and those in it."""
    found = spans.get_finished_spans()
    (call,) = [span for span in found if span.name.startswith(("chat ", "text_completion "))]
    return call, [span for span in found if span.parent and span.parent.span_id == call.context.span_id]


def test_a_call_is_a_span_with_its_phases(lam: edge_lam.LAM, spans: InMemorySpanExporter) -> None:
    with trace.get_tracer("app").start_as_current_span("turn") as turn:
        reply = lam.chat(ASKED, tools=DEMO_TOOLS, temperature=0.5, seed=3, max_tokens=60)
    call, phases = told(spans)
    assert call.name == f"chat {reply.report.model}"
    assert call.parent.span_id == turn.get_span_context().span_id
    attributes = dict(call.attributes)
    assert attributes["gen_ai.operation.name"] == "chat"
    assert attributes["gen_ai.provider.name"] == "edge_lam"
    assert attributes["gen_ai.request.model"] == attributes["gen_ai.response.model"] == reply.report.model
    assert attributes["gen_ai.response.id"] == reply.report.id
    assert attributes["gen_ai.response.finish_reasons"] == (reply.finish_reason,)
    assert attributes["gen_ai.usage.input_tokens"] == reply.report.tokens.prompt
    assert attributes["gen_ai.usage.output_tokens"] == reply.report.tokens.generated
    assert (attributes["gen_ai.request.temperature"], attributes["gen_ai.request.seed"]) == (0.5, 3)
    assert attributes["gen_ai.request.max_tokens"] == 60
    assert attributes["edge_lam.tokens.forced"] == reply.report.tokens.forced
    names = [span.name for span in phases]
    assert {"edge_lam.render", "edge_lam.tokenize", "edge_lam.prefill", "edge_lam.write"} <= set(names)
    assert all(call.start_time <= one.start_time <= one.end_time for one in phases)
    assert (call.end_time - call.start_time) / 1e9 == pytest.approx(reply.report.times.total, rel=1e-3)
    assert {event.name for event in call.events} >= {"edge_lam.first_token"}
    assert "Tokyo" not in json.dumps([span.to_json() for span in (call, *phases)])


def test_what_was_said_is_told_if_it_is_asked_for(
    spans: InMemorySpanExporter, tiny_lam_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, "true")
    with edge_lam.load(tiny_lam_path, n_ctx=2048, log="off", prefix_cache=False, otel=True) as lam:
        reply = lam.chat(ASKED, tools=DEMO_TOOLS, tool_choice="required")
    attributes: Any = told(spans)[0].attributes
    (asked,) = json.loads(attributes["gen_ai.input.messages"])
    assert asked == {"role": "user", "parts": [{"type": "text", "content": ASKED}]}
    (said,) = json.loads(attributes["gen_ai.output.messages"])
    assert said["finish_reason"] == "tool_calls"
    assert [part["name"] for part in said["parts"]] == [call.name for call in reply.tool_calls]


def test_a_call_that_fails_is_told_with_its_error(lam: edge_lam.LAM, spans: InMemorySpanExporter) -> None:
    with pytest.raises(PromptTooLong):
        lam.chat("word " * 3000)
    call, phases = told(spans)
    assert call.status.status_code is StatusCode.ERROR
    assert call.attributes["error.type"] == PromptTooLong.code
    assert "edge_lam.write" not in [span.name for span in phases]


def test_a_request_goes_on_with_the_trace_of_its_client(lam: edge_lam.LAM, spans: InMemorySpanExporter) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    body = {"prompt": "hello", "max_tokens": 2}
    assert TestClient(app(lam)).post("/v1/completions", json=body, headers={"traceparent": parent}).status_code == 200
    call, _ = told(spans)
    assert call.name.startswith("text_completion ")
    assert f"{call.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{call.parent.span_id:016x}" == "b7ad6b7169203331"


def test_metrics_of_calls(sdk: tuple[InMemorySpanExporter, InMemoryMetricReader], lam: edge_lam.LAM) -> None:
    reply = lam.chat("hello", max_tokens=5)
    found = {
        metric.name: metric.data.data_points
        for resource in sdk[1].get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert {"gen_ai.client.operation.duration", "gen_ai.server.time_to_first_token"} <= set(found)
    points = [one for one in found["gen_ai.client.token.usage"] if one.attributes["gen_ai.operation.name"] == "chat"]
    tokens = {point.attributes["gen_ai.token.type"]: point for point in points}
    assert tokens["input"].count == tokens["output"].count
    assert tokens["input"].sum >= reply.report.tokens.prompt
    assert tokens["input"].attributes["gen_ai.request.model"] == reply.report.model

"""Reading replies: the parser per kilobyte, and what a stream costs beside its passes."""

from __future__ import annotations

import pytest

from edge_lam import ReplyFinished
from edge_lam_benchmarks import material


@pytest.mark.parametrize("piece", [1, 4, 4000], ids=lambda length: f"{length}-characters")
def test_parse(benchmark, note, chat_format, reply, piece):
    tools = material.tools(5)
    pieces = [reply[start : start + piece] for start in range(0, len(reply), piece)]

    def parse():
        parser = chat_format.parser(tools)
        for text in pieces:
            parser.feed(text)
        parser.finish()
        return parser.reply

    assert len(benchmark(parse).calls) == 40
    note("microseconds per KB", 1e6, len(reply.encode()) / 1000)


def test_stream(benchmark, lam):
    """A whole call; the part of it that is neither prefill nor decode stands beside it, per pass."""
    overheads = []

    def stream():
        for event in lam.stream(material.REQUESTS[0], tools=material.tools(5), max_tokens=48):
            if isinstance(event, ReplyFinished):
                report = event.reply.report
        spent = report.times.prefill + report.times.decode
        overheads.append((report.times.total - spent) / (report.passes.prefill + report.passes.decode))

    benchmark(stream)
    overheads.sort()
    benchmark.extra_info["microseconds per pass outside llama_decode"] = 1e6 * overheads[len(overheads) // 2]

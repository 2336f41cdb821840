"""From messages and tools to tokens."""

from __future__ import annotations

from edge_lam_benchmarks import material


def test_render(benchmark, chat_format, tools):
    text = benchmark(chat_format.render, material.REQUESTS[0], tools)
    benchmark.extra_info["characters"] = len(text)


def test_tokenize(benchmark, model, chat_format, tools):
    segments = chat_format.render_segments(material.REQUESTS[0], tools)
    tokens = benchmark(model.tokenize_parts, segments)
    benchmark.extra_info["tokens"] = len(tokens)

"""The embedded model before it was quantized, and quantized by our own converter; calls for its tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.tools import Tool, as_tools
from edge_lam_converters.quality.comparison import BUILT_IN

CHECKPOINT = Path(__file__).resolve().parents[3] / "models" / "tiny-lam" / "checkpoint"


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """tiny-lam in BF16, Q8_0 and Q4_0, by type."""
    convert_all = pytest.importorskip("edge_lam_converters").convert_all
    folder = tmp_path_factory.mktemp("tiny-lam")
    quants = ("BF16", "Q8_0", "Q4_0")
    reports = convert_all(CHECKPOINT, folder, quants=quants, n_threads=1)
    return {quant: Path(report.path) for quant, report in zip(quants, reports, strict=True)}


@pytest.fixture(scope="session")
def demo_tools() -> list[Tool]:
    return as_tools(DEMO_TOOLS)


@pytest.fixture(scope="session")
def calls_path(tmp_path_factory: pytest.TempPathFactory, demo_tools: list[Tool]) -> Path:
    """Two of the built-in requests, each with the tools that they need."""
    path = tmp_path_factory.mktemp("calls") / "calls.jsonl"
    lines = [json.loads(line) for line in BUILT_IN.read_text(encoding="utf-8").splitlines()[::16]]
    needed = {call["name"] for line in lines for call in line["calls"]}
    tools = [tool.definition() for tool in demo_tools if tool.name in needed]
    path.write_text("".join(f"{json.dumps(line | {'tools': tools})}\n" for line in lines), encoding="utf-8")
    return path

"""The reports of real calls: what the issue of one call's cost promises is in each line of the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_lam import LAM, load
from edge_lam.demo_tools import DEMO_TOOLS

TIMES = "load render tokenize restore prefill first_token name call decode mask draft parse tool".split()
TOKENS = "prompt cached forced drafted accepted sampled".split()
MEMORY = "resident proportional peak weights kv compute gpu".split()
MACHINE = "cpu_percent joules celsius hertz gpu_joules gpu_celsius gpu_hertz".split()


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "calls.jsonl"


@pytest.fixture(scope="module")
def lam(tiny_lam_path: Path, log: Path) -> LAM:
    with load(tiny_lam_path, n_threads=1, log=log, prefix_cache=False) as loaded:
        yield loaded


def test_a_call_tells_when_its_name_and_its_first_call_were_there(lam: LAM, log: Path) -> None:
    report = lam.chat("What time is it in Tokyo?", tools=DEMO_TOOLS, tool_choice="required", max_tokens=80).report
    times = report.times
    assert report.n_calls >= 1
    assert 0 < times.first_token <= times.name <= times.call <= times.total
    line = json.loads(log.read_text().splitlines()[-1])
    assert line["id"] == report.id
    for group, names in {"times": TIMES, "tokens": TOKENS, "memory": MEMORY, "machine": MACHINE}.items():
        assert line[group].keys() >= set(names)
    assert line["passes"]["decode"] > 0
    assert line["decode_rate"] > 0
    assert line["machine"]["cpu_percent"] > 0
    assert line["memory"]["gpu"] is line["memory"]["gpu_used"] is None, "the model is not on a GPU"


def test_text_has_no_name_and_no_call(lam: LAM) -> None:
    report = lam.chat("Hello", max_tokens=5).report
    assert (report.times.name, report.times.call) == (None, None)
    assert report.times.first_token > 0

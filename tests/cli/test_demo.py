from __future__ import annotations

import json
import os
import re

import pytest

from edge_lam.cli.demo import REQUESTS


@pytest.fixture
def demo(edge_lam, tiny_lam_path, tmp_path, monkeypatch):
    """Run the demo on the test model, with notes of the user's own beside it."""
    notes = tmp_path / "notes.txt"
    notes.write_text("a note of my own\n")
    monkeypatch.setenv("EDGE_LAM_NOTES", str(notes))

    def run(*args):
        shown = edge_lam("demo", "--model", tiny_lam_path, "--log", "off", *args)
        assert os.environ["EDGE_LAM_NOTES"] == str(notes)
        assert notes.read_text() == "a note of my own\n"
        assert "a note of my own" not in shown.out
        return shown

    return run


@pytest.mark.parametrize("columns", [None, "72"])
def test_every_request_and_what_it_cost(demo, monkeypatch, columns):
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", columns)
    shown = demo()
    assert (shown.code, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert [line[2:] for line in lines if line.startswith("> ")] == list(REQUESTS)
    assert lines.index("Latency") < lines.index("Memory") < lines.index("Model")
    assert ("tok/s" in shown.out) is (columns != "72")
    laid_out = [line for line in lines if not re.match("  [A-Z]", line)]  # all but answers, which stream as they come
    assert max(map(len, laid_out)) <= int(columns or 100)
    assert "\x1b" not in shown.out


def test_json(demo):
    shown = demo("--json")
    assert shown.code == 0
    document = json.loads(shown.out)
    assert [answer["request"] for answer in document["requests"]] == list(REQUESTS)
    assert document["model"]["format"] == "xlam-2-qwen"
    for answer in document["requests"]:
        report = answer["reports"][0]
        assert report["tokens"]["prompt"] > report["tokens"]["cached"] >= 0
        assert report["memory"]["resident"] > 0
    assert document["requests"][1]["reports"][0]["tokens"]["cached"] > 0

"""What `edge-lam doctor` prints, and its exit codes."""

from __future__ import annotations

import json

import pytest

from edge_lam.cli.main import run


def test_prints_every_section_and_exits_with_0(capsys: pytest.CaptureFixture[str]):
    assert run(["doctor"]) == 0
    printed = capsys.readouterr().out
    for title in ("Versions", "Backend", "Processor", "Memory", "Models", "Files", "Extras", "Advice"):
        assert f"\n{title}\n" in f"\n{printed}"
    assert "\x1b" not in printed


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]):
    assert run(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["works"] is True
    assert told["backend"]["build"]["devices"]
    assert {"problem", "action", "fatal"} == set().union(*told["advice"]) or told["advice"] == []


def test_advice_is_printed_with_what_to_do(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDGE_LAM_THREADS", "many")
    assert run(["doctor"]) == 1, "every load is refused until it is corrected"
    printed = capsys.readouterr().out
    assert "EDGE_LAM_THREADS must be a positive whole number" in printed
    assert "correct or unset the environment variable" in printed


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]):
    assert run(["doctor", "--yaml"]) == 2
    assert "--yaml" in capsys.readouterr().err

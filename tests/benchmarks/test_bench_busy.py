"""`edge-lam bench busy` measures edge-lam as it comes beside fixed numbers of threads, and judges the ratio."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge_lam_benchmarks.busy import ADAPTIVE, command


def test_a_run_in_small(tmp_path: Path) -> None:
    out = tmp_path / "busy.json"
    arguments = ["--loads", "0,1", "--answers", "1", "--rounds", "1", "--llama-server", "/nowhere", "--out", str(out)]
    run = CliRunner().invoke(command, [*arguments, "--json"])
    assert run.exit_code in (0, 1), run.output  # 1: the bar was missed, which one call can't tell
    result = json.loads(out.read_text(encoding="utf-8"))
    assert list(result["seconds"]) == ["0", "1"]
    for n, seconds in result["seconds"].items():
        assert ADAPTIVE in seconds
        assert "1 thread" in seconds
        assert "llama-server" not in seconds, "what is not installed is left out"
        assert all(len(values) == 1 and values[0] > 0 for values in seconds.values())
        best = min(values[0] for name, values in seconds.items() if name != ADAPTIVE)
        assert result["ratio"][n] == pytest.approx(seconds[ADAPTIVE][0] / best)
    assert "x best fixed" in out.with_suffix(".md").read_text(encoding="utf-8")


def test_numbers_that_are_none_are_refused() -> None:
    run = CliRunner().invoke(command, ["--loads", "0,many"])
    assert run.exit_code == 2
    assert "no numbers such as 0,1,2" in run.output

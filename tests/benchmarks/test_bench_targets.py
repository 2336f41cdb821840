"""The table of targets: bars met and missed, and what was not measured."""

from __future__ import annotations

import json

import pytest

from edge_lam.cli.main import run
from edge_lam.errors import EdgeLamError
from edge_lam_benchmarks.answers import own_answers
from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.results import ItemResult, Results, read_results
from edge_lam_benchmarks.targets import restart, rows
from edge_lam_benchmarks.targets.loops import WAYS


def table(tmp_path, *results: ItemResult) -> dict[str, rows.Row]:
    found = Results(tmp_path / "a.json", "edge-lam bench targets", 0)
    found.items = {result.item.id: result for result in results}
    return {row.measure: row for row in rows.rows(found)}


def done(scenario: str, *samples: Sample, quant: str = "Q4_K_M", reason: str = "", status: str = "done") -> ItemResult:
    return ItemResult(rows.item(scenario, "a.gguf", quant), status, list(samples), reason)


def loop(seconds: tuple[float, float, float], passes: tuple[float, float, float]) -> Sample:
    values = {f"time.{way}": value for way, value in zip(WAYS, seconds, strict=True)}
    return Sample(values | {f"passes.{way}": value for way, value in zip(WAYS, passes, strict=True)})


def call(peer: str, answer: str, seconds: float, **times: float) -> Sample:
    values = {"time.total": seconds} | {f"time.{name}": value for name, value in times.items()}
    return Sample(values, {"peer": peer, "answer": answer}, part=peer)


@pytest.mark.parametrize(("quant", "met"), [("Q4_K_M", True), ("Q4_0", False), ("Q8_0", True)])
def test_passes_and_the_loops_ratio_have_bars_of_their_own(tmp_path, quant, met):
    samples = [loop((2.0, 1.5, 1.0), (50, 21, 17)), loop((1.8, 1.4, 1.0), (40, 20, 16))]
    found = table(tmp_path, done(rows.LOOPS, *samples, quant=quant))
    assert found["passes per answer, forced tokens"].met
    assert found["passes per answer, forced tokens and drafts"].met is False
    assert found["passes per answer, forced tokens and drafts"].figure == "16.5"
    row = found["decode time of an answer, against our plain loop"]
    assert (row.figure, row.met) == ("1.90x", met)


def test_a_peer_is_compared_on_the_answers_that_both_gave(tmp_path):
    samples = [
        call("edge-lam", "a", 1.0, in_passes=0.97),
        call("edge-lam", "b", 1.0, in_passes=0.98),
        call("llama-server", "a", 1.4),
        call("llama-server", "b", 1.8),
        call("llama-server", "c", 99.0),
    ]
    found = table(tmp_path, done(rows.WARM, *samples, reason="llama-cpp-python: failed: it died"))
    server, handler, outside = (row for name, row in found.items() if name.startswith("warm call"))
    assert (outside.figure, outside.met) == ("2.5 %", True)
    assert (server.figure, server.met) == ("1.60x", True)
    assert (handler.figure, handler.met, handler.note) == ("", None, "llama-cpp-python: failed: it died")


def test_starts_are_compared_with_one_cold_start_of_the_server(tmp_path):
    starts = [Sample({"time.first": seconds}, {"kind": "disk"}) for seconds in (1.0, 1.5, 9.0)]
    cold = Sample({"time.first": 30.0, "tokens.prompt": 4100.0}, {"kind": "llama-server"})
    disk, baked = table(tmp_path, done(rows.RESTART, *starts, cold)).values()
    assert (disk.figure, disk.met) == ("20.00x", True)
    assert baked.met is None


def test_what_failed_or_is_missing_keeps_its_reason(tmp_path):
    failed = [
        done(scenario, status="failed", reason="no memory") for scenario in (rows.LOOPS, rows.MASKS, rows.CALLERS)
    ]
    found = table(tmp_path, *failed)
    assert len(found) == 5
    assert {row.met for row in found.values()} == {None}
    assert {row.note for row in found.values()} == {"no memory"}


def test_eight_callers_are_held_against_one(tmp_path):
    samples = [Sample({"rate": rate}, {"callers": callers}) for callers, rate in ((1, 10.0), (8, 29.0))]
    [row] = table(tmp_path, done(rows.CALLERS, *samples)).values()
    assert (row.figure, row.met) == ("2.90x", False)


def test_the_command_measures_keeps_and_resumes(tiny_lam_path, tmp_path, capsys):
    out = tmp_path / "targets.json"
    words = ["bench", "targets", str(tiny_lam_path), "--only", "masks", "--threads", "1"]
    # With a vocabulary of 4,096 tokens, the mask of the whole vocabulary costs llama.cpp little: the bar is missed.
    assert run([*words, "--out", str(out)]) == 1
    shown = capsys.readouterr().out
    assert "mask and choose per token, 4,096" in " ".join(shown.split())
    results = read_results(out)
    [result] = results.done(rows.SUITE)
    assert len(result.samples) == 4
    assert results.environments[result.where]
    assert run(["bench", "targets", "--resume", str(out), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["rows"][0]["met"] is False
    assert read_results(out).items == results.items
    assert run([*words, "--resume", str(out)]) == 2
    assert "mask and choose" in out.with_suffix(".md").read_text()


def test_a_model_that_is_not_there_is_told_before_anything_is_measured(tmp_path, capsys):
    assert run(["bench", "targets", str(tmp_path / "none.gguf"), "--out", str(tmp_path / "a.json")]) == 1
    assert "there is no file" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_large_set_of_tools_is_put_together_from_the_answers(tiny_lam_path, monkeypatch):
    monkeypatch.setattr(restart, "N_TOKENS", 800)
    tools, prompt = restart.large_tools(str(tiny_lam_path), list(own_answers()))
    assert len({tool["name"] for tool in tools}) == len(tools) > 3
    assert 800 < len(prompt) < 2000
    monkeypatch.setattr(restart, "N_TOKENS", 10**6)
    with pytest.raises(EdgeLamError, match="fewer than 1000000"):
        restart.large_tools(str(tiny_lam_path), list(own_answers()))


def test_a_new_process_finds_its_prefix_on_disk(tiny_lam_path, monkeypatch):
    monkeypatch.setattr(restart, "N_TOKENS", 400)
    options = {"n_threads": 1, "repeats": 1, "llama_server": None}
    samples = restart.measure_restart(str(tiny_lam_path), list(own_answers()), **options)
    assert [sample.labels["kind"] for sample in samples] == ["disk", "baked"]
    for sample in samples:
        assert 0 < sample.values["time.first"] < 60
        assert sample.values["tokens.cached"] > 400

"""The table of targets: bars met and missed, and what was not measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edge_lam.cli.main import run
from edge_lam.errors import EdgeLamError
from edge_lam_benchmarks.answers import own_answers
from edge_lam_benchmarks.items import Sample
from edge_lam_benchmarks.results import ItemResult, Results, read_results
from edge_lam_benchmarks.targets import masks, plan, restart, rows
from edge_lam_benchmarks.targets.costs import SIZES, TURNS, cost_of, measure_costs
from edge_lam_benchmarks.targets.loops import WAYS

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def table(tmp_path, *results: ItemResult) -> dict[str, rows.Row]:
    found = Results(tmp_path / "a.json", "edge-lam bench targets", 0)
    found.items = {result.item.id: result for result in results}
    return {row.measure: row for row in rows.rows(found)}


def done(scenario: str, *samples: Sample, quant: str = "Q4_K_M", reason: str = "", status: str = "done") -> ItemResult:
    return ItemResult(plan.item(scenario, "a.gguf", quant), status, list(samples), reason)


def loop(seconds: tuple[float, float, float], passes: tuple[float, float, float]) -> Sample:
    values = {f"time.{way}": value for way, value in zip(WAYS, seconds, strict=True)}
    return Sample(values | {f"passes.{way}": value for way, value in zip(WAYS, passes, strict=True)})


def call(peer: str, answer: str, seconds: float, **times: float) -> Sample:
    values = {"time.total": seconds, "passes": 50.0} | {f"time.{name}": value for name, value in times.items()}
    return Sample(values, {"peer": peer, "answer": answer}, part=peer)


@pytest.mark.parametrize(("quant", "met"), [("Q4_K_M", True), ("Q4_0", False), ("Q8_0", True)])
def test_passes_and_the_loops_ratio_have_bars_of_their_own(tmp_path, quant, met):
    samples = [loop((2.0, 1.5, 1.0), (50, 21, 17)), loop((1.8, 1.4, 1.0), (40, 20, 16))]
    found = table(tmp_path, done(rows.LOOPS, *samples, quant=quant))
    assert found["passes per answer, forced tokens"].met
    assert found["passes per answer, forced tokens and drafts"].met is False
    assert found["passes per answer, forced tokens and drafts"].figure == "16.50"
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


@pytest.mark.parametrize(("seconds", "met"), [(0.3, True), (0.28, False)])
def test_where_passes_are_short_the_time_around_each_counts(tmp_path, seconds, met):
    found = table(tmp_path, done(rows.WARM, call("edge-lam", "a", 0.315, in_passes=seconds)))
    outside = found["warm call, time outside llama_decode"]
    assert (outside.met, outside.note.partition(" ms per pass")[0]) == (met, "0.30" if met else "0.70")


def test_starts_are_compared_with_one_cold_start_of_the_server(tmp_path):
    starts = [Sample({"time.first": seconds}, {"kind": "disk"}) for seconds in (1.0, 1.5, 9.0)]
    cold = Sample({"time.first": 30.0, "tokens.prompt": 4100.0}, {"kind": "llama-server"})
    mapped = [Sample({"time.first": seconds, "time.load": 0.5}, {"kind": "mapped"}) for seconds in (1.2, 1.4, 3.0)]
    found = table(tmp_path, done(rows.RESTART, *starts, *mapped, cold))
    disk, baked, mapped_ratio, _, unpacked = found.values()
    assert (disk.figure, disk.met) == ("20.00x", True)
    assert baked.met is None
    assert (mapped_ratio.figure, mapped_ratio.limit) == ("21.43x", "")
    assert (unpacked.figure, unpacked.met, unpacked.note) == ("1.40 s", True, "load 0.50, median of 3")


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


def test_the_command_measures_keeps_and_resumes(tiny_lam_path, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(masks, "TOOLS", (1, 4))
    out = tmp_path / "targets.json"
    words = ["bench", "targets", str(tiny_lam_path), "--only", "masks", "--threads", "1"]
    # With a vocabulary of 4,096 tokens, the mask of the whole vocabulary costs llama.cpp little: the bar is missed.
    assert run([*words, "--out", str(out)]) == 1
    assert "mask and choose per token" in " ".join(capsys.readouterr().out.split())
    results = read_results(out)
    [result] = results.done(rows.SUITE)
    assert [sample.values["tools"] for sample in result.samples] == [1, 4]
    assert results.environments[result.where]
    assert run(["bench", "targets", "--resume", str(out), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["rows"][0]["met"] is False
    assert read_results(out).items == results.items
    assert run([*words, "--resume", str(out)]) == 2
    for suffix in (".md", ".html"):
        assert "mask and choose per token, 4,096" in out.with_suffix(suffix).read_text()


def test_the_page_is_a_view_of_the_results(tmp_path):
    file = RESULTS / "targets.json.gz"
    (tmp_path / file.name).write_bytes(file.read_bytes())
    assert run(["bench", "report", str(tmp_path / file.name)]) == 0
    made, kept = ((folder / "targets.md").read_text().splitlines() for folder in (tmp_path, RESULTS))
    assert [line for line in made if "--resume" not in line] == [line for line in kept if "--resume" not in line]


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
    assert [sample.labels["kind"] for sample in samples] == ["disk", "mapped", "baked", "baked, mapped"]
    for sample in samples:
        assert 0 < sample.values["time.first"] < 60
        assert sample.values["tokens.cached"] > 400


def test_rounds_hold_some_of_every_row_first_and_each_answer_once(tiny_lam_path):
    asked = plan.TargetPlan([tiny_lam_path, tiny_lam_path.parent / tiny_lam_path.name], plan.SCENARIOS, 50, n_threads=1)
    items = asked.items()
    assert len({(item.id, item.model) for item in items}) == len({item.id for item in items})
    assert {item.scenario for item in items if item.repeat == 0} == set(plan.SCENARIOS)
    assert [item.repeat for item in items] == sorted(item.repeat for item in items)
    for scenario in plan.PER_ROUND:
        rounds = sorted({item.repeat for item in items if item.scenario == scenario})
        parts = [asked.part(number, scenario) for number in rounds]
        assert [index for part in parts for index in range(50)[part]] == list(range(50))
    assert plan.TargetPlan.from_settings(asked.to_settings()).items() == items


def test_rounds_of_a_measure_make_one_row(tmp_path):
    first, second = (
        done(rows.LOOPS, loop((4.0, 2.0, 2.0), (40, 20, 10))),
        done(rows.LOOPS, loop((2.0, 1.0, 2.0), (20, 10, 6))),
    )
    second = replace(second, item=replace(second.item, repeat=1))
    row = table(tmp_path, first, second)["decode time of an answer, against our plain loop"]
    assert row.figure == "1.50x"
    assert "2 answers" in row.note


def test_what_passes_cost_limits_what_a_loop_can_reach(tmp_path):
    costs = Sample({f"pass.{size}": 0.1 * (1 + 0.25 * (size - 1)) for size in SIZES})
    answer = loop((4.0, 3.0, 2.5), (40, 20, 10))
    found = table(tmp_path, done(plan.COSTS, costs), done(rows.LOOPS, answer))
    # 40 passes of one token against 10 of four, which cost 1.75 each.
    assert found["decode time of an answer, against our plain loop"].limit == f"{40 / 17.5:.2f}x"
    assert table(tmp_path, done(rows.LOOPS, answer))["decode time of an answer, against our plain loop"].limit == ""


def test_costs_are_interpolated_between_sizes_and_go_on_beyond_them():
    passes = {1: 1.0, 4: 4.0, 8: 6.0}
    assert [cost_of(passes, size) for size in (1, 2.5, 4, 6, 10)] == [1.0, 2.5, 4.0, 5.0, 7.0]


def test_passes_of_every_size_are_measured(tiny_lam_path):
    samples = measure_costs(str(tiny_lam_path), n_threads=1)
    assert len(samples) == TURNS
    for sample in samples:
        assert list(sample.values) == [f"pass.{size}" for size in SIZES]
        assert min(sample.values.values()) > 0

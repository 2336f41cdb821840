from __future__ import annotations

import itertools
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.compare import compare
from edge_lam_benchmarks.items import SUITES, WorkItem
from edge_lam_benchmarks.models import BenchModel
from edge_lam_benchmarks.plan import WARM_UP, plan
from edge_lam_benchmarks.statistics import Spread, groups, headlines, noise, ratio_interval
from tests.benchmarks.bench_data import call, make_results

MODELS = [BenchModel("a.gguf", "Q8_0"), BenchModel("b.gguf", "Q4_0")]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_spread_has_the_quartiles_in_order(values: list[float]) -> None:
    spread = Spread.of(iter(values))
    assert spread is not None
    assert spread.n == len(values)
    assert min(values) <= spread.q1 <= spread.median <= spread.q3 <= spread.p95 <= max(values)


def test_spread_of_nothing_is_none() -> None:
    assert Spread.of([]) is None
    assert Spread.of([2.0]) == Spread(1, 2.0, 2.0, 2.0, 2.0)


def test_repeats_and_parts_are_grouped(tmp_path: Path) -> None:
    found = {
        (group.item.scenario, group.item.quant, group.part, bool(group.item.options.get("twin"))): group
        for group in groups(make_results(tmp_path / "a.json"))
    }
    assert len(found[("warm", "Q8_0", "", False)].samples) == 6
    assert found[("stages", "Q8_0", "5 tools", False)].values("memory.resident") == [1e8] * 3
    assert found[("warm", "Q8_0", "", False)].values("energy.joules") == []


def test_noise_is_the_worst_pair_of_twins(tmp_path: Path) -> None:
    results = make_results(tmp_path / "a.json")
    heard = noise(results)
    warm = [group for group in groups(results, "latency") if group.item.scenario == "warm"]
    first, second = (
        [group for group in warm if bool(group.item.options.get("twin")) is twin] for twin in (False, True)
    )
    ratios = [
        np.median(two.values("time.total")) / np.median(one.values("time.total"))
        for one, two in zip(first, second, strict=True)
    ]
    assert heard is not None
    assert heard.share == pytest.approx(max(ratios) - 1)
    assert heard.n == 6


def test_time_per_correct_call_is_all_time_through_right_answers(tmp_path: Path) -> None:
    results = make_results(tmp_path / "a.json")
    best, worse = headlines(results)
    assert (best.right, best.asked, best.accuracy) == (8, 10, 0.8)
    assert best.time == pytest.approx(0.2)
    assert best.time_correct == pytest.approx(10 * 0.2 / 8)
    assert worse.time_correct == pytest.approx(10 * 0.2 / 4)
    assert (best.resident, best.energy) == (1e8, None)


def test_times_of_a_shared_machine_are_not_used(tmp_path: Path) -> None:
    results = make_results(tmp_path / "a.json")
    results.settings["engine"] = "ray"
    best = headlines(results)[0]
    warm = next(group for group in groups(results, "latency") if group.item.scenario == "warm")
    assert best.time == pytest.approx(np.median(warm.values("time.total")))
    assert best.time_correct == pytest.approx(best.time / 0.8)


def test_conversations_are_no_single_calls(tmp_path: Path) -> None:
    results = make_results(tmp_path / "a.json")
    for item_id, result in list(results.items.items()):
        if result.item.suite == "quality":
            results.items[item_id] = replace(result, item=replace(result.item, scenario="episodes"))
    assert [row.asked for row in headlines(results)] == [0, 0]


def test_without_right_answers_there_is_no_time_per_correct_call(tmp_path: Path) -> None:
    results = make_results(tmp_path / "a.json")
    for result in results.done("quality"):
        for sample in result.samples:
            sample.labels["correct"] = False
    assert [row.time_correct for row in headlines(results)] == [None, None]


def test_interval_of_a_ratio_holds_the_truth() -> None:
    draw = random.Random(1)
    one, other = ([draw.gauss(10, 1) for _ in range(40)] for _ in range(2))
    low, high = ratio_interval(one, other)
    assert low < 1 < high
    low, high = ratio_interval([2 * value for value in one], other)
    assert low < 2 < high
    assert low > 1.7


def test_interval_of_a_ratio_of_a_few_values() -> None:
    assert ratio_interval([3.0], [2.0]) == (1.5, 1.5)
    assert ratio_interval([3.0, 3.0], [2.0]) == (1.5, 1.5)
    assert ratio_interval([3.0, 4.0], [2.0]) == (1.5, 2.0)


@pytest.mark.parametrize(("factor", "limit", "slower"), [(1.0, 0.1, 0), (1.5, 0.1, 6), (1.5, 0.6, 0), (0.5, 0.1, 0)])
def test_slower_means_more_than_the_limit(tmp_path: Path, factor: float, limit: float, slower: int) -> None:
    before, after = make_results(tmp_path / "a.json"), make_results(tmp_path / "b.json", factor=factor)
    found = compare(before, after, limit=limit)
    assert len(found.slower) == slower
    assert {change.figure for change in found.changes} == {"time.total", "time.process", "memory.resident"}
    assert all(change.ratio == pytest.approx(factor) for change in found.changes if change.suite == "latency")


def test_a_loss_that_noise_explains_is_not_one(tmp_path: Path) -> None:
    before, after = make_results(tmp_path / "a.json"), make_results(tmp_path / "b.json")
    for results, times in ((before, (0.1, 0.2, 0.9, 0.1, 0.8)), (after, (0.15, 0.25, 0.95, 0.1, 0.3))):
        for item_id, result in list(results.items.items()):
            if result.item.suite == "latency":
                results.items[item_id] = replace(result, samples=[call(time) for time in times])
    found = compare(before, after, limit=0.1)
    assert all(change.ratio == pytest.approx(1.25) for change in found.changes if change.figure == "time.total")
    assert found.slower == []


def test_runs_with_nothing_in_common_are_refused(tmp_path: Path) -> None:
    before, after = make_results(tmp_path / "a.json"), make_results(tmp_path / "b.json")
    for facts in after.models.values():
        facts["name"] = "another"
    with pytest.raises(InvalidRequest, match="have no measure in common"):
        compare(before, after)


def test_another_processor_is_remarked(tmp_path: Path) -> None:
    before, after = make_results(tmp_path / "a.json"), make_results(tmp_path / "b.json")
    place = after.environments["here"]
    after.environments = {"there": place | {"processor": place["processor"] | {"model": "Other"}}}
    assert compare(before, after).remarks == ("another processor: Some <CPU>, then Other",)


@pytest.fixture
def models(tiny_lam_path: Path, tmp_path: Path) -> list[BenchModel]:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).symlink_to(tiny_lam_path)
    return [BenchModel(str(tmp_path / name), "Q8_0") for name in ("a.gguf", "b.gguf")]


def test_each_round_has_everything_once_in_an_order_of_its_own(models: list[BenchModel]) -> None:
    items = plan(models, list(SUITES), {"n_threads": 1, "device": None}, repeats=4, seed=3)
    assert items == plan(models, list(SUITES), {"n_threads": 1}, repeats=4, seed=3)
    assert items != plan(models, list(SUITES), {"n_threads": 1}, repeats=4, seed=4)
    assert [item.model for item in items if item.repeat == WARM_UP] == [model.path for model in models]
    rounds = [[item for item in items if item.repeat == repeat and SUITES[item.suite].repeated] for repeat in range(4)]
    assert len({frozenset(item.group for item in one) for one in rounds}) == 1
    assert len({tuple(item.group for item in one) for one in rounds}) == 4
    assert all(sum(one.model != two.model for one, two in itertools.pairwise(each)) == 1 for each in rounds)
    assert len({item.id for item in items}) == len(items)


def test_quantizations_of_a_model_are_compared_with_one_of_them(models: list[BenchModel]) -> None:
    found = plan(models, ["quality"], {}, repeats=1, seed=0, scenarios=["divergence"])
    assert [(item.model, item.options["against"]) for item in found] == [(models[1].path, models[0].path)]
    asked = {"quality": {"episodes": True, "limit": 3}}
    items = plan(models[:1], ["quality"], {}, repeats=1, seed=0, extra=asked)
    assert {item.scenario for item in items} == {"tasks", "episodes"}
    assert [item.options["count"] for item in items if item.scenario == "tasks"] == [3]


def test_the_plan_holds_what_was_asked() -> None:
    items = plan(MODELS[:1], ["latency"], {}, repeats=1, seed=0)
    measured = {(item.scenario, item.options.get("tools"), item.options.get("callers")) for item in items}
    assert {("cold", count, None) for count in (1, 5, 20)} <= measured
    assert {("callers", 5, callers) for callers in (1, 2, 4, 8)} <= measured
    only = plan(MODELS[:1], ["latency", "memory"], {}, repeats=2, seed=0, scenarios=["text"])
    assert [item.repeat for item in only] == [WARM_UP, 0, 1]
    with pytest.raises(InvalidRequest, match="there is no scenario 'hot'"):
        plan(MODELS, ["latency"], {}, repeats=1, seed=0, scenarios=["hot"])
    assert all(isinstance(item, WorkItem) for item in items)

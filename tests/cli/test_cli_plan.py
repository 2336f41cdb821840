"""`edge-lam plan`."""

from __future__ import annotations

import json

import pytest

import edge_lam as edge_lam_package


@pytest.fixture
def plan(edge_lam):
    return lambda *arguments: edge_lam("plan", *arguments)


def test_json_adds_up(plan):
    result = plan("--n-ctx", "1024", "--json")
    told = json.loads(result.out)
    assert result.code == 0
    assert told["total"] == told["weights"] + told["kv"] + told["compute"]
    assert (told["n_ctx"], told["fits"]) == (1024, None)


def test_over_the_budget_it_fails_and_says_what_fits(plan):
    told = json.loads(plan("--n-ctx", "1024", "--json").out)
    fits = plan("--n-ctx", "4096", "--budget", str(told["total"]), "--json")
    assert fits.code == 1
    assert json.loads(fits.out)["largest_n_ctx"] == 1024
    assert "does not fit" in plan("--n-ctx", "4096", "--budget", str(told["total"])).out
    assert plan("--n-ctx", "1024", "--budget", str(told["total"])).code == 0


@pytest.mark.parametrize("budget", ["much", "-1", "2 TiBs", "1e9", "9" * 400])
def test_sizes_that_are_none_are_refused(plan, budget):
    result = plan("--budget", budget)
    assert result.code == 2
    assert "is no size" in result.err


@pytest.mark.parametrize(
    ("text", "size"), [("2GiB", 2**31), ("1.5m", 1572864), ("800 MB", 800_000_000), ("7b", 7), ("77", 77)]
)
def test_sizes_in_units(plan, text, size):
    assert json.loads(plan("--budget", text, "--json").out)["budget"] == size


@pytest.mark.parametrize(
    ("budget", "said"),
    [("20MB", "20MB with"), ("20 mb", "20 mb with"), ("20MiB", "20MiB (21.0 MB) with"), ("20M", "20M (21.0 MB) with")],
)
def test_a_budget_is_answered_as_it_was_typed_and_in_the_unit_of_the_table(plan, budget, said):
    shown = " ".join(plan("--n-ctx", "256", "--budget", budget).out.split())
    assert f"fits {said} 256 tokens" in shown or f"does not fit {said} 256 tokens" in shown


def test_sequences_and_types_are_planned_too(plan):
    one, four, small = (
        json.loads(plan("--ctx", "1024", *more, "--json").out)
        for more in ([], ["--parallel", "4"], ["--kv-type", "q8_0"])
    )
    assert four["kv"] == 4 * one["kv"]
    assert (four["n_parallel"], small["kv_type"]) == (4, "q8_0")
    assert 0.5 < small["kv"] / one["kv"] < 0.54
    budget = str(one["total"] + 2**17)  # more sequences have more rows of logits
    told = plan("--parallel", "4", "--budget", budget).out
    assert "with 4096 tokens for each of 4; at most 256 tokens of context fit" in told


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--n-ctx", "999999"], 1, "n_ctx must be a whole number from 1 to"),
        (["--parallel", "65"], 1, "n_parallel must be a whole number from 1 to 64"),
        (["--kv-type", "q3_0"], 2, "'q3_0' is not one of"),
        (["no-such.gguf"], 1, "no-such.gguf"),
    ],
)
def test_what_can_not_be_planned_is_refused_in_one_line(plan, arguments, code, message):
    result = plan(*arguments)
    assert result.code == code
    assert message in result.err
    assert [line.startswith("edge-lam: error: ") for line in result.err.splitlines()].count(True) == 1
    assert "Traceback" not in result.err


def test_a_plan_in_python_is_the_same(plan):
    told = json.loads(plan("--n-ctx", "1024", "--parallel", "2", "--kv-type", "q8_0", "--json").out)
    planned = edge_lam_package.plan(n_ctx=1024, n_parallel=2, kv_type="q8_0")
    assert isinstance(planned, edge_lam_package.MemoryPlan)
    assert told | planned.to_dict() == told

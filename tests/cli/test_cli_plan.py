"""`edge-lam plan`."""

from __future__ import annotations

import json

import pytest


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


@pytest.mark.parametrize(("text", "size"), [("2GiB", 2**31), ("1.5m", 1572864), ("800 MB", 800 * 2**20), ("77", 77)])
def test_sizes_in_units(plan, text, size):
    assert json.loads(plan("--budget", text, "--json").out)["budget"] == size

"""How smol-lam is scored, on the embedded model."""

from __future__ import annotations

from edge_lam.loading.model_path import EMBEDDED_MODEL
from smol_lam.evaluate import Scorer, names
from tiny_lam.evaluate import EVALUATION_SEED, SETS, episodes


def test_requests_with_the_same_tools_come_together():
    chosen = next(each for each in SETS if each.name.startswith("held-out tools"))
    assert [len(episode.conversations) for episode in episodes(chosen, 20, EVALUATION_SEED, 10)] == [10, 10]


def test_sets_are_chosen_by_parts_of_their_names():
    assert names(["newcomer", "parallel"]) == ["parallel calls", "newcomer"]
    assert len(names([])) == len(SETS) + 2


def test_a_set_is_scored_and_wrong_replies_are_told():
    scorer = Scorer(base=None, examples=6, seed=EVALUATION_SEED, conversations=6, constrain=True, threads=1)
    (right, total), wrong = scorer(EMBEDDED_MODEL, "trained tools, one tool")
    assert total == 6
    assert right >= 4
    assert len(wrong) == total - right

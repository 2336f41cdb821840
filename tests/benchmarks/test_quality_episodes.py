"""Episodes: the right actions are rewarded, any other state is not; and quantizations are compared in pairs."""

from __future__ import annotations

from typing import Any

import pytest

from edge_lam import load
from edge_lam.errors import InvalidRequest
from edge_lam.tools import as_tools
from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.quality.episodes import episode_items, judge, play, run_episodes
from edge_lam_benchmarks.quality.paired import paired
from edge_lam_benchmarks.quality.worlds import EPISODES, Episode

ALL = [episode for episodes in EPISODES.values() for episode in episodes]


def test_ids_are_unique() -> None:
    assert len({episode.id for episode in ALL}) == len(ALL)


@pytest.mark.parametrize("episode", ALL, ids=lambda episode: episode.id)
def test_the_right_actions_are_rewarded_and_others_are_not(episode: Episode) -> None:
    answers = [" ".join(episode.told)]
    assert judge(episode, episode.wanted(), answers).valid
    untouched = episode.world().state()
    assert judge(episode, untouched, answers).valid is (not episode.actions)
    if episode.told:
        assert judge(episode, episode.wanted(), ["I don't know."]).kind == "answer"


@pytest.mark.parametrize("episode", ALL, ids=lambda episode: episode.id)
def test_tools_can_do_what_is_wanted(episode: Episode) -> None:
    tools = {tool.name: tool for tool in as_tools(episode.world().tools())}
    for name, arguments in episode.actions:
        assert not tools[name].validate(arguments)


def test_an_episode_is_played_to_its_end() -> None:
    with load(log="off", prefix_cache=False) as lam:
        sample = play(lam, EPISODES["home"][1])
    assert len(sample.labels["answer"]["texts"]) == 2
    assert sample.values["time.total"] > 0
    assert sample.values["passes.decode"] > 0


def test_an_unknown_world_is_refused() -> None:
    assert [item.options["world"] for item in episode_items("", "")] == list(EPISODES)
    with pytest.raises(InvalidRequest, match="unknown world 'mars'"):
        run_episodes(WorkItem("quality", "", "episodes", "", {"world": "mars"}))


def sample(task: str, correct: bool, answer: Any, seconds: float = 1.0) -> Sample:
    return Sample({"time.total": seconds}, {"task": task, "correct": correct, "answer": answer})


def test_quantizations_are_compared_on_what_all_were_asked() -> None:
    full = [
        sample("a", True, 1),
        sample("b", True, 2),
        sample("c", False, 3),
        sample("d", True, 4),
        sample("x", True, 5),
    ]
    small = [
        sample("a", True, 1, 0.5),
        sample("b", False, 9, 0.5),
        sample("c", False, 3, 0.5),
        sample("d", False, 8, 0.5),
    ]
    reference, other = paired({"F16": full, "Q4_0": small}, "F16")
    assert (reference.n_requests, reference.correct, reference.agreement, reference.p_value) == (4, 3, 1.0, 1.0)
    assert (other.correct, other.agreement, other.only_this, other.only_reference) == (1, 0.5, 0, 2)
    assert (other.accuracy, other.p_value) == (0.25, 0.5)  # McNemar: two of two on one side
    assert (reference.seconds_per_correct, other.seconds_per_correct) == (4 / 3, 2.0)


def test_without_a_common_request_there_is_no_row() -> None:
    assert paired({"F16": [sample("a", True, 1)], "Q4_0": [sample("b", True, 1)]}, "F16") == []
    assert paired({}, "F16") == []

"""Episodes in the manner of tau-bench: a scripted user, tools with state, and a reward for the state they leave.

One item is one world. The model acts through `Agent`, as it would in use. tau-bench: Yao et al. 2024, "tau-bench: A
Benchmark for Tool-Agent-User Interaction in Real-World Domains"; the worlds are our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge_lam import LAM, Agent
from edge_lam.errors import InvalidRequest
from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.measure import loaded
from edge_lam_benchmarks.quality.judged import judged, leaderboard_calls, together
from edge_lam_benchmarks.quality.official import OfficialVerdict
from edge_lam_benchmarks.quality.worlds import EPISODES, Episode

MAX_ROUNDS = 6
MAX_TOKENS = 256


def episode_items(model: str, quant: str, worlds: Sequence[str] = tuple(EPISODES), **options: Any) -> list[WorkItem]:
    """Return an item for each world."""
    return [WorkItem("quality", model, "episodes", quant, {"world": world, **options}) for world in worlds]


def run_episodes(item: WorkItem) -> list[Sample]:
    """Play the episodes of one world.

    Raises:
        InvalidRequest: there is no such world.
        EdgeLamError: the model failed.
    """
    world = item.options.get("world", "")
    if world not in EPISODES:
        raise InvalidRequest(f"unknown world {world!r}", hint=f"one of {', '.join(EPISODES)}", param="world")
    lam = loaded.lam(item)
    return [play(lam, episode) for episode in EPISODES[world]]


def play(lam: LAM, episode: Episode) -> Sample:
    """Play one episode and judge the state that it leaves."""
    world = episode.world()
    agent = Agent(lam, world.tools(), concurrent=False, max_rounds=MAX_ROUNDS, max_tokens=MAX_TOKENS)
    messages: list[dict[str, Any]] = []
    reports, texts, calls = [], [], []
    for words in episode.says:
        done = agent.run([*messages, {"role": "user", "content": words}])
        messages = done.messages
        reports += done.reports
        texts.append(done.text)
        calls += [call for step in done.steps for call in leaderboard_calls(step.reply.tool_calls)]
    verdict = judge(episode, world.state(), texts)
    return judged(episode.id, verdict, {"texts": texts, "calls": calls}, together(reports))


def judge(episode: Episode, state: dict[str, Any], texts: Sequence[str]) -> OfficialVerdict:
    """Judge what an episode left: the state of its world, and what the user was told."""
    wanted = episode.wanted()
    if state != wanted:
        wrong = [key for key in wanted.keys() | state.keys() if wanted.get(key) != state.get(key)]
        found = ", ".join(f"{key} is {state.get(key)}, not {wanted.get(key)}" for key in sorted(wrong))
        return OfficialVerdict(valid=False, kind="state", reason=found)
    for words in episode.told:
        if not any(words in text for text in texts):
            return OfficialVerdict(valid=False, kind="answer", reason=f"no answer tells {words!r}")
    return OfficialVerdict(valid=True)

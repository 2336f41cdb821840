"""The Berkeley Function Calling Leaderboard: its requests to the model, its checker on the answers.

One item is a slice of one category, so that a run can be resumed. Requests go through `LAM.chat` with the tool choice
that the leaderboard has, "auto"; conversations go through `Agent`, whose tools live in the checker's process.
"""

from __future__ import annotations

import atexit
import json
from collections.abc import Mapping, Sequence
from typing import Any

from edge_lam import LAM, Agent
from edge_lam.errors import InvalidRequest
from edge_lam.tools import Tool, as_tools
from edge_lam_benchmarks.items import Sample, WorkItem
from edge_lam_benchmarks.measure import loaded, measure
from edge_lam_benchmarks.quality.judged import judged, leaderboard_calls, refused, reply_text, together
from edge_lam_benchmarks.quality.official import CATEGORIES, MULTI_TURN, Official, OfficialVerdict, OfficialWorld

SLICE = 20
"""Entries of one item."""
MAX_TOKENS = 512
MAX_STEPS = 21  # replies in one turn, after which the leaderboard gives up

official = Official()
atexit.register(official.close)


def bfcl_items(
    model: str, quant: str, categories: Sequence[str], *, limit: int | None = None, **options: Any
) -> list[WorkItem]:
    """Return the items of some categories.

    Args:
        model: of the items.
        quant: of the items.
        categories: of the leaderboard.
        limit: at most so many entries of each category, its first ones; None for all.
        **options: of the items.

    Raises:
        InvalidRequest: an unknown category, or bfcl-eval is not installed.
    """
    items = []
    for category in categories:
        count = len(official.entries(category))
        count = count if limit is None else min(limit, count)
        for first in range(0, count, SLICE):
            here = {"category": category, "first": first, "count": min(SLICE, count - first), **options}
            items.append(WorkItem("quality", model, "bfcl", quant, here))
    return items


def run_bfcl(item: WorkItem) -> list[Sample]:
    """Ask a slice of a category and check the answers.

    Raises:
        InvalidRequest: an unknown category, or bfcl-eval is not installed.
        EdgeLamError: the model failed.
    """
    category = item.options.get("category", "")
    if category not in CATEGORIES:
        raise InvalidRequest(f"unknown category {category!r}", hint=f"one of {', '.join(CATEGORIES)}", param="category")
    first, count = item.options.get("first", 0), item.options.get("count", SLICE)
    lam = loaded.lam(item)
    ask = _converse if category in MULTI_TURN else ask_entry
    return [ask(lam, entry, category) for entry in official.entries(category)[first : first + count]]


def ask_entry(lam: LAM, entry: Mapping[str, Any], category: str, *, constrain: bool = True) -> Sample:
    """Ask a single-turn request; with `constrain=False` the model writes what it wants."""
    labels = {"category": category}
    try:
        tools = as_tools(entry["function"])
        done = measure(lam, entry["question"][0], tools=tools, max_tokens=MAX_TOKENS, constrain=constrain)
    except InvalidRequest as error:
        return refused(entry["id"], error, **labels)
    calls = leaderboard_calls(done.reply.tool_calls)
    verdict = official.check(category, entry["id"], calls)
    return judged(entry["id"], verdict, reply_text(done.reply), done.sample.values, **labels)


def _converse(lam: LAM, entry: Mapping[str, Any], category: str) -> Sample:
    """Play a conversation of several turns, with as many calls in each as it takes."""
    world = official.world(entry["id"])
    definitions = list(entry["function"])
    messages: list[dict[str, Any]] = []
    turns: list[list[list[dict[str, Any]]]] = []
    answer: list[list[str]] = []
    reports = []
    labels = {"category": category}
    try:
        for number, news in enumerate(entry["question"]):
            definitions += entry.get("missed_function", {}).get(str(number), [])
            tools = _tools(definitions, world)
            agent = Agent(lam, tools, concurrent=False, max_rounds=MAX_STEPS, max_tokens=MAX_TOKENS)
            done = agent.run([*messages, *news])
            messages = done.messages
            reports += done.reports
            turns.append([leaderboard_calls(step.reply.tool_calls) for step in done.steps])
            answer.append([reply_text(step.reply) for step in done.steps])
            if done.finish_reason == "max_rounds":
                break
    except InvalidRequest as error:
        if not reports:
            return refused(entry["id"], error, **labels)
        verdict = OfficialVerdict(valid=False, kind=f"refused:{error.code}", reason=error.message)
        return judged(entry["id"], verdict, answer, together(reports), **labels)
    return judged(entry["id"], world.check(turns), answer, together(reports), **labels)


def _tools(definitions: Sequence[Mapping[str, Any]], world: OfficialWorld) -> list[Tool]:
    """Return tools that run in the checker's process."""

    def of(definition: Mapping[str, Any]) -> Tool:
        def run(**arguments: Any) -> Any:
            return _result(world.execute({definition["name"]: arguments}))

        return Tool.from_schema(definition, function=run)

    return [of(definition) for definition in definitions]


def _result(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # results may be text
        return text

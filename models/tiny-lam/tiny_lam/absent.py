"""Tools that an episode lacks: what a request that no given tool serves would have called."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tiny_lam import catalog
from tiny_lam.procedural import VERBS, procedural_tool, same_work
from tiny_lam.replies import words_of
from tiny_lam.spec import ToolSpec

_SAY_NOTHING = {"get", "set", "find", "list", "add", "search", "create", "check"}


def _words(tool: ToolSpec) -> set[str]:
    return set(words_of(tool.origin or tool.name).split())


def _alike(other: ToolSpec, tools: list[ToolSpec]) -> bool:
    """Whether `other` shares a telling word with one of `tools`, so that a request for it may not be irrelevant."""
    return any((_words(other) - _SAY_NOTHING) & _words(tool) for tool in tools)


def other_tool(rng: random.Random, tools: list[ToolSpec], pool: Sequence[ToolSpec] = ()) -> ToolSpec:
    """A hand-written tool unlike all of `tools`: one of `pool`, or where that is empty, of tiny-lam's."""
    names = {tool.name for tool in tools} | {tool.description for tool in tools}
    origins = {tool.origin or tool.name for tool in tools}
    while True:
        other = rng.choice(pool or catalog.TRAINED + catalog.DEMO)
        if other.name not in origins and other.name not in names and not _alike(other, tools):
            return other


def other_procedural(rng: random.Random, tools: list[ToolSpec]) -> ToolSpec:
    """A procedural tool that shares no word with `tools`."""
    while True:
        other = procedural_tool(rng)
        if not any(set(words_of(tool.name).split()) & set(other.name.split("_")) for tool in tools):
            return other


def same_app(origins: set[str], apps: Sequence[Sequence[ToolSpec]]) -> list[ToolSpec]:
    """The other tools of the apps that those named `origins` belong to."""
    theirs = (app for app in apps if any(tool.name in origins for tool in app))
    return [tool for app in theirs for tool in app if tool.name not in origins]


def near_tool(rng: random.Random, tools: list[ToolSpec], apps: Sequence[Sequence[ToolSpec]] = ()) -> ToolSpec | None:
    """A tool close to one of `tools`, which serve it still not; None where the first draw finds none.

    Either one of the same app, if `apps` are given; or another of the demo's tools; or one with the verb or the noun of
    a procedural one and other work to do.
    """
    origins = {tool.origin or tool.name for tool in tools}
    if apps and (others := same_app(origins, apps)) and rng.random() < 0.8:
        return rng.choice(others)
    demo = [tool for tool in catalog.DEMO if tool.name not in origins and not _alike(tool, tools)]
    if demo and len(demo) < len(catalog.DEMO) and rng.random() < 0.7:
        return rng.choice(demo)
    twins = [words for tool in tools if len(words := tool.name.split("_")) == 2 and words[0] in VERBS]
    if not twins:
        return rng.choice(demo) if demo else None
    verb, noun = rng.choice(twins)
    other = procedural_tool(rng, verb=verb) if rng.random() < 0.5 else procedural_tool(rng, noun=noun)
    verb, noun = other.name.split("_")
    if any(noun in words and (verb in words or same_work(verb, words)) for words in map(_words, tools)):
        return None
    return other

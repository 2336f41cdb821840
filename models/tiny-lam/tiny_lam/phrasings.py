"""More ways to ask, as patterns: ``[what's|tell me] the time in {city}`` stands for each choice from each bracket.

Only training draws them: the evaluation's requests stay the same when patterns are added. A pattern that comes out as
a held-out phrasing is drawn again.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from tiny_lam import slots
from tiny_lam.brackets import CHOICE, resolve
from tiny_lam.replies import IRRELEVANT_HELD_OUT
from tiny_lam.small_talk import BEYOND_THE_DEMO, SMALL_TALK
from tiny_lam.spec import ToolSpec, slots_of
from tiny_lam.synonyms import reword


@dataclass(frozen=True)
class Variety:
    """How often a phrasing is drawn from a tool's patterns, where it has some, and how often it is put in other words."""

    patterns: float
    reworded: float


FREE = Variety(0.6, 0.4)  # for the demo's tools, to which people talk as they like
NEAR = Variety(0.35, 0.25)  # for all others: closer to the templates, which so are learnt whole


def plain(text: str) -> str:
    """A phrasing without the case and the marks at its end, for comparing."""
    return text.lower().rstrip("?.! ")


def check(tool: ToolSpec, patterns: tuple[str, ...]) -> None:
    """Raise ValueError for a pattern that lacks a required parameter of `tool` or names an unknown one."""
    for pattern in patterns:
        brackets = [bracket.split("|") for bracket in CHOICE.findall(pattern)]
        fixed = CHOICE.split(pattern)[::2]  # what stands between the brackets
        if any(sign in text for text in fixed for sign in "[]"):
            raise ValueError(f"{tool.name}: {pattern!r} has brackets inside brackets")
        for i in range(max(map(len, brackets), default=1)):  # each text of each bracket comes at least once
            found = slots_of("".join([*fixed, *(texts[i % len(texts)] for texts in brackets)]))
            if set(tool.required) - found or found - set(tool.params):
                raise ValueError(f"{tool.name}: {pattern!r} must hold {tool.required} and nothing unknown")


def draw_template(tool: ToolSpec, rng: random.Random, variety: Variety = FREE) -> str:
    """Draw a phrasing of `tool`, from its templates or patterns, many in other words; never a held-out one."""
    held = {plain(text) for text in tool.held}
    while True:
        text = rng.choice(tool.says)
        if tool.more and rng.random() < variety.patterns:
            text = resolve(rng.choice(tool.more), rng)
        if rng.random() < variety.reworded:
            text = reword(text, rng)
        if plain(text) not in held:
            return text


def small_talk(rng: random.Random, *, demo: bool = False) -> str:
    """Draw a request that no tool serves, or where only the demo's tools are given, none of them; no held-out one."""
    held = {plain(text) for text in IRRELEVANT_HELD_OUT}
    while True:
        text = resolve(rng.choice(SMALL_TALK + BEYOND_THE_DEMO if demo else SMALL_TALK), rng)
        text = re.sub(r"<(\w+)>", lambda match: slots.draw(match[1], rng), text)
        if plain(text) not in held:
            return text

"""More ways to ask, as patterns: ``[what's|tell me] the time in {city}`` stands for each choice from each bracket.

Only training draws them: the evaluation's requests stay the same when patterns are added. A pattern that comes out as
a held-out phrasing is drawn again.
"""

from __future__ import annotations

import random
import re

from tiny_lam import slots
from tiny_lam.spec import ToolSpec, slots_of

_CHOICE = re.compile(r"\[([^\[\]]*)\]")


def resolve(pattern: str, rng: random.Random) -> str:
    """Choose one of each bracket's texts, which may be empty."""
    text = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), pattern)
    return re.sub(r" +([?.,!:]?)", lambda match: match[1] or " ", text).strip()


def plain(text: str) -> str:
    """A phrasing without the case and the marks at its end, for comparing."""
    return text.lower().rstrip("?.! ")


def check(tool: ToolSpec, patterns: tuple[str, ...]) -> None:
    """Raise ValueError for a pattern that lacks a required parameter of `tool` or names an unknown one."""
    for pattern in patterns:
        brackets = [bracket.split("|") for bracket in _CHOICE.findall(pattern)]
        fixed = _CHOICE.split(pattern)[::2]  # what stands between the brackets
        if any(sign in text for text in fixed for sign in "[]"):
            raise ValueError(f"{tool.name}: {pattern!r} has brackets inside brackets")
        for i in range(max(map(len, brackets), default=1)):  # each text of each bracket comes at least once
            found = slots_of("".join([*fixed, *(texts[i % len(texts)] for texts in brackets)]))
            if set(tool.required) - found or found - set(tool.params):
                raise ValueError(f"{tool.name}: {pattern!r} must hold {tool.required} and nothing unknown")


def vary(tool: ToolSpec, rng: random.Random) -> str:
    """Draw a phrasing of `tool` from its patterns, never a held-out one."""
    held = {plain(text) for text in tool.held}
    while True:
        text = resolve(rng.choice(tool.more), rng)
        if plain(text) not in held:
            return text


def small_talk(rng: random.Random) -> str:
    """Draw a request that no tool serves."""
    text = resolve(rng.choice(SMALL_TALK), rng)
    return re.sub(r"<(\w+)>", lambda match: slots.draw(match[1], rng), text)


SMALL_TALK = (
    "[tell|write] me a [joke|story|poem|riddle|rhyme|fairy tale|limerick] about <animal>",
    "[write|compose] a [song|poem|speech|letter|story|rap|haiku] about <topic>",
    "[who wrote|who is the author of|when was|what is the plot of] <book>?",
    "what is the [capital|flag|anthem|main religion|national dish|highest mountain|longest river] of <country>?",
    "[who is|what do you think about|how old is|where was] <artist> [born|]?",
    "why [do|don't|can't] <animal> [sleep|fly|sing|swim|talk|dream|laugh|run so fast]?",
    "how [many teeth do|long do|fast can|big are|smart are] <animal> [have|live|run|]?",
    "[how do I|what's the best way to|teach me to|explain how to] [draw|train|feed|catch|paint] <animal>",
    "[explain|summarize|teach me] <topic> [in simple words|to a child|in two sentences|]",
    "what [do you think|is your opinion|are the pros and cons] of <topic>?",
    "[is|was] <company> a good [company|place to work|employer]?",
    "[which is better|what is better], <food> or <food>?",
    "[do you like|have you ever tried|can you smell|do you eat] <food>?",
    "[who invented|why do people like|what is the history of|is it healthy to eat] <food>?",
    "[what are the rules of|who is the best at|how do I get better at|why is everybody mad about] <sport>?",
    "[what's the moral of|who directed|who starred in|is it worth watching] <movie>?",
    "[do|can] you [love|hate|fear|dream of|know] <person>?",
    "what [gift|present] should I [buy|make|get] for <person>?",
    "[I feel|I am so] [lonely|tired|happy|angry|nervous|bored|lost] [today|lately|about <topic>|]",
    "what would happen if [the moon vanished|nobody slept|it never got dark|<animal> ruled the world]?",
    "how do I [become a|get a job as a] [doctor|teacher|baker|judge|singer|farmer|chef|painter]?",
    "[cook|bring|make|fetch] me [some|a plate of] <food>",
    "[give me|I need] [advice|tips|ideas|some wisdom] [on|about|for] [love|parenting|a first date|studying|saving money|public speaking]",
    "[is|are] [the earth flat|aliens real|numbers infinite|we alone|zombies real|dreams meaningful]?",
    "why [is the sea salty|is the grass green|do we cry|do cats purr|do stars twinkle|is ice slippery|do onions make me cry]?",
    "what makes [music beautiful|the universe expand|people laugh|money valuable|a joke funny]?",
    "what is the origin of [language|laughter|the alphabet|money|superstition]?",
    "[fold|wash|iron] my [laundry|clothes|socks|dishes]",
    "[drive|carry|walk] me [home|to work|to the beach|upstairs]",
    "who [won|lost|started] the [war|election|race|battle|final] [of <country>|in 1950|last century]?",
    "[prove|explain|derive] [the pythagorean theorem|evolution|relativity|photosynthesis|how rainbows form]",
)

"""Patterns of texts: ``[what's|tell me] the time`` stands for each choice from each bracket, which may be empty."""

from __future__ import annotations

import random
import re

CHOICE = re.compile(r"\[([^\[\]]*)\]")


def resolve(pattern: str, rng: random.Random) -> str:
    """Choose one of each bracket's texts."""
    text = CHOICE.sub(lambda match: rng.choice(match[1].split("|")), pattern)
    return re.sub(r" +([?.,!:]?)", lambda match: match[1] or " ", text).strip()

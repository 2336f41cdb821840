"""A conversation by turns: a request of the user with all that followed it, up to the next request.

Calls and their results lie inside of one turn, so that what leaves out whole turns never parts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

Turn: TypeAlias = "list[dict[str, Any]]"


def split_turns(messages: Sequence[dict[str, Any]]) -> tuple[Turn, list[Turn]]:
    """Return the system messages that open a conversation, and its turns.

    A turn begins with a user message that follows none; what stands before the first request is a turn, too.
    """
    n_opening = next((n for n, message in enumerate(messages) if message["role"] != "system"), len(messages))
    turns: list[Turn] = []
    before = ""
    for message in messages[n_opening:]:
        if not turns or (message["role"] == "user" and before != "user"):
            turns.append([])
        turns[-1].append(message)
        before = message["role"]
    return list(messages[:n_opening]), turns


def without_oldest_turns(messages: Sequence[dict[str, Any]]) -> Turn | None:
    """Return a conversation without its older half; None if it has only one turn.

    Half at once, because whatever is left out in front has the model read all that stays again.
    """
    opening, turns = split_turns(messages)
    if len(turns) < 2:
        return None
    sizes = [sum(len(str(message)) for message in turn) for turn in turns]
    first = 1
    while first < len(turns) - 1 and sum(sizes[first:]) > sum(sizes) / 2:
        first += 1
    return [*opening, *(message for turn in turns[first:] for message in turn)]

"""`Habits`: what the model chose after which tokens, in all replies of one engine.

In go the last tokens and what was chosen then, out comes what is likely chosen after the same ones. Where a grammar
leaves a choice, it is often no real one: whether a space stands before a value, whether a second call follows.
"""

from __future__ import annotations

from collections.abc import Sequence

MOST_CONTEXTS = 4096
# A choice counts as seen this much less often, and anything else as seen this much more: one sight is no habit.
DOUBT = 0.5


class Habits:
    """Counts of choices, by the last two tokens and by the last one alone."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, ...], dict[int, int]] = {}

    def next(self, last: Sequence[int]) -> tuple[int, float] | None:
        """Return the likeliest choice after the last tokens, and how likely it is; None if they are new."""
        best: tuple[int, float] | None = None
        for context in (tuple(last[-2:]), tuple(last[-1:])):
            counts = self._counts.get(context)
            if not counts:
                continue
            token = max(counts, key=counts.__getitem__)
            rate = (counts[token] - DOUBT) / (sum(counts.values()) + DOUBT)
            if best is None or rate > best[1]:
                best = token, rate
        return best

    def note(self, last: Sequence[int], token: int) -> None:
        """Take note of a choice after the last tokens; contexts that were not seen for longest are forgotten."""
        for context in {tuple(last[-2:]), tuple(last[-1:])}:
            counts = self._counts.pop(context, {})
            counts[token] = counts.get(token, 0) + 1
            self._counts[context] = counts
            if len(self._counts) > MOST_CONTEXTS:
                del self._counts[next(iter(self._counts))]

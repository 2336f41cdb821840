"""Drafts: tokens guessed from what the prompt and the reply say already, so that one pass can verify several.

In come the tokens so far and the constraint; out comes a `Draft`, as long as it pays. The guess is a prompt lookup
(https://github.com/apoorvumang/prompt-lookup-decoding): what followed the last few tokens when they stood in the prompt
before. A value copied from the user's words or a name from a definition is found that way. Knows nothing of models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.decoding.constraint import Unconstrained
    from edge_lam.decoding.costs import PassCosts

LONGEST_MATCH = 4
MOST_GUESSES = 8
MOST_CANDIDATES = 32
# How often a guess is right until it is known better, by the length of the match that it rests on; worth four guesses.
PRIOR_RATES = (0.3, 0.5, 0.65, 0.75)
PRIOR_WEIGHT = 4.0
# What was seen counts half after this many guesses, so that the rates follow the conversation.
HALF_LIFE = 64.0


@dataclass(frozen=True)
class Draft:
    """Tokens to verify.

    Attributes:
        tokens: guessed tokens, and those that the grammar forces after them.
        guesses: where in `tokens` the guessed ones are.
        matches: the length of the match that each guess rests on, from 1 to `LONGEST_MATCH`.
        spared: a first guess and its match that did not pay; it is compared with what the model chooses all the same.
    """

    tokens: list[int] = field(default_factory=list)
    guesses: list[int] = field(default_factory=list)
    matches: list[int] = field(default_factory=list)
    spared: tuple[int, int] | None = None

    def rows(self, n_unread: int) -> list[int]:
        """Return after which tokens logits are needed, when the draft is read behind `n_unread` others."""
        return [n_unread - 1 + offset for offset in [*self.guesses, len(self.tokens)]]

    def guessed(self, row: int, token: int) -> bool:
        """Tell whether `token`, chosen from the logits of a row, is what was guessed there."""
        return row < len(self.guesses) and self.tokens[self.guesses[row]] == token


class Lookup:
    """The tokens of a prompt and its reply, and what followed their last ones earlier on.

    Args:
        prompt: its tokens.
        most: most tokens that will be added.
    """

    def __init__(self, prompt: Sequence[int], most: int) -> None:
        import numpy as np

        self._tokens: NDArray[np.int32] = np.empty(len(prompt) + most, dtype=np.int32)
        self._tokens[: len(prompt)] = prompt
        self.length = len(prompt)

    def add(self, tokens: Sequence[int]) -> None:
        """Add tokens at the end."""
        self._tokens[self.length : self.length + len(tokens)] = tokens
        self.length += len(tokens)

    def cut(self, length: int) -> None:
        """Take tokens away from the end."""
        self.length = length

    def next(self) -> tuple[int, int] | None:
        """Return the token that followed the longest earlier match of the last ones, and the match's length.

        Of equally long matches the latest counts. None if even the last token is new.
        """
        tokens, end = self._tokens, self.length
        found = (tokens[: end - 1] == tokens[end - 1]).nonzero()[0][-MOST_CANDIDATES:]
        best = longest = 0
        for place in reversed(found.tolist()):
            length = 1
            while length < LONGEST_MATCH and length <= place and tokens[place - length] == tokens[end - 1 - length]:
                length += 1
            if length > longest:
                best, longest = place, length
                if length == LONGEST_MATCH:
                    break
        return (int(tokens[best + 1]), longest) if longest else None


class Drafter:
    """Drafts as far as it pays, from what passes cost and how often guesses were right.

    Args:
        costs: what a pass costs on this model and device.
    """

    def __init__(self, costs: PassCosts) -> None:
        self.costs = costs
        self._right = [rate * PRIOR_WEIGHT for rate in PRIOR_RATES]
        self._tried = [PRIOR_WEIGHT] * len(PRIOR_RATES)

    def rate(self, match: int) -> float:
        """Return how often guesses that rest on a match of this length were right."""
        return self._right[match - 1] / self._tried[match - 1]

    def draft(self, lookup: Lookup, constraint: Unconstrained, n_unread: int, most: int, n_others: int = 0) -> Draft:
        """Guess what comes next.

        Args:
            lookup: the tokens so far.
            constraint: what the reply may be, at the end of those tokens; left as it is.
            n_unread: tokens that the next pass reads anyway.
            most: longest draft.
            n_others: tokens that the next pass is expected to read for other replies.

        Returns:
            The draft that is expected to save the most time; it may be empty.
        """
        if not (found := lookup.next()):
            return Draft()
        # A confirmed guess spares this reply a pass; of one that others share it spares only a share.
        spared, n_read = self.costs.of(n_others + 1) / (n_others + 1), n_others + n_unread
        if self.rate(found[1]) * spared <= self.costs.added(n_read, 1):
            return Draft(spared=found)
        length, ahead = lookup.length, constraint.fork()
        draft = best = Draft()
        likely, saved, gain = 1.0, 0.0, 0.0
        while found and len(draft.guesses) < MOST_GUESSES:
            token, match = found
            if ahead.is_finished or not ahead.allows(token):
                break
            ahead.accept([token])
            run = [token, *ahead.forced()]
            ahead.accept(run[1:])
            if len(draft.tokens) + len(run) > most:
                break
            guesses, matches = [*draft.guesses, len(draft.tokens)], [*draft.matches, match]
            draft = Draft([*draft.tokens, *run], guesses, matches)
            likely *= self.rate(match)
            saved += likely * spared
            cost = self.costs.added(n_read, len(draft.tokens))
            if saved - cost > gain:
                gain, best = saved - cost, draft
            lookup.add(run)
            found = lookup.next()
        lookup.cut(length)
        return best

    def learn(self, draft: Draft, tokens: Sequence[int], confirmed: int) -> None:
        """Take note of how good a draft was.

        Args:
            draft: as it was verified.
            tokens: what the model chose and the grammar forced after it.
            confirmed: how many guesses, from the first on, were right.
        """
        for index, match in enumerate(draft.matches[: confirmed + 1]):
            self._note(match, right=index < confirmed)
        if draft.spared and tokens:
            self._note(draft.spared[1], right=draft.spared[0] == tokens[0])

    def _note(self, match: int, *, right: bool) -> None:
        decay = 0.5 ** (1 / HALF_LIFE)
        self._right[match - 1] = self._right[match - 1] * decay + right
        self._tried[match - 1] = self._tried[match - 1] * decay + 1

"""Speculative decoding without a draft model: tokens guessed from what prompt and reply say already.

In come the tokens so far and the constraint; out comes a `Draft` for one pass to verify, as long as it pays. A guess is
either a prompt lookup (https://github.com/apoorvumang/prompt-lookup-decoding), what followed the last few tokens when
they stood in the prompt before: a value copied from the user's words or a name from a definition is found that way. Or
it is from the `NgramCache`, what followed the last tokens in earlier replies: how calls go on after a name, and how
they end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.decoding.constraint import Constraint
    from edge_lam.decoding.costs import PassCosts

MAX_MATCH = 4  # tokens that a lookup compares
MAX_GUESSES = 8  # each needs a row of logits, which a context sets memory aside for
MAX_DRAFT_TOKENS = 127  # guesses and what the grammar forces behind them; with the token before: a pass of 128
MAX_CANDIDATES = 32  # places that a lookup looks at: a space stands everywhere, and each is compared in Python
MAX_NGRAMS = 4096  # contexts that are remembered, a few hundred bytes each
# How often a lookup is right until it is known better, by the length of the match that it rests on; worth four guesses.
PRIOR_RATES = (0.3, 0.5, 0.65, 0.75)
PRIOR_WEIGHT = 4.0
# What was seen counts half after this many guesses, so that the rates follow the conversation.
HALF_LIFE = 64.0
# In the n-gram cache a choice counts as seen this much less often, and anything else as seen this much more: what was
# seen once is no rule.
DOUBT = 0.5


@dataclass(frozen=True, slots=True)
class Guess:
    """One token that may come next.

    Attributes:
        token: its id.
        match: the length of the match that it rests on, from 1 to `MAX_MATCH`; 0 if it is from the n-gram cache.
        rate: how likely it is right, from 0 to 1.
    """

    token: int
    match: int
    rate: float


@dataclass(frozen=True)
class Draft:
    """Tokens to verify.

    Attributes:
        tokens: guessed tokens, and those that the grammar forces after them.
        offsets: where in `tokens` the guessed ones are.
        guesses: the guessed ones.
        spared: a first guess that did not pay; it is compared with what the model chooses all the same.
    """

    tokens: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    guesses: list[Guess] = field(default_factory=list)
    spared: Guess | None = None

    def guessed(self, row: int, token: int) -> bool:
        """Tell whether `token`, chosen from the logits of a row, is what was guessed there."""
        return row < len(self.guesses) and self.guesses[row].token == token


class PromptLookup:
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

    def last(self, n: int) -> tuple[int, ...]:
        """Return the last tokens, at most `n`."""
        return tuple(self._tokens[max(0, self.length - n) : self.length].tolist())

    def candidates(self) -> Iterator[tuple[int, int]]:
        """Yield the tokens that followed the last ones earlier, each with the length of its match.

        The longest match comes first, of equally long ones the latest. Nothing comes if even the last token is new.
        """
        tokens, end = self._tokens, self.length
        places = (tokens[: end - 1] == tokens[end - 1]).nonzero()[0][-MAX_CANDIDATES:].tolist()
        found: dict[int, int] = {}
        for place in reversed(places):
            length = 1
            while length < MAX_MATCH and length <= place and tokens[place - length] == tokens[end - 1 - length]:
                length += 1
            token = int(tokens[place + 1])
            if length > found.get(token, 0):
                found[token] = length
            if length == MAX_MATCH:
                break
        yield from sorted(found.items(), key=lambda item: -item[1])


class NgramCache:
    """Counts what was chosen after the last two tokens and after the last one alone, in all replies of one engine.

    Where a grammar leaves a choice, it is often no real one: whether a space stands before a value, whether a second
    call follows.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[int, ...], dict[int, int]] = {}

    def next(self, last: Sequence[int]) -> tuple[int, float] | None:
        """Return the likeliest choice after the last tokens, and how likely it is; None if they are new."""
        # Two tokens tell more than one, but were seen less often: the doubt in the rate decides between them.
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

    def add(self, last: Sequence[int], token: int) -> None:
        """Count a choice after the last tokens; what was not seen for longest is forgotten."""
        for context in {tuple(last[-2:]), tuple(last[-1:])}:
            counts = self._counts.pop(context, {})
            counts[token] = counts.get(token, 0) + 1
            self._counts[context] = counts
            if len(self._counts) > MAX_NGRAMS:
                del self._counts[next(iter(self._counts))]


class Speculator:
    """Drafts as far as it pays, from what passes cost and how often guesses were right; one for all replies.

    Args:
        costs: what a pass costs on this model and device.
        max_tokens: longest draft.
        max_guesses: most guesses in it; each needs a row of logits.
    """

    def __init__(self, costs: PassCosts, *, max_tokens: int = MAX_DRAFT_TOKENS, max_guesses: int = MAX_GUESSES) -> None:
        self.costs = costs
        self.ngrams = NgramCache()
        self._max_tokens, self._max_guesses = max_tokens, max_guesses
        self._right = [rate * PRIOR_WEIGHT for rate in PRIOR_RATES]
        self._tried = [PRIOR_WEIGHT] * len(PRIOR_RATES)

    def rate(self, match: int) -> float:
        """Return the share of lookups resting on a match of this length that were right, from 0 to 1."""
        return self._right[match - 1] / self._tried[match - 1]

    def draft(self, lookup: PromptLookup, constraint: Constraint, n_unread: int, most: int, n_others: int = 0) -> Draft:
        """Guess what comes next.

        Args:
            lookup: the tokens so far.
            constraint: what the reply may be, at the end of those tokens; left as it is.
            n_unread: tokens that the next pass reads anyway.
            most: longest draft that the reply has room for.
            n_others: tokens that the next pass is expected to read for other replies.

        Returns:
            The draft that is expected to save the most time; it may be empty.
        """
        if not (guess := self._guess(lookup, constraint)):
            return Draft()
        # A confirmed guess spares this reply a pass; of one that others share it spares only a share.
        spared, n_read = self.costs.of(n_others + 1) / (n_others + 1), n_others + n_unread
        if guess.rate * spared <= self.costs.added(n_read, 1):
            return Draft(spared=guess)
        most = min(most, self._max_tokens)
        length, ahead = lookup.length, constraint.fork()
        draft = best = Draft()
        likely, saved, gain = 1.0, 0.0, 0.0
        while guess and len(draft.guesses) < self._max_guesses:
            ahead.accept([guess.token])
            run = [guess.token, *ahead.forced()]
            ahead.accept(run[1:])
            if len(draft.tokens) + len(run) > most:
                break
            # It goes on where a guess does not pay by itself: what the grammar forces behind a later one, such as the
            # name of a parameter, may pay for all. The best of all lengths is what is returned.
            offsets, guesses = [*draft.offsets, len(draft.tokens)], [*draft.guesses, guess]
            draft = Draft([*draft.tokens, *run], offsets, guesses)
            likely *= guess.rate
            saved += likely * spared
            cost = self.costs.added(n_read, len(draft.tokens))
            if saved - cost > gain:
                gain, best = saved - cost, draft
            lookup.add(run)  # the next guess is made as if this one were right
            guess = None if ahead.is_finished else self._guess(lookup, ahead)
        lookup.cut(length)
        return best

    def _guess(self, lookup: PromptLookup, constraint: Constraint) -> Guess | None:
        """Return the likeliest guess among those that the constraint allows."""
        best: Guess | None = None
        if likely_next := self.ngrams.next(lookup.last(2)):
            best = Guess(likely_next[0], 0, likely_next[1])
        if best and not constraint.allows(best.token):
            best = None
        for token, match in lookup.candidates():
            if best and self.rate(match) <= best.rate:  # those that follow rest on no longer match
                break
            if constraint.allows(token):
                return Guess(token, match, self.rate(match))
        return best

    def learn(self, lookup: PromptLookup, draft: Draft, tokens: Sequence[int], confirmed: int) -> None:
        """Take note of how good a draft was, and of what was chosen.

        Args:
            lookup: the tokens before it.
            draft: as it was verified.
            tokens: what the model chose and the grammar forced after it.
            confirmed: how many guesses, from the first on, were right.
        """
        # The first wrong guess counts, too. Those behind it rest on it: whether they are right, nobody knows.
        for index, guess in enumerate(draft.guesses[: confirmed + 1]):
            self._note(guess, right=index < confirmed)
        if draft.spared and tokens:  # else a rate that once fell too low to be tried would never rise again
            self._note(draft.spared, right=draft.spared.token == tokens[0])
        last = lookup.last(2)
        text, start = [*last, *tokens], len(last)
        for offset in [*draft.offsets, len(draft.tokens)][: confirmed + 1]:  # where there was a choice
            if offset < len(tokens):
                self.ngrams.add(text[: start + offset], tokens[offset])

    def _note(self, guess: Guess, *, right: bool) -> None:
        if guess.match:  # the n-gram cache counts for itself
            decay = 0.5 ** (1 / HALF_LIFE)
            self._right[guess.match - 1] = self._right[guess.match - 1] * decay + right
            self._tried[guess.match - 1] = self._tried[guess.match - 1] * decay + 1

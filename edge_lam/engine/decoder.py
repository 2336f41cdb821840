"""`Decoder`: makes the tokens of one reply, whatever drives it: from logits, under a constraint.

Constraint and speculator propose, the model disposes: tokens that the grammar forces, and guesses to verify, are read
with the token chosen before them, so that one pass does for all.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from edge_lam.cache import common_length
from edge_lam.decoding import Draft, PromptLookup
from edge_lam.engine.sequence import Status

if TYPE_CHECKING:
    from collections.abc import Set

    from edge_lam.decoding import Constraint, Sampler, Speculator, Trace
    from edge_lam.engine.sequence import Rows, Sequence


class Decoder:
    """Writes the reply of a sequence; `finish_reason` of the sequence tells when it is whole.

    Args:
        sequence: gets the tokens.
        constraint: what the reply may be; fresh.
        sampler: how tokens are chosen.
        speculator: guesses tokens to verify; without one, each pass chooses one token.
        end_tokens: those that end a reply.
        trace: takes note of the tokens as they are chosen.
    """

    def __init__(
        self,
        sequence: Sequence,
        constraint: Constraint,
        sampler: Sampler,
        speculator: Speculator | None = None,
        *,
        end_tokens: Set[int],
        trace: Trace | None = None,
    ) -> None:
        self.constraint, self.trace = constraint, trace
        self._sequence, self._sampler, self._speculator = sequence, sampler, speculator
        self._end_tokens = end_tokens
        self._lookup = PromptLookup(sequence.prompt, sequence.max_tokens)
        self._n_noted = 0  # logits of the prompt

    def begin(self) -> list[int]:
        """Return the tokens that the reply has to begin with; they are read with the prompt.

        Raises:
            InvalidRequest: the schemas are beyond llguidance's limits.
        """
        sequence, constraint = self._sequence, self.constraint
        masked = constraint.seconds
        is_noted = self.trace is not None and self.trace.begin(constraint)
        opening = self._forced(sequence.max_tokens)
        sequence.times.mask += constraint.seconds - masked
        sequence.wants_start = is_noted and bool(opening)
        sequence.tokens += opening
        self._lookup.add(opening)
        if sequence.max_tokens or not sequence.n_unread:
            self._check_end()
        return opening

    def step(self, logits: Rows, n_others: int = 0) -> list[int]:
        """Choose the next tokens, and guess those behind them.

        Args:
            logits: a row for each of `Sequence.rows` that was read.
            n_others: tokens that the next pass is expected to read for other sequences.

        Returns:
            The new tokens of the reply: guesses that the model confirms, one that it chooses, and forced ones. None if
            there is more to read first.

        Raises:
            BackendError: the logits are no numbers.
            InvalidRequest: the schemas are beyond llguidance's limits.
        """
        sequence, first = self._sequence, self._note_prompt(logits)
        if sequence.wants_start and self.trace and sequence.n_computed >= len(sequence.prompt):
            self.trace.start(logits[first])
            sequence.wants_start, first = False, first + 1
        if sequence.n_unread:
            return []
        if not sequence.max_tokens:
            self._check_end()
            return []
        sequence.status = Status.DECODE
        draft, sequence.draft = sequence.draft, Draft()
        new, n_confirmed = self._verify(draft, logits, first)
        sequence.counts.drafted += len(draft.guesses)
        sequence.passes.drafts += bool(draft.guesses)
        sequence.n_computed -= len(draft.tokens) - common_length(draft.tokens, new)
        sequence.tokens += new
        self._check_end()
        if self._speculator:
            self._speculator.learn(self._lookup, draft, new, n_confirmed)
            self._lookup.add(new)
            if not sequence.finish_reason:
                sequence.draft = self._guess(self._speculator, n_others)
        return new

    def _note_prompt(self, logits: Rows) -> int:
        """Note what the model thought of the tokens of the prompt that were read; return how many rows that took."""
        sequence = self._sequence
        if not sequence.wants_prompt or self.trace is None:
            return 0
        start, self._n_noted = self._n_noted, min(sequence.n_computed, len(sequence.prompt) - 1)
        for row, position in enumerate(range(start, self._n_noted)):
            self.trace.prompt(sequence.prompt[position + 1], logits[row])
        return self._n_noted - start

    def _verify(self, draft: Draft, logits: Rows, first: int) -> tuple[list[int], int]:
        """Return the next tokens of the reply, and how many guesses were right.

        Args:
            draft: the guesses; each was read, and so has the logits behind it.
            logits: of the last certain token and of each guess.
            first: which row is that of the last certain token.
        """
        sequence, constraint, trace = self._sequence, self.constraint, self.trace
        start, masked = perf_counter(), constraint.seconds
        new, n_confirmed = list[int](), 0
        for row in range(len(draft.guesses) + 1):
            token = self._sampler.choose(logits[first + row], constraint)
            is_guessed = draft.guessed(row, token)
            n_confirmed += is_guessed
            sequence.times.first_token = sequence.times.first_token or sequence.elapsed()
            if token in self._end_tokens:
                sequence.finish_reason = "stop"
                if trace:
                    trace.ended(token, logits[first + row])
                break
            if trace:
                trace.chosen(token, logits[first + row], constraint, guessed=is_guessed)
            constraint.accept([token])
            new.append(token)
            new += self._forced(sequence.max_tokens - len(sequence.tokens) - len(new))
            is_full = len(sequence.tokens) + len(new) >= sequence.max_tokens
            if not is_guessed or is_full or constraint.is_finished:
                break
        sequence.counts.accepted += n_confirmed
        sequence.counts.sampled += row + 1 - n_confirmed
        mask = constraint.seconds - masked
        sequence.times.mask += mask
        sequence.times.sample += perf_counter() - start - mask
        return new, n_confirmed

    def _forced(self, most: int) -> list[int]:
        """Accept and return the tokens that the grammar forces now, `most` of them at most."""
        forced = self.constraint.forced()[:most]
        if forced:
            self.constraint.accept(forced)
            if self.trace:
                self.trace.forced(forced)
            self._sequence.counts.forced += len(forced)
        return forced

    def _check_end(self) -> None:
        sequence = self._sequence
        if self.constraint.is_finished:
            sequence.finish_reason = "stop"
        elif not sequence.finish_reason and len(sequence.tokens) >= sequence.max_tokens:
            sequence.finish_reason = "length"

    def _guess(self, speculator: Speculator, n_others: int) -> Draft:
        """Guess what comes next; the pass that verifies it chooses one more token."""
        sequence, start = self._sequence, perf_counter()
        most = sequence.max_tokens - len(sequence.tokens) - 1
        draft = speculator.draft(self._lookup, self.constraint, sequence.n_unread, most, n_others)
        sequence.times.draft += perf_counter() - start
        return draft

"""`Trace`: what is noted of a reply's tokens while they are chosen, for those who ask for more than the text.

In come tokens with the logits and the constraint they were chosen with; out come logprobs, and how much of the
model's probability the grammar cut away where the reply began and where tools were named. Chooses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from edge_lam.decoding.logprobs import TokenLogprob, log_of_sum, most_likely
from edge_lam.decoding.thinking import Behind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.decoding.constraint import Constraint
    from edge_lam.decoding.logprobs import Origin
    from edge_lam.decoding.vocabulary import Vocabulary

_QUOTE, _ESCAPE = ord('"'), ord("\\")
_OPEN, _OPENING, _CLOSING = ord("{"), frozenset(b"[{"), frozenset(b"]}")


class CallTracker:
    """Follows a reply through its calls, by its bytes, to where it chooses between tools.

    Args:
        openings: what may stand before the arguments of a call, one for each tool that may be called.
        depth: how many brackets are open around a call.
        thinking_end: what closes the thinking that the prompt began, in which there are no calls.

    Attributes:
        n_calls: how many calls have begun.
    """

    def __init__(self, openings: Sequence[str], depth: int, thinking_end: str = "") -> None:
        self.n_calls = 0
        self._behind = Behind(thinking_end)
        self._openings = [opening.encode() for opening in openings]
        self._depth = depth
        self._level = 0  # brackets that are open
        self._quoted = self._escaped = False
        self._call: bytearray | None = None  # what a call shows, as long as more than one tool can be meant

    @property
    def is_choosing(self) -> bool:
        """Whether a call has begun, and still may be of one tool or another."""
        return self._call is not None

    def add(self, text: bytes) -> None:
        """Take more of the reply."""
        if len(self._openings) < 2:
            return
        for byte in self._behind.add(text):
            self._add(byte)
        if self._call is not None and sum(map(self._begins, self._openings)) < 2:
            self._call = None

    def _begins(self, opening: bytes) -> bool:
        return self._call is not None and opening.startswith(self._call)

    def _add(self, byte: int) -> None:
        if self._escaped:
            self._escaped = False
        elif self._quoted:
            self._quoted, self._escaped = byte != _QUOTE, byte == _ESCAPE
        elif byte == _QUOTE:
            self._quoted = True
        elif byte in _OPENING:
            if byte == _OPEN and self._level == self._depth:
                self.n_calls += 1
                self._call = bytearray()
            self._level += 1
        elif byte in _CLOSING:
            self._level -= 1
        if self._call is not None:
            self._call.append(byte)


class Trace:
    """Notes on one reply.

    Attributes:
        logprobs: one for each token of the reply, or None if they are not wanted. The end of the turn is no part of
            the reply.
        end_logprob: that of the token that ended the turn, if logprobs are wanted and one did.
        prompt_logprobs: one for each token of the prompt that was read so far, or None if they are not wanted.
        cut_at_start: the share of the model's probability that the grammar cut away at the first token, from 0 to 1;
            None if it cut nothing because nothing was bound there, or if the model was not run.

    Args:
        vocabulary: says what tokens stand for.
        calls: follows the reply to where it names tools.
        n_top: how many of the most likely tokens each of `logprobs` has; None for no logprobs at all.
        first: the first token of the prompt, if its logprobs are wanted.
    """

    def __init__(
        self, vocabulary: Vocabulary, calls: CallTracker, n_top: int | None = None, *, first: int | None = None
    ) -> None:
        self.logprobs: list[TokenLogprob] | None = None if n_top is None else []
        self.end_logprob: TokenLogprob | None = None
        self.prompt_logprobs: list[TokenLogprob] | None = None
        if first is not None:
            self.prompt_logprobs = [TokenLogprob(first, vocabulary.model.token_bytes(first), None, "prompt")]
        self._vocabulary, self._calls, self._n_top = vocabulary, calls, n_top or 0
        self.cut_at_start: float | None = None
        self._kept: dict[int, float] = {}
        self._thinking_end = b""
        self._allowed: NDArray[np.intp] | None = None  # at the first token, until its logits are there

    def cut_at_name(self, index: int) -> float | None:
        """Return the share of the model's probability that the grammar cut away where a call's tool was named.

        Where several tokens make up the choice it is what the model would not have gone along with at one of them.

        Args:
            index: how many calls began before it in the reply.

        Returns:
            From 0 to 1; None if the name was not chosen under a grammar: forced, or free.
        """
        kept = self._kept.get(index)
        return None if kept is None else 1 - kept

    def begin(self, constraint: Constraint) -> bool:
        """Take note of what the reply may begin with, and tell whether `start` should get the logits there."""
        self._thinking_end = constraint.thinking_end.encode()
        # Thinking is free: what the grammar cuts away there says nothing.
        self._allowed = constraint.allowed() if constraint.is_binding and not self._thinking_end else None
        return self._allowed is not None

    def start(self, logits: NDArray[np.float32]) -> None:
        """Take note of what the model would have begun the reply with; shape (n_vocab,)."""
        if self._allowed is not None:
            self.cut_at_start = 1 - _share(logits, self._allowed, log_of_sum(logits))
            self._allowed = None

    def chosen(self, token: int, logits: NDArray[np.float32], constraint: Constraint, *, guessed: bool = False) -> None:
        """Take note of a token that the model chose.

        Args:
            token: not the end of the turn.
            logits: shape (n_vocab,); what it was chosen from.
            constraint: what it was chosen under; the token is not accepted yet.
            guessed: whether it confirms a draft.
        """
        self.start(logits)
        is_name = self._calls.is_choosing and constraint.is_binding
        if is_name or self.logprobs is not None:
            total = log_of_sum(logits)
            if is_name:
                self._note_name(logits, total, constraint)
            if self.logprobs is not None:
                origin: Origin = "draft" if guessed else "sampled"
                self.logprobs.append(self._logprob(token, self._vocabulary.text(token), logits, total, origin))
        self._follow([token])

    def prompt(self, token: int, logits: NDArray[np.float32]) -> None:
        """Take note of the next token of the prompt, and of the logits before it; shape (n_vocab,)."""
        if self.prompt_logprobs is not None:
            text = self._vocabulary.model.token_bytes(token)  # control tokens are part of a prompt's text
            self.prompt_logprobs.append(self._logprob(token, text, logits, log_of_sum(logits), "prompt"))

    def ended(self, token: int, logits: NDArray[np.float32]) -> None:
        """Take note of the token that ended the turn, no part of the reply; logits have the shape (n_vocab,)."""
        if self.logprobs is not None:
            self.end_logprob = self._logprob(token, b"", logits, log_of_sum(logits), "sampled")

    def _logprob(
        self, token: int, text: bytes, logits: NDArray[np.float32], total: float, origin: Origin
    ) -> TokenLogprob:
        top = most_likely(logits, total, self._n_top, self._vocabulary)
        return TokenLogprob(token, text, float(logits[token]) - total, origin, top)

    def forced(self, tokens: Sequence[int]) -> None:
        """Take note of tokens that the grammar forced."""
        if self.logprobs is not None:
            self.logprobs += [TokenLogprob(token, self._vocabulary.text(token), None, "forced") for token in tokens]
        self._follow(tokens)

    def cut(self, strings: Iterable[str]) -> None:
        """Leave out the tokens from the first stop string on; one that holds the string's beginning stays."""
        if self.logprobs is None:
            return
        text = b"".join(token.bytes for token in self.logprobs)
        start = text.find(self._thinking_end) + len(self._thinking_end)  # stop strings end text, not thinking
        end = min((at for string in strings if (at := text.find(string.encode(), start)) >= 0), default=len(text))
        length = 0
        for index, token in enumerate(self.logprobs):
            if length >= end:
                del self.logprobs[index:]
                return
            length += len(token.bytes)

    def _follow(self, tokens: Sequence[int]) -> None:
        self._calls.add(b"".join(map(self._vocabulary.text, tokens)))

    def _note_name(self, logits: NDArray[np.float32], total: float, constraint: Constraint) -> None:
        allowed, index = constraint.allowed(), self._calls.n_calls - 1
        kept = 1.0 if allowed is None else _share(logits, allowed, total)
        self._kept[index] = self._kept.get(index, 1.0) * kept


def _share(logits: NDArray[np.float32], tokens: NDArray[np.intp], total: float) -> float:
    """Return the probability of some tokens together; `total` is the `log_of_sum` of all."""
    return min(1.0, math.exp(log_of_sum(logits[tokens]) - total))

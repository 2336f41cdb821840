"""Replay: the model computes, the known answer decides, so that random weights of a real shape time real work.

An answer goes in; out comes what makes the decode loop write it: the tokens that the model would have chosen, in order,
for a `ReplaySampler`. Prompts are read and logits computed as ever. Knows nothing of times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_lam.decoding import Constraint, Sampler
from edge_lam.engine.binding import constraint_of, grammar_of
from edge_lam.engine.request import Request
from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam.tools import ToolCall

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.decoding import Unconstrained, Vocabulary
    from edge_lam.formats import ChatFormat
    from edge_lam.lam import LAM
    from edge_lam.metrics.report import Times
    from edge_lam_benchmarks.answers import Answer


class ReplaySampler(Sampler):
    """Chooses as greedy sampling does, then returns the next token of a known reply all the same.

    Args:
        tokens: what to return, one for each time that the loop asks.
    """

    def __init__(self, tokens: Iterable[int]) -> None:
        super().__init__()
        self._tokens = iter(tokens)

    def choose(self, logits: NDArray[np.float32], constraint: Unconstrained, times: Times) -> int:
        """Spend the time of a choice, and return the known token.

        Raises:
            InvalidRequest: the known reply is at its end, but the grammar wants more.
            BackendError: the logits are no numbers.
        """
        super().choose(logits, constraint, times)
        token = next(self._tokens, None)
        if token is None:
            raise InvalidRequest("the replayed answer ended before the reply", param="answers")
        return token


class Unforced(Constraint):
    """Holds a reply to its grammar token by token: nothing is forced."""

    def forced(self) -> list[int]:
        """Return nothing."""
        return []


@dataclass(frozen=True)
class Replay:
    """An answer, ready to be written by a model.

    Attributes:
        answer: where it is from.
        request: what asks for it.
        grammar: of its reply.
        prompt: its tokens.
        tokens: of the reply, without the end of the turn.
        chosen: those of them that the grammar doesn't force.
    """

    answer: Answer
    request: Request
    grammar: str
    prompt: list[int]
    tokens: list[int]
    chosen: list[int]


class Replays:
    """Makes replays for one model and format.

    Args:
        vocabulary: the model's tokens.
        chat_format: how it is talked to.

    Attributes:
        refused: why answers were left out, by their ids.
    """

    def __init__(self, vocabulary: Vocabulary, chat_format: ChatFormat) -> None:
        self.vocabulary, self.format = vocabulary, chat_format
        self.refused: dict[str, str] = {}

    def of(self, answers: Iterable[Answer]) -> Iterator[Replay]:
        """Yield a replay for each answer that fits its own tools; the others are noted in `refused`."""
        for answer in answers:
            if (replay := self._try(answer)) is not None:
                yield replay

    def _try(self, answer: Answer) -> Replay | None:
        try:
            return self.make(answer)
        except EdgeLamError as error:
            self.refused[answer.id] = error.message
            return None

    def make(self, answer: Answer) -> Replay:
        """Prepare one answer, as a reply that has to call (``tool_choice="required"``).

        Raises:
            InvalidRequest: the answer does not fit the grammar of its tools, or they can't be enforced.
        """
        request = Request.of(answer.messages, {"tools": answer.tools, "tool_choice": "required"})
        grammar = grammar_of(request, self.format, self.vocabulary)
        model = self.vocabulary.model
        prompt = model.tokenize_parts(self.format.render_segments(request.messages, request.tools))
        calls = [ToolCall("", name, arguments) for name, arguments in answer.calls]
        tokens = model.tokenize_parts(self.format.reply_segments(calls))
        if tokens and tokens[-1] in self.vocabulary.end_tokens:
            tokens.pop()
        chosen = choices(tokens, self.constraint(request, grammar))
        return Replay(answer, request, grammar, prompt, tokens, chosen)

    def constraint(self, request: Request, grammar: str) -> Unconstrained:
        """Return a fresh constraint of a reply."""
        return constraint_of(request, grammar, self.format, self.vocabulary)

    def unforced(self, grammar: str) -> Unforced:
        """Return a fresh constraint that forces nothing."""
        return Unforced(self.vocabulary, grammar, kind="calls")


def choices(tokens: Sequence[int], constraint: Unconstrained) -> list[int]:
    """Return those tokens of a reply that a model has to choose, the others being forced.

    Args:
        tokens: of the reply.
        constraint: what it is held to; taken to its end.

    Raises:
        InvalidRequest: the reply doesn't fit, or its tokens are not those that the grammar forces.
    """
    chosen: list[int] = []
    position = 0
    while position < len(tokens):
        if forced := constraint.forced():
            if list(tokens[position : position + len(forced)]) != forced:
                raise InvalidRequest("the grammar forces other tokens than those of the answer", param="answers")
            constraint.accept(forced)
            position += len(forced)
            continue
        token = tokens[position]
        if not constraint.allows(token):
            raise InvalidRequest(f"the grammar refuses the answer at token {position}", param="answers")
        constraint.accept([token])
        chosen.append(token)
        position += 1
    if not constraint.is_finished:
        raise InvalidRequest("the answer is no whole reply", param="answers")
    return chosen


def replaying(lam: LAM, tokens: Sequence[int] | None) -> AbstractContextManager[None]:
    """Let a model's replies be made of known tokens meanwhile; None leaves the choice to the model."""
    return nullcontext() if tokens is None else _sampling(lam, lambda request: ReplaySampler(tokens))


def replaying_each(lam: LAM, tokens: Mapping[str, Sequence[int]]) -> AbstractContextManager[None]:
    """Let replies be made of known tokens meanwhile, those of each request by the text of its messages (`str`)."""
    return _sampling(lam, lambda request: ReplaySampler(tokens[str(request.messages)]))


@contextmanager
def _sampling(lam: LAM, sampler_of: Callable[[Request], Sampler]) -> Iterator[None]:
    engine = lam._engine  # the benchmarks alone decide for the model: not for users of `LAM`
    before, engine.sampler_of = engine.sampler_of, sampler_of
    try:
        yield
    finally:
        engine.sampler_of = before

"""Replay: the model computes, the known answer decides, so that random weights of a real shape time real work.

An answer goes in; out comes what makes a decoder write it: the tokens that the model would have chosen, in order, for a
`decoding.ReplaySampler`. Prompts are read and logits computed as ever. Knows nothing of times.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from collections.abc import Sequence as Tokens
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_lam.decoding import GrammarConstraint
from edge_lam.engine.binding import constraint_of, grammar_of
from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam.request import Request
from edge_lam.tools import ToolCall

if TYPE_CHECKING:
    from edge_lam.cache import Slot
    from edge_lam.decoding import Constraint, Vocabulary
    from edge_lam.engine import Decoder, EngineCore, Sequence
    from edge_lam.engine.sequence import Rows
    from edge_lam.formats import ChatFormat
    from edge_lam_benchmarks.answers import Answer


class Writing:
    """Has a known reply written by an engine's core.

    Attributes:
        sequence: with the tokens and the counters, once `wait` is through.

    Args:
        core: runs it.
        sequence: with its prompt.
        decoder: of the sequence; None if its prompt is only to be read.
    """

    def __init__(self, core: EngineCore, sequence: Sequence, decoder: Decoder | None = None) -> None:
        self.sequence, self._decoder = sequence, decoder
        self._error: BaseException | None = None
        self._ended = threading.Event()
        sequence.consumer = self
        core.reserve()
        core.submit(sequence)

    def begin(self, slot: Slot) -> None:
        """Begin the reply."""
        if self._decoder:
            self._decoder.begin()

    def advance(self, logits: Rows, n_others: int) -> None:
        """Go on with it."""
        if self._decoder:
            self._decoder.step(logits, n_others)

    def end(self, error: BaseException | None) -> None:
        """Let who waits go on."""
        self._error = error
        self._ended.set()

    def wait(self) -> Sequence:
        """Wait for the end, and return the sequence.

        Raises:
            EdgeLamError: it failed.
        """
        self._ended.wait()
        if self._error is not None:
            raise self._error
        return self.sequence


class Unforced(GrammarConstraint):
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

    def constraint(self, request: Request, grammar: str) -> Constraint:
        """Return a fresh constraint of a reply."""
        return constraint_of(request, grammar, self.format, self.vocabulary)

    def unforced(self, grammar: str) -> Unforced:
        """Return a fresh constraint that forces nothing."""
        return Unforced(self.vocabulary, grammar, kind="calls")


def choices(tokens: Tokens[int], constraint: Constraint) -> list[int]:
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

"""Known answers for models of random weights: the scenarios' requests get the calls and the text that they want.

In goes a loaded model; its replies are then replayed, token by token, after the model computed its logits. Knows
nothing of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge_lam import LAM, ToolCall
from edge_lam.decoding import ReplaySampler
from edge_lam.engine.binding import constraint_of, grammar_of
from edge_lam.request import Request
from edge_lam_benchmarks import material
from edge_lam_benchmarks.replay import choices

_Key = tuple[str, int, str, bool]


class KnownAnswers:
    """Answers for one model, each worked out once.

    Args:
        lam: a model of random weights.
    """

    def __init__(self, lam: LAM) -> None:
        self._engine = lam.engine
        self._vocabulary = self._engine.vocabulary
        self._chosen: dict[_Key, list[int]] = {}

    def sampler(self, messages: str | Sequence[dict[str, Any]], options: dict[str, Any]) -> ReplaySampler:
        """Return what writes the answer of a request: an option of `LAM.chat`."""
        return ReplaySampler(self._tokens(Request.of(messages, options)))

    def _tokens(self, request: Request) -> list[int]:
        messages = request.messages
        question = messages if isinstance(messages, str) else str(messages[-1].get("content"))
        key = question, len(request.tools), request.choice.mode, request.choice.parallel
        if key not in self._chosen:
            self._chosen[key] = self._worked_out(request, question)
        return self._chosen[key]

    def _worked_out(self, request: Request, question: str) -> list[int]:
        model, chat_format = self._engine.model, self._engine.format
        if request.choice.mode == "none":
            return model.tokenize(material.LONG_TEXT)
        calls = [ToolCall("", "get_time", {"city": city}) for city in material.CITIES[question]]
        tokens = model.tokenize_parts(chat_format.reply_segments(calls))
        if tokens and tokens[-1] in self._vocabulary.end_tokens:
            tokens.pop()
        grammar = grammar_of(request, chat_format, self._vocabulary)
        return choices(tokens, constraint_of(request, grammar, chat_format, self._vocabulary))

"""Known answers for models of random weights: the scenarios' requests get the calls and the text that they want.

In goes a loaded model; its replies are then replayed, token by token, after the model computed its logits. Knows
nothing of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge_lam import LAM, ToolCall
from edge_lam.decoding import Sampler
from edge_lam.engine.binding import constraint_of, grammar_of
from edge_lam.engine.request import Request
from edge_lam_benchmarks import material
from edge_lam_benchmarks.replay import ReplaySampler, choices

_Key = tuple[str, int, str, bool]


class KnownAnswers:
    """Answers for one model, each worked out once.

    Args:
        lam: a model of random weights; the samplers of its requests are replaced.
    """

    def __init__(self, lam: LAM) -> None:
        self._engine = lam._engine  # the benchmarks alone decide for the model: not for users of `LAM`
        self._vocabulary = self._engine.vocabulary
        self._chosen: dict[_Key, list[int]] = {}
        self._engine.sampler_of = self.sampler_of

    def sampler_of(self, request: Request) -> Sampler:
        """Return what writes the answer of a request."""
        return ReplaySampler(self._tokens(request))

    def prepare(self, messages: str | Sequence[dict[str, Any]], options: dict[str, Any]) -> None:
        """Work out an answer ahead, so that a call need not take the time."""
        self._tokens(Request.of(messages, options))

    def _tokens(self, request: Request) -> list[int]:
        messages = request.messages
        said = messages if isinstance(messages, str) else str(messages[-1].get("content"))
        key = said, len(request.tools), request.tool_choice, request.parallel_tool_calls
        if key not in self._chosen:
            self._chosen[key] = self._worked_out(request, said)
        return self._chosen[key]

    def _worked_out(self, request: Request, said: str) -> list[int]:
        model, chat_format = self._engine.model, self._engine.format
        if request.tool_choice == "none":
            return model.tokenize(material.LONG_TEXT)
        calls = [ToolCall("", "get_time", {"city": city}) for city in material.CITIES[said]]
        tokens = model.tokenize_parts(chat_format.reply_segments(calls))
        if tokens and tokens[-1] in self._vocabulary.end_tokens:
            tokens.pop()
        grammar = grammar_of(request, chat_format, self._vocabulary)
        return choices(tokens, constraint_of(request, grammar, chat_format, self._vocabulary))

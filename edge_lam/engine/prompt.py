"""Requests -> prompts: the tokens of a request, how many of them other requests share, and what takes the room.

In come requests, out come token ids. Knows the format and the tokenizer; nothing is decoded here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge_lam.cache.live import common_length
from edge_lam.errors import EdgeLamError, PromptTooLong
from edge_lam.formats.template import rendering_within

if TYPE_CHECKING:
    from edge_lam.engine.request import Request
    from edge_lam.formats import ChatFormat, Segment
    from edge_lam.formats.messages import Messages
    from edge_lam.llama import Model
    from edge_lam.metrics.report import CallReport
    from edge_lam.tools import Tool


# System message and tools are tokenized once, not for each call: a millisecond and more for a thousand tokens.
_KEPT = 16  # texts
_WORTH_KEEPING = 256  # characters


@dataclass(frozen=True)
class PromptMaker:
    """Makes prompts for one model in one format."""

    model: Model
    format: ChatFormat
    _kept: OrderedDict[tuple[str, bool, bool], list[int]] = field(
        default_factory=OrderedDict, repr=False, compare=False
    )

    def render(self, request: Request, report: CallReport) -> list[Segment]:
        """Return the prompt of a request as text; the report gets the time. Any thread may ask.

        Raises:
            InvalidRequest: the messages can't be rendered.
        """
        left = None if request.timeout is None else request.timeout - report.elapsed()
        with report.times.measure("render"), rendering_within(left):
            return self.format.render_segments(request.messages, request.tools)

    def make(self, request: Request, report: CallReport, n_ctx: int) -> tuple[str, list[int]]:
        """Return the prompt of a request as text and as tokens; the report gets the times.

        Raises:
            PromptTooLong: a context of `n_ctx` tokens has no room for a reply.
        """
        segments = self.render(request, report)
        return "".join(text for text, _ in segments), self.tokens(request, segments, report, n_ctx)

    def tokens(
        self, request: Request, segments: Iterable[tuple[str, bool]], report: CallReport, n_ctx: int
    ) -> list[int]:
        """Return a rendered prompt as tokens; the report gets the time.

        Raises:
            PromptTooLong: a context of `n_ctx` tokens has no room for a reply.
        """
        with report.times.measure("tokenize"):
            tokens = self._tokenize(segments)
        report.tokens.prompt = len(tokens)
        if len(tokens) >= n_ctx:
            raise self._too_long(request, len(tokens), n_ctx)
        return tokens

    def n_static(self, request: Request, prompt: Sequence[int]) -> int:
        """Return how many tokens of a prompt are those of its system message and tools: what two other prompts share.

        Asking the template with two messages finds the place in every format, also in one that a model brings along.
        """
        messages = [] if isinstance(request.messages, str) else list(request.messages)
        system = [message for message in messages[:1] if message.get("role") in ("system", "developer")]
        probes = [[*system, {"role": "user", "content": text}] for text in ("0", "Z")]
        return self._n_shared(probes, request.tools, prompt)

    def n_next(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Tool], tokens: Sequence[int]) -> int:
        """Return how many tokens, of those of a prompt and its reply, the next turn of the conversation begins with.

        That is asked of the template too: it may write a reply otherwise than the model, and change what was before.

        Args:
            messages: the conversation, the reply included.
            tools: those of the request.
            tokens: of prompt and reply.
        """
        calls = messages[-1].get("tool_calls", ()) if self.format.reads_results else ()
        answers = [{"role": "tool", "tool_call_id": call["id"], "name": call["function"]["name"]} for call in calls]
        answers = answers or [{"role": "user"}]
        probes = [[*messages, *({**answer, "content": text} for answer in answers)] for text in ("0", "Z")]
        try:
            return self._n_shared(probes, tools, tokens)
        except EdgeLamError:  # the template has no place for it
            return 0

    def _n_shared(self, probes: Sequence[Messages], tools: Sequence[Tool], tokens: Sequence[int]) -> int:
        """Return how many tokens they begin with in common with the prompts of all probes."""
        prompts = [self._tokenize(self.format.render_segments(probe, tools)) for probe in probes]
        return min(common_length(tokens, prompt) for prompt in prompts)

    def _tokenize(self, segments: Iterable[tuple[str, bool]]) -> list[int]:
        """Do what `Model.tokenize_parts` does, and remember long texts."""
        tokens, was_text = list[int](), False
        for text, special in segments:
            key = text, special, was_text and not special
            known = self._kept.pop(key, None) or self.model.tokenize(text, parse_special=special, continued=key[2])
            if len(text) >= _WORTH_KEEPING:
                self._kept[key] = known
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            tokens += known
            was_text = not special
        return tokens

    def _too_long(self, request: Request, n_prompt: int, n_ctx: int) -> PromptTooLong:
        """Return the error that says by how much a prompt is too long, and what takes the room."""
        texts = self.format.parts(request.messages, request.tools)
        parts = {name: len(self.model.tokenize(text)) for name, text in texts.items()}
        shares = ", ".join(f"{name} {count}" for name, count in parts.items())
        excess = n_prompt + 1 - n_ctx  # a reply has at least one token
        message = f"the prompt has {n_prompt} tokens ({shares}), {excess} more than the context of {n_ctx} can take"
        return PromptTooLong(message, n_prompt=n_prompt, n_ctx=n_ctx, excess=excess, parts=parts)

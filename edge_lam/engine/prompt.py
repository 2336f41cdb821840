"""Requests -> prompts: the tokens of a request, how many of them other requests share, and what takes the room.

In come requests, out come token ids. Knows the format and the tokenizer; nothing is decoded here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_lam.errors import PromptTooLong

if TYPE_CHECKING:
    from edge_lam.engine.request import Request
    from edge_lam.formats import ChatFormat
    from edge_lam.llama import Model
    from edge_lam.metrics.report import CallReport


@dataclass(frozen=True)
class PromptMaker:
    """Makes prompts for one model in one format."""

    model: Model
    format: ChatFormat

    def make(self, request: Request, report: CallReport, n_ctx: int) -> tuple[str, list[int]]:
        """Return the prompt of a request as text and as tokens; the report gets the times.

        Raises:
            PromptTooLong: a context of `n_ctx` tokens has no room for a reply.
        """
        with report.times.measure("render"):
            segments = self.format.render_segments(request.messages, request.tools)
        with report.times.measure("tokenize"):
            tokens = self.model.tokenize_parts(segments)
        report.tokens.prompt = len(tokens)
        if len(tokens) >= n_ctx:
            raise self._too_long(request, len(tokens), n_ctx)
        return "".join(text for text, _ in segments), tokens

    def n_static(self, request: Request, prompt: Sequence[int]) -> int:
        """Return how many tokens of a prompt are those of its system message and tools: what two other prompts share.

        Asking the template with two messages finds the place in every format, also in one that a model brings along.
        """
        messages = [] if isinstance(request.messages, str) else list(request.messages)
        system = [message for message in messages[:1] if message.get("role") == "system"]
        probes = [[*system, {"role": "user", "content": text}] for text in ("0", "Z")]
        others = [self.model.tokenize_parts(self.format.render_segments(probe, request.tools)) for probe in probes]
        shared = 0
        for token, one, other in zip(prompt, *others, strict=False):
            if not token == one == other:
                break
            shared += 1
        return shared

    def _too_long(self, request: Request, n_prompt: int, n_ctx: int) -> PromptTooLong:
        """Return the error that says by how much a prompt is too long, and what takes the room."""
        texts = self.format.parts(request.messages, request.tools)
        parts = {name: len(self.model.tokenize(text)) for name, text in texts.items()}
        shares = ", ".join(f"{name} {count}" for name, count in parts.items())
        excess = n_prompt + 1 - n_ctx  # a reply has at least one token
        message = f"the prompt has {n_prompt} tokens ({shares}), {excess} more than the context of {n_ctx} can take"
        return PromptTooLong(message, n_prompt=n_prompt, n_ctx=n_ctx, excess=excess, parts=parts)

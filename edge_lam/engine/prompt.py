"""Requests -> prompts: their tokens, how many of them other requests share, and what takes the room.

All of it happens in the caller's thread, many at once; the model stays open as long as one of them uses it.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from edge_lam._util.debug import reason
from edge_lam.cache import common_length
from edge_lam.errors import Closed, EdgeLamError, InvalidRequest, PromptTooLong
from edge_lam.formats import Segment
from edge_lam.formats.template import rendering_within

if TYPE_CHECKING:
    from edge_lam.engine.sequence import Sequence
    from edge_lam.formats import ChatFormat
    from edge_lam.llama import Model
    from edge_lam.request import Request
    from edge_lam.tools import Tool

logger = logging.getLogger("edge_lam.engine")


# System message and tools are tokenized once, not for each call: a millisecond and more for a thousand tokens.
_MAX_TEXTS = 16
_MIN_CHARACTERS = 256  # of a text that is worth remembering
_MAX_STATIC = 16


class PromptBuilder:
    """Makes prompts for one model in one format, in any thread.

    Args:
        model: tokenizes.
        chat_format: renders.
        users: keep the model open meanwhile.
    """

    def __init__(self, model: Model, chat_format: ChatFormat, users: ModelUsers) -> None:
        self._model, self._format, self._users = model, chat_format, users
        self._lock = threading.Lock()
        self._tokens_of: OrderedDict[tuple[str, bool, bool], list[int]] = OrderedDict()
        self._static: deque[tuple[tuple[str, ...], list[int]]] = deque(maxlen=_MAX_STATIC)

    def render(self, request: Request, sequence: Sequence) -> list[Segment]:
        """Return the prompt of a request as text; the limit of the request covers its template too.

        Raises:
            InvalidRequest: the template refuses the messages, or takes too long.
        """
        if request.prompt is not None:
            return [Segment(request.prompt if isinstance(request.prompt, str) else "", True)]
        left = None if request.timeout is None else request.timeout - sequence.elapsed()
        with sequence.times.measure("render"), rendering_within(left):
            return self._format.render_segments(request.messages, request.tools)

    def tokens(self, request: Request, sequence: Sequence, segments: list[Segment], n_ctx: int) -> list[int]:
        """Return a rendered prompt as tokens.

        Raises:
            InvalidRequest: there is no such token, or half a character.
            PromptTooLong: it leaves no room for a reply in a context of `n_ctx` tokens.
            Closed: the model is closed.
        """
        with self._users, sequence.times.measure("tokenize"):
            prompt = self.tokenize(segments) if request.prompt is None else self._raw_tokens(request.prompt)
            self._check_length(request, len(prompt), n_ctx)
        return prompt

    def tokenize(self, segments: Iterable[Segment]) -> list[int]:
        """Return the tokens of a rendered prompt, as `Model.tokenize_parts` does; long texts are remembered."""
        tokens, was_text = list[int](), False
        for text, special in segments:
            tokens += self._tokens(text, special, was_text and not special)
            was_text = not special
        return tokens

    def n_static(self, request: Request, prompt: list[int]) -> int:
        """Return how many tokens of a prompt are those of its system message and tools: what two other prompts share.

        Asking the template with two messages finds the place in every format, also in one that a model brings along.
        Prompts with the same tools that begin with the same tokens share that place: it is requested once.
        """
        messages = [] if isinstance(request.messages, str) else list(request.messages)
        system = [message for message in messages[:1] if message.get("role") in ("system", "developer")]
        names = ("system" if system else "", *(tool.name for tool in request.tools))
        for known_names, known in list(self._static):
            if known_names == names and prompt[: len(known)] == known:
                return len(known)
        probes = [[*system, {"role": "user", "content": text}] for text in ("0", "Z")]
        count = self._n_shared(probes, request.tools, prompt)
        self._static.append((names, list(prompt[:count])))
        return count

    def n_next(self, messages: list[Mapping[str, Any]], tools: tuple[Tool, ...], tokens: Iterable[int]) -> int:
        """Return how many tokens, of those of a prompt and its reply, the next turn of the conversation begins with.

        That is asked of the template too: it may write a reply otherwise than the model, and change what was before.

        Args:
            messages: the conversation, the reply included.
            tools: those of the request.
            tokens: of prompt and reply.
        """
        calls = messages[-1].get("tool_calls", ()) if self._format.reads_results else ()
        answers = [{"role": "tool", "tool_call_id": call["id"], "name": call["function"]["name"]} for call in calls]
        answers = answers or [{"role": "user"}]
        probes = [[*messages, *({**answer, "content": text} for answer in answers)] for text in ("0", "Z")]
        try:
            return self._n_shared(probes, tools, tokens)
        except EdgeLamError as error:  # the template has no place for it
            logger.debug("the next turn is not read ahead: %s", reason(error))
            return 0

    def _tokens(self, text: str, special: bool, continued: bool) -> list[int]:
        if len(text) < _MIN_CHARACTERS:
            return self._model.tokenize(text, parse_special=special, continued=continued)
        key = text, special, continued
        with self._lock:
            known = self._tokens_of.pop(key, None)
        known = known or self._model.tokenize(text, parse_special=special, continued=continued)
        with self._lock:
            self._tokens_of[key] = known
            if len(self._tokens_of) > _MAX_TEXTS:
                self._tokens_of.popitem(last=False)
        return known

    def _raw_tokens(self, prompt: str | tuple[int, ...]) -> list[int]:
        """Return a prompt that is not rendered as tokens, control tokens in it as such.

        The token that every text of the model begins with comes first, once.

        Raises:
            InvalidRequest: there is no such token, or half a character; `param` is "prompt".
        """
        try:
            if isinstance(prompt, str):
                tokens = self._model.tokenize(prompt)
            else:
                tokens = list(prompt)
                self._model.check_tokens(min(tokens), max(tokens))
        except InvalidRequest as error:
            raise InvalidRequest(error.message, hint=error.hint, param="prompt") from error
        first = self._model.first_token
        return tokens if first is None or tokens[:1] == [first] else [first, *tokens]

    def _check_length(self, request: Request, n_prompt: int, n_ctx: int) -> None:
        """Refuse a prompt that leaves no room for a reply, and say what takes the room.

        Raises:
            PromptTooLong: a context of `n_ctx` tokens is too short.
        """
        if n_prompt < n_ctx:
            return
        excess = n_prompt + 1 - n_ctx  # a reply has at least one token
        if request.prompt is not None:
            message = f"the prompt has {n_prompt} tokens, {excess} more than the context of {n_ctx} can take"
            raise PromptTooLong(message, n_prompt=n_prompt, n_ctx=n_ctx, excess=excess, parts={"prompt": n_prompt})
        texts = self._format.parts(request.messages, request.tools)
        parts = {name: len(self._model.tokenize(text)) for name, text in texts.items()}
        shares = ", ".join(f"{name} {count}" for name, count in parts.items())
        message = f"the prompt has {n_prompt} tokens ({shares}), {excess} more than the context of {n_ctx} can take"
        raise PromptTooLong(message, n_prompt=n_prompt, n_ctx=n_ctx, excess=excess, parts=parts)

    def _n_shared(
        self, probes: Iterable[list[Mapping[str, Any]]], tools: tuple[Tool, ...], tokens: Iterable[int]
    ) -> int:
        """Return how many tokens they begin with in common with the prompts of all probes."""
        prompts = [self.tokenize(self._format.render_segments(probe, tools)) for probe in probes]
        return min(common_length(tokens, prompt) for prompt in prompts)


class ModelUsers:
    """The threads that use a model, which is freed when none of them does; a context manager for each."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count, self._is_closed = 0, False

    def __enter__(self) -> None:
        with self._changed:
            if self._is_closed:
                raise Closed("the model is closed")
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody in any more, and wait until all are out."""
        with self._changed:
            self._is_closed = True
            self._changed.wait_for(lambda: not self._count)

"""OpenAI's completions: prompts as they are, control tokens in them read as such, and text as the model writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from edge_lam.errors import InvalidRequest
from edge_lam.serve.dialects.base import Answering, Ask, Dialect
from edge_lam.serve.dialects.fields import boolean, count, known_fields, mapping
from edge_lam.serve.dialects.openai_shared import fingerprint, finish_reason, timings, usage
from edge_lam.serve.errors import error_object
from edge_lam.serve.wire import DONE, sse, to_text

if TYPE_CHECKING:
    from edge_lam.decoding import TokenLogprob
    from edge_lam.engine import Reply
    from edge_lam.request import ChatOptions
    from edge_lam.serve.errors import Failure

PATH = "/v1/completions"
_OPTIONS = ("temperature", "top_k", "top_p", "min_p", "seed", "logit_bias", "stop", "response_format")
_OWN = ("prompt", "max_tokens", "n_predict", "n", "echo", "logprobs", "stream", "stream_options")
_MAX_TOKENS = 16  # as OpenAI has it, where a request does not say


class Completion(Dialect):
    """A request to `PATH`."""

    fields: Mapping[str, str] = {"messages": "prompt"}

    def __init__(self, body: Mapping[str, Any], answering: Answering) -> None:
        fields = known_fields(body, (*_OPTIONS, *_OWN))
        prompts = read_prompts(fields.get("prompt"))
        self.ask = Ask(
            prompts=prompts, options=_options(fields), n=count(fields, "n", 1), stream=boolean(fields, "stream")
        )
        self._prompts = [prompt for prompt in prompts for _ in range(self.ask.n)] if _echoes(fields, prompts) else []
        self._n_sent: dict[int, int] = {}  # characters of each choice, and the logprobs that go with the next ones
        self._unsent: dict[int, list[TokenLogprob]] = {}
        self._wants_usage = boolean(mapping(fields, "stream_options"), "include_usage")
        self._head = {
            "id": f"cmpl-{answering.id}",
            "object": "text_completion",
            "created": answering.created,
            "model": answering.model,
            "system_fingerprint": fingerprint(answering.info),
        }
        self._opening = f"data: {to_text(self._head)[:-1]},"

    def whole(self, replies: Sequence[Reply]) -> dict[str, Any]:
        """Return a text completion."""
        choices = [
            {
                "text": self._echoed(index, reply) + reply.text,
                "index": index,
                "logprobs": self._logprobs_of(index, reply),
                "finish_reason": finish_reason(reply),
            }
            for index, reply in enumerate(replies)
        ]
        extra = {"usage": usage(replies, self.ask.n), "timings": timings(replies)}
        return {**self._head, "choices": choices, **extra}

    def begin(self, n_prompt: int) -> str:
        """Return the prompts, if they are wanted back."""
        return "".join(self._choice(index, self._echoed(index)) for index in range(len(self._prompts)))

    def text(self, index: int, text: str) -> str:
        """Return a chunk of text."""
        return self._choice(index, text)

    def thinking(self, index: int, text: str) -> str:
        """Return a chunk of text: a prompt that is not rendered knows no thoughts."""
        return self._choice(index, text)

    def reply_finished(self, index: int, reply: Reply) -> str:
        """Return the last chunk of a choice, with the log probabilities of tokens that nothing came of."""
        return self._choice(index, "", finish_reason=finish_reason(reply))

    def logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> str:
        """Keep log probabilities for the next chunk."""
        self._unsent.setdefault(index, []).extend(tokens)
        return ""

    def end(self, replies: Sequence[Reply]) -> str:
        """Return what the whole answer took, if that is wanted, and the end."""
        if not self._wants_usage:
            return DONE
        return self._chunk([], usage=usage(replies, self.ask.n), timings=timings(replies)) + DONE

    def failed(self, failure: Failure) -> str:
        """Return an error as clients of OpenAI look for it amid a stream."""
        return sse(error_object(failure, PATH))

    def _echoed(self, index: int, reply: Reply | None = None) -> str:
        """Return the prompt of a choice, if it is wanted back; of one of token ids the reply knows the text."""
        prompt = self._prompts[index] if self._prompts else ""
        if isinstance(prompt, str):
            return prompt
        return b"".join(token.bytes for token in self._prompt_logprobs(index, reply)).decode(errors="replace")

    def _prompt_logprobs(self, index: int, reply: Reply | None) -> Sequence[TokenLogprob]:
        """Return those of the prompt as it was sent: without a token that was put before it."""
        tokens = (reply.prompt_logprobs if reply else None) or ()
        prompt = self._prompts[index] if self._prompts else ""
        if isinstance(prompt, str):
            text = b"".join(token.bytes for token in tokens[1:]).decode(errors="replace")
            return tokens[1:] if text == prompt else tokens
        return tokens[len(tokens) - len(prompt) :]

    def _logprobs_of(self, index: int, reply: Reply) -> dict[str, Any] | None:
        """Return those of a whole choice, with the prompt that it repeats, and the end that follows it."""
        if reply.logprobs is None or not (before := self._prompt_logprobs(index, reply)):
            return _logprobs(reply.logprobs, len(self._echoed(index, reply)))
        # Who asks for the prompt counts on a token of the reply behind it.
        return _logprobs([*before, *reply.logprobs, *([reply.end_logprob] if reply.end_logprob else [])], 0)

    def _choice(self, index: int, text: str, *, finish_reason: str | None = None) -> str:
        n_sent = self._n_sent.get(index, 0)
        logprobs = _logprobs(self._unsent.pop(index, None), n_sent)
        self._n_sent[index] = n_sent + len(text)
        return self._chunk([{"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish_reason}])

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> str:
        return f"{self._opening}{to_text({'choices': choices, **more})[1:]}\n\n"


def read_prompts(prompt: object) -> list[str | list[int]]:
    """Return the prompts of a request: one, or a list of them; each text or a list of token ids.

    Raises:
        InvalidRequest: anything else; `param` is "prompt".
    """
    prompts: list[Any] = prompt if isinstance(prompt, list) and prompt and not _are_tokens(prompt) else [prompt]
    if not all(isinstance(one, str) or (isinstance(one, list) and one and _are_tokens(one)) for one in prompts):
        raise InvalidRequest("prompt must be text, token ids, or a list of either", param="prompt")
    return prompts


def _are_tokens(prompt: list[Any]) -> bool:
    return all(type(token) is int for token in prompt)


def _echoes(fields: Mapping[str, Any], prompts: Sequence[str | list[int]]) -> bool:
    """Return whether the prompts are wanted back.

    Raises:
        InvalidRequest: they are, with what can't be told of them.
    """
    if not boolean(fields, "echo"):
        return False
    with_logprobs = _wants_logprobs(fields)
    if with_logprobs and boolean(fields, "stream"):
        hint = "ask for the answer as a whole"
        raise InvalidRequest("echo with logprobs of a stream is not supported", hint=hint, param="echo")
    if not with_logprobs and not all(isinstance(prompt, str) for prompt in prompts):
        hint = "send text, or ask for logprobs"
        raise InvalidRequest("echo with token ids is not supported", hint=hint, param="echo")
    return True


def _wants_logprobs(fields: Mapping[str, Any]) -> bool:
    logprobs = fields.get("logprobs")  # 0 wants them, without other tokens
    return logprobs is not None and logprobs is not False


def _options(fields: Mapping[str, Any]) -> ChatOptions:
    options = {name: fields[name] for name in _OPTIONS if name in fields}
    limit = fields.get("max_tokens", fields.get("n_predict", _MAX_TOKENS))
    if limit != -1:
        options["max_tokens"] = limit
    if _wants_logprobs(fields):
        top = fields["logprobs"]
        options["logprobs"], options["top_logprobs"] = True, 0 if top is True else top
        options["prompt_logprobs"] = fields.get("echo", False)
    return cast("ChatOptions", options)


def _logprobs(tokens: Sequence[TokenLogprob] | None, offset: int) -> dict[str, Any] | None:
    """Return log probabilities in the form of completions: lists side by side, the first text at an offset."""
    if tokens is None:
        return None
    offsets = [offset]
    for token in tokens:
        offsets.append(offsets[-1] + len(token.token))
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [0.0 if token.origin == "forced" else token.logprob for token in tokens],
        "top_logprobs": [_top(token) for token in tokens],
        "text_offset": offsets[:-1],
    }


def _top(token: TokenLogprob) -> dict[str, float] | None:
    """Return the most likely tokens by their text; of those that have none, the most likely one."""
    if token.origin == "prompt" and token.logprob is None:
        return None
    return {top.token: top.logprob for top in reversed(token.top)}

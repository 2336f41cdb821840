"""llama-server's own completions, for programs that know it and no other API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from edge_lam.errors import InvalidRequest
from edge_lam.serve.dialects.base import Answering, Ask, Dialect
from edge_lam.serve.dialects.fields import boolean, known_fields
from edge_lam.serve.dialects.openai_completions import read_prompts
from edge_lam.serve.dialects.openai_shared import prompt_progress, timings
from edge_lam.serve.errors import error_object
from edge_lam.serve.wire import sse

if TYPE_CHECKING:
    from edge_lam.decoding import TokenLogprob
    from edge_lam.engine import Reply
    from edge_lam.request import ChatOptions
    from edge_lam.serve.errors import Failure

PATH = "/completion"
_OPTIONS = ("temperature", "top_k", "top_p", "min_p", "seed", "stop", "logit_bias")
_OWN = (
    *("prompt", "n_predict", "max_tokens", "stream", "json_schema", "n_probs", "return_tokens", "response_fields"),
    "return_progress",
)
_STOP_TYPES = {"stop": "eos", "tool_calls": "eos", "length": "limit", "timeout": "limit"}
_NEVER = -100.0  # what the logit of a token gets that may not be chosen


class LlamaCompletion(Dialect):
    """A request to `PATH`."""

    fields: Mapping[str, str] = {
        "messages": "prompt",
        "max_tokens": "n_predict",
        "response_format": "json_schema",
        "top_logprobs": "n_probs",
    }

    def __init__(self, body: Mapping[str, Any], answering: Answering) -> None:
        fields = known_fields(body, (*_OPTIONS, *_OWN))
        self._is_batch, prompts = _prompts(fields.get("prompt"))
        self.ask = Ask(
            prompts=prompts,
            options=_options(fields),
            stream=boolean(fields, "stream"),
            progress=boolean(fields, "return_progress"),
        )
        self._returns_tokens = boolean(fields, "return_tokens")
        self._has_probabilities = bool(fields.get("n_probs"))
        self._shown = _response_fields(fields)
        self._model = answering.model
        self._untold: dict[int, list[TokenLogprob]] = {}

    def whole(self, replies: Sequence[Reply]) -> Any:
        """Return a completion, or a list of them for a list of prompts."""
        found = [self._completion(index, reply) for index, reply in enumerate(replies)]
        return found if self._is_batch else found[0]

    def progress(self, total: int, cached: int, read: int, seconds: float) -> str:
        """Return a chunk without text, with the times of prompts that llama-server has there."""
        n_read = read - cached
        milliseconds = seconds * 1000 if n_read else 0.0
        times = {
            "cache_n": cached,
            "prompt_n": n_read,
            "prompt_ms": milliseconds,
            "prompt_per_token_ms": milliseconds / n_read if n_read else 0.0,
            "prompt_per_second": n_read / seconds if n_read and seconds else 0.0,
            **dict.fromkeys(("predicted_n", "predicted_ms", "predicted_per_token_ms", "predicted_per_second"), 0),
        }
        told = prompt_progress(total, cached, read, seconds)
        return sse({"index": 0, "content": "", "stop": False, **told, "timings": times})

    def text(self, index: int, text: str) -> str:
        """Return a chunk of text, with its tokens and their probabilities where they are wanted."""
        return sse({"index": index, "content": text, "stop": False, **self._told(self._untold.pop(index, ()))})

    def logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> str:
        """Keep tokens for the next chunk."""
        self._untold.setdefault(index, []).extend(tokens)
        return ""

    def thinking(self, index: int, text: str) -> str:
        """Return a chunk of text: a prompt that is not rendered knows no thoughts."""
        return self.text(index, text)

    def reply_finished(self, index: int, reply: Reply) -> str:
        """Return the last chunk, which has all but the text."""
        return sse({**self._completion(index, reply), "content": ""})

    def failed(self, failure: Failure) -> str:
        """Return an error amid a stream."""
        return sse(error_object(failure, PATH))

    def _completion(self, index: int, reply: Reply) -> dict[str, Any]:
        tokens = reply.report.tokens
        written = reply.logprobs or ()
        result: dict[str, Any] = {
            "index": index,
            "content": reply.text,
            "tokens": [],
            **self._told(written),
            "stop": True,
            "model": self._model,
            "tokens_predicted": tokens.generated,
            "tokens_evaluated": tokens.prompt,
            "tokens_cached": tokens.cached,
            "generation_settings": self._settings(),
            "prompt": self.ask.prompts[index],
            "has_new_line": "\n" in reply.text,
            "truncated": False,
            "stop_type": "word" if reply.stop else _STOP_TYPES[reply.finish_reason],
            "stopping_word": reply.stop,
            "timings": timings([reply]),
        }
        return _picked(result, self._shown) if self._shown else result

    def _told(self, tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
        """Return what is wanted to be known of tokens."""
        told: dict[str, Any] = {"tokens": [token.id for token in tokens]} if self._returns_tokens else {}
        if self._has_probabilities:
            told["completion_probabilities"] = [_probability(token) for token in tokens]
        return told

    def _settings(self) -> dict[str, Any]:
        options = self.ask.options
        chosen = {name: options[name] for name in _OPTIONS if name in options}  # type: ignore[literal-required]
        return {"temperature": 0.0, "n_predict": options.get("max_tokens", -1), **chosen}


def _prompts(prompt: object) -> tuple[bool, Sequence[str | Sequence[int | str]]]:
    """Return whether there is a list of prompts, and the prompts: text, token ids with text among them, or objects.

    Raises:
        InvalidRequest: as `read_prompts`; or one that holds images.
    """
    items = prompt if isinstance(prompt, list) else [prompt]
    plain = [_plain(item) for item in items]
    if not isinstance(prompt, list):
        return False, read_prompts(plain[0])
    if any(type(item) is int for item in plain) and all(type(item) in (int, str) for item in plain):
        return False, [cast("list[int | str]", plain)]
    return True, read_prompts(plain)


def _plain(item: object) -> object:
    """Return the text of a prompt that is an object."""
    if not isinstance(item, Mapping):
        return item
    if item.get("multimodal_data"):
        raise InvalidRequest("prompt has multimodal_data", hint="the model reads text", param="prompt")
    return item.get("prompt_string")


def _options(fields: Mapping[str, Any]) -> ChatOptions:
    options: dict[str, Any] = {name: fields[name] for name in _OPTIONS if name in fields}
    if options.get("seed") == -1:
        del options["seed"]  # any
    limit = fields.get("n_predict", fields.get("max_tokens", -1))
    if limit != -1:
        options["max_tokens"] = limit
    if "json_schema" in fields:
        options["response_format"] = {"type": "json_schema", "schema": fields["json_schema"]}
    if isinstance(pairs := options.get("logit_bias"), list):
        options["logit_bias"] = _bias(pairs)
    if fields.get("n_probs") or fields.get("return_tokens"):
        options["logprobs"], options["top_logprobs"] = True, fields.get("n_probs", 0)
    return cast("ChatOptions", options)


def _bias(pairs: Sequence[Any]) -> dict[Any, Any]:
    """Return the bias of tokens that is given as pairs; false says never.

    Raises:
        InvalidRequest: something is no pair of a token and a number.
    """
    if not all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], int | str) for pair in pairs):
        raise InvalidRequest("logit_bias must be pairs of a token and a number", param="logit_bias")
    return {token: _NEVER if bias is False else bias for token, bias in pairs}


def _response_fields(fields: Mapping[str, Any]) -> list[str]:
    wanted = fields.get("response_fields", [])
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        raise InvalidRequest("response_fields must be a list of names", param="response_fields")
    return wanted


def _picked(result: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return some fields; "a/b" is what the field "a" holds as "b". Names that are not there are left out."""
    found = {}
    for name in names:
        value: Any = result
        for part in name.split("/"):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            found[name] = value
    return found


def _probability(token: TokenLogprob) -> dict[str, Any]:
    top = [{"id": one.id, **one.to_openai()} for one in token.top]
    return {"id": token.id, **token.to_openai(), "top_logprobs": top}

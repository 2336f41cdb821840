"""Ollama's chat: lines of JSON, streamed unless requested otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, cast

from edge_lam.errors import InvalidRequest
from edge_lam.serve.dialects.base import Answering, Ask, Dialect
from edge_lam.serve.dialects.fields import boolean, known_fields, mapping
from edge_lam.serve.errors import error_object
from edge_lam.serve.wire import to_text

if TYPE_CHECKING:
    from edge_lam.engine import Reply
    from edge_lam.request import ChatOptions
    from edge_lam.serve.errors import Failure
    from edge_lam.tools import ToolCall

PATH = "/api/chat"
_OWN = ("messages", "tools", "stream", "format", "options", "logprobs", "top_logprobs")
_IGNORED = ("keep_alive", "think", "shift", "truncate")
_FIELDS = {"tool_name": "name", "thinking": "reasoning_content"}  # of messages, with what OpenAI calls them
_OPTIONS = ("temperature", "top_k", "top_p", "min_p", "seed", "stop")
# How a model is loaded, which was decided when the server started.
_IGNORED_OPTIONS = (
    "num_ctx",
    "num_batch",
    "num_gpu",
    "main_gpu",
    "num_thread",
    "num_keep",
    "use_mmap",
    "numa",
    "low_vram",
)
_NANOSECONDS = 1e9


class OllamaChat(Dialect):
    """A request to `PATH`."""

    media_type: ClassVar[bytes] = b"application/x-ndjson"
    pings: ClassVar[bool] = False
    fields: Mapping[str, str] = {"response_format": "format", "max_tokens": "options"}

    def __init__(self, body: Mapping[str, Any], answering: Answering) -> None:
        fields = known_fields({name: body[name] for name in body if name not in _IGNORED}, _OWN)
        self.ask = Ask(
            messages=_read_messages(fields.get("messages")),
            options=_options(fields),
            stream=boolean(fields, "stream", True),
        )
        self._model = answering.model

    def whole(self, replies: Sequence[Reply]) -> dict[str, Any]:
        """Return the one line of an answer."""
        (reply,) = replies
        calls = {"tool_calls": [_call(call) for call in reply.tool_calls]} if reply.tool_calls else {}
        thinking = {"thinking": reply.thinking} if reply.thinking else {}
        return {**self._line(reply.text, **thinking, **calls), **_end(reply)}

    def text(self, index: int, text: str) -> str:
        """Return a line of text."""
        return self._written(self._line(text))

    def thinking(self, index: int, text: str) -> str:
        """Return a line of thoughts."""
        return self._written(self._line("", thinking=text))

    def call_finished(self, index: int, call: ToolCall) -> str:
        """Return the line of a call, which comes whole."""
        return self._written(self._line("", tool_calls=[_call(call)]))

    def end(self, replies: Sequence[Reply]) -> str:
        """Return the last line."""
        return self._written({**self._line(""), **_end(replies[0])})

    def failed(self, failure: Failure) -> str:
        """Return an error as a line."""
        return self._written(error_object(failure, PATH))

    def _line(self, text: str, **more: Any) -> dict[str, Any]:
        now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        message = {"role": "assistant", "content": text, **more}
        return {"model": self._model, "created_at": now, "message": message, "done": False}

    @staticmethod
    def _written(line: dict[str, Any]) -> str:
        return to_text(line) + "\n"


def _read_messages(messages: object) -> list[dict[str, Any]]:
    """Return messages in OpenAI's form.

    Raises:
        InvalidRequest: no list of messages, or one with images; `param` is "messages".
    """
    if not isinstance(messages, list):
        raise InvalidRequest("messages must be a list of messages", param="messages")
    found = []
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise InvalidRequest(f"messages[{index}] must be an object", param="messages")
        if message.get("images"):
            raise InvalidRequest(f"messages[{index}] has images", hint="the model reads text", param="messages")
        plain = {key: value for key, value in message.items() if value is not None}
        for theirs, name in _FIELDS.items():
            if theirs in plain:
                plain[name] = plain.pop(theirs)
        found.append(plain)
    return found


def _options(fields: Mapping[str, Any]) -> ChatOptions:
    given = {name: value for name, value in mapping(fields, "options").items() if name not in _IGNORED_OPTIONS}
    known = known_fields(given, (*_OPTIONS, "num_predict"))
    options: dict[str, Any] = {name: known[name] for name in _OPTIONS if name in known}
    if known.get("num_predict", -1) not in (-1, -2):
        options["max_tokens"] = known["num_predict"]
    for name in ("tools", "logprobs", "top_logprobs"):
        if name in fields:
            options[name] = fields[name]
    wanted = fields.get("format")
    if wanted == "json":
        options["response_format"] = {"type": "json_object"}
    elif wanted not in (None, ""):
        options["response_format"] = {"type": "json_schema", "json_schema": {"schema": wanted}}
    return cast("ChatOptions", options)


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}


def _end(reply: Reply) -> dict[str, Any]:
    times, tokens = reply.report.times, reply.report.tokens
    return {
        "done": True,
        "done_reason": "length" if reply.finish_reason in ("length", "timeout") else "stop",
        "total_duration": int(times.total * _NANOSECONDS),
        "load_duration": 0,
        "prompt_eval_count": tokens.prompt,
        "prompt_eval_duration": int(times.prefill * _NANOSECONDS),
        "eval_count": tokens.generated,
        "eval_duration": int(times.writing * _NANOSECONDS),
    }

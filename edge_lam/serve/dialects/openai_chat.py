"""OpenAI's chat completions, with what llama-server's clients find there too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edge_lam.decoding.logprobs import openai_logprobs
from edge_lam.errors import InvalidRequest
from edge_lam.serve.dialects.base import Answering, Ask, Dialect
from edge_lam.serve.dialects.fields import boolean, count, known_fields, mapping
from edge_lam.serve.dialects.openai_shared import (
    LENGTHS,
    OPTIONS,
    fingerprint,
    finish_reason,
    prompt_progress,
    read_options,
    timings,
    usage,
)
from edge_lam.serve.errors import error_object
from edge_lam.serve.wire import DONE, sse, to_text

if TYPE_CHECKING:
    from edge_lam.decoding import TokenLogprob
    from edge_lam.engine import ArgumentsDelta, CallStarted, Reply
    from edge_lam.request import ChatOptions
    from edge_lam.serve.errors import Failure

PATH = "/v1/chat/completions"
_OWN = ("messages", "n", "stream", "stream_options", "return_progress", "json_schema", "edge_lam")


class ChatCompletion(Dialect):
    """A request to `PATH`.

    Raises:
        InvalidRequest: as `Dialect`.
    """

    def __init__(self, body: Mapping[str, Any], answering: Answering) -> None:
        fields = known_fields(body, (*OPTIONS, *LENGTHS, *_OWN))
        ours = mapping(fields, "edge_lam")
        self.ask = Ask(
            messages=read_messages(fields.get("messages")),
            options=_options(fields),
            n=count(fields, "n", 1),
            runs_tools=boolean(ours, "run_tools"),
            stream=boolean(fields, "stream"),
            progress=boolean(fields, "return_progress"),
        )
        own = {"max_tokens": "max_completion_tokens", "response_format": "json_schema"}
        self.fields = {option: name for option, name in own.items() if name in fields}
        if unknown := set(ours) - {"report", "run_tools"}:
            hint = "known: report, run_tools"
            raise InvalidRequest(f"edge_lam has no field {min(unknown)!r}", hint=hint, param="edge_lam")
        self._wants_report = boolean(ours, "report")
        self._wants_usage = boolean(mapping(fields, "stream_options"), "include_usage")
        self._head = {
            "id": f"chatcmpl-{answering.id}",
            "object": "chat.completion.chunk" if self.ask.stream else "chat.completion",
            "created": answering.created,
            "model": answering.model,
            "system_fingerprint": fingerprint(answering.info),
        }
        self._untold: dict[int, list[TokenLogprob]] = {}
        self._opening = f"data: {to_text(self._head)[:-1]},"

    def whole(self, replies: Sequence[Reply]) -> dict[str, Any]:
        """Return a chat completion."""
        choices = [
            {
                "index": index,
                "message": {**reply.message, "refusal": None},
                "logprobs": reply.openai_logprobs,
                "finish_reason": finish_reason(reply),
            }
            for index, reply in enumerate(replies)
        ]
        extra = {"usage": usage(replies), "timings": timings(replies), **self._ours(replies)}
        return {**self._head, "choices": choices, **extra}

    def begin(self, n_prompt: int) -> str:
        """Return the chunks that name the role, which clients wait for."""
        return "".join(self._delta(index, {"role": "assistant", "content": None}) for index in range(self.ask.n))

    def progress(self, total: int, cached: int, read: int, seconds: float) -> str:
        """Return a chunk as llama-server has it."""
        choice = {"index": 0, "delta": {}, "finish_reason": None, "logprobs": None}
        return self._chunk([choice], **prompt_progress(total, cached, read, seconds))

    def text(self, index: int, text: str) -> str:
        """Return a chunk of text."""
        return self._delta(index, {"content": text})

    def thinking(self, index: int, text: str) -> str:
        """Return a chunk of thoughts, where clients of llama-server look for them."""
        return self._delta(index, {"reasoning_content": text})

    def call_started(self, index: int, call: CallStarted) -> str:
        """Return the chunk that names a call."""
        function = {"name": call.name, "arguments": ""}
        named = {"index": call.index, "id": call.id, "type": "function", "function": function}
        return self._delta(index, {"tool_calls": [named]})

    def arguments(self, index: int, delta: ArgumentsDelta) -> str:
        """Return a chunk of arguments."""
        return self._delta(index, {"tool_calls": [{"index": delta.index, "function": {"arguments": delta.text}}]})

    def reply_finished(self, index: int, reply: Reply) -> str:
        """Return the last chunk of a choice; before it the log probabilities of tokens that nothing came of."""
        before = self._delta(index, {"content": ""}) if index in self._untold else ""
        choice = {"index": index, "delta": {}, "finish_reason": finish_reason(reply), "logprobs": None}
        more = {} if self._wants_usage else {"timings": timings([reply])}
        return before + self._chunk([choice], **more, **self._ours([reply]))

    def logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> str:
        """Keep log probabilities for the next chunk."""
        self._untold.setdefault(index, []).extend(tokens)
        return ""

    def _ours(self, replies: Sequence[Reply]) -> dict[str, Any]:
        """Return what only our clients ask for: the whole report, one for each reply."""
        if not self._wants_report:
            return {}
        reports = [reply.report.to_dict() for reply in replies]
        return {"edge_lam": {"report": reports[0]} if len(reports) == 1 else {"reports": reports}}

    def end(self, replies: Sequence[Reply]) -> str:
        """Return what the whole answer took, if that is wanted, and the end."""
        if not self._wants_usage:
            return DONE
        return self._chunk([], usage=usage(replies), timings=timings(replies)) + DONE

    def failed(self, failure: Failure) -> str:
        """Return an error as clients of OpenAI look for it amid a stream."""
        return sse(error_object(failure, PATH))

    def _delta(self, index: int, delta: dict[str, Any]) -> str:
        tokens = self._untold.pop(index, None)
        logprobs = None if tokens is None else openai_logprobs(tokens)
        return self._chunk([{"index": index, "delta": delta, "finish_reason": None, "logprobs": logprobs}])

    def _chunk(self, choices: list[dict[str, Any]], **more: Any) -> str:
        if self._wants_usage:
            more.setdefault("usage", None)
        return f"{self._opening}{to_text({'choices': choices, **more})[1:]}\n\n"


def _options(fields: Mapping[str, Any]) -> ChatOptions:
    """Return options as `read_options`; a schema may come by itself, as llama-server's clients send it."""
    options = read_options(fields)
    if "json_schema" in fields:
        if "response_format" in fields:
            raise InvalidRequest("json_schema beside response_format", hint="send one of them", param="json_schema")
        options["response_format"] = {"type": "json_schema", "schema": fields["json_schema"]}
    return options


def read_messages(messages: object) -> list[dict[str, Any]]:
    """Return the messages of a request, without what clients dump into them empty.

    Raises:
        InvalidRequest: no list of objects, or calls in the form that tools replaced; `param` is "messages".
    """
    if not isinstance(messages, list):
        raise InvalidRequest("messages must be a list of messages", param="messages")
    found = []
    for index, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise InvalidRequest(f"messages[{index}] must be an object", param="messages")
        if message.get("function_call") is not None:
            hint = "write it into tool_calls"
            raise InvalidRequest(f"messages[{index}] has a function_call", hint=hint, param="messages")
        found.append({key: value for key, value in message.items() if value is not None or key == "content"})
    return found

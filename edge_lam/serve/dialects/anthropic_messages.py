"""Anthropic's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from edge_lam.errors import InvalidRequest
from edge_lam.serve.dialects.base import Answering, Ask, Dialect
from edge_lam.serve.dialects.fields import boolean, count, known_fields, mapping
from edge_lam.serve.dialects.parts import part_text, parts_of, string, text_of
from edge_lam.serve.errors import error_object
from edge_lam.serve.wire import sse, to_text

if TYPE_CHECKING:
    from edge_lam.engine import ArgumentsDelta, CallStarted, Reply
    from edge_lam.request import ChatOptions
    from edge_lam.serve.errors import Failure
    from edge_lam.tools import ToolCall

PATH = "/v1/messages"
_OPTIONS = ("temperature", "top_k", "top_p")
_OWN = ("messages", "system", "max_tokens", "stop_sequences", "stream", "tools", "tool_choice")
_IGNORED = ("thinking", "context_management", "container", "inference_geo", "output_config")
_STOP_REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "timeout": "max_tokens"}
_TEXT = {"type": "text", "text": ""}
_THINKING = {"type": "thinking", "thinking": "", "signature": ""}
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}


class AnthropicMessage(Dialect):
    """A request to `PATH`."""

    fields: Mapping[str, str] = {"stop": "stop_sequences", "allowed_tools": "tools"}

    def __init__(self, body: Mapping[str, Any], answering: Answering) -> None:
        fields = known_fields({name: body[name] for name in body if name not in _IGNORED}, (*_OPTIONS, *_OWN))
        self.ask = Ask(messages=read_messages(fields), options=_options(fields), stream=boolean(fields, "stream"))
        self._head = {"id": f"msg_{answering.id}", "type": "message", "role": "assistant", "model": answering.model}
        self._n_blocks = 0
        self._kind = ""  # of the block that is written

    def whole(self, replies: Sequence[Reply]) -> dict[str, Any]:
        """Return a message."""
        (reply,) = replies
        blocks: list[dict[str, Any]] = []
        if reply.thinking:
            blocks.append({"type": "thinking", "thinking": reply.thinking, "signature": ""})
        if reply.text or not reply.tool_calls:
            blocks.append({"type": "text", "text": reply.text})
        blocks += [
            {"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments} for call in reply.tool_calls
        ]
        return {**self._head, "content": blocks, **_stop(reply), "usage": _usage(reply)}

    def begin(self, n_prompt: int) -> str:
        """Return the message without its content."""
        tokens = {"input_tokens": n_prompt, "output_tokens": 0}
        empty: dict[str, Any] = {"content": [], "stop_reason": None, "stop_sequence": None, "usage": tokens}
        return _event("message_start", message={**self._head, **empty})

    def text(self, index: int, text: str) -> str:
        """Return the events of a piece of text."""
        return self._block("text", _TEXT) + self._delta({"type": "text_delta", "text": text})

    def thinking(self, index: int, text: str) -> str:
        """Return the events of a piece of thoughts."""
        return self._block("thinking", _THINKING) + self._delta({"type": "thinking_delta", "thinking": text})

    def call_started(self, index: int, call: CallStarted) -> str:
        """Return the events that begin a call."""
        block = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        return self._stopped() + self._block("tool_use", block)

    def arguments(self, index: int, delta: ArgumentsDelta) -> str:
        """Return the event of a piece of arguments."""
        return self._delta({"type": "input_json_delta", "partial_json": delta.text})

    def call_finished(self, index: int, call: ToolCall) -> str:
        """Return the events that end a call."""
        return self._stopped()

    def call_dropped(self, index: int) -> str:
        """Return the events that end a call that can't be used."""
        return self._stopped()

    def end(self, replies: Sequence[Reply]) -> str:
        """Return why and how the message ended."""
        (reply,) = replies
        written = "" if self._n_blocks else self._block("text", _TEXT)
        written += self._stopped() + _event("message_delta", delta=_stop(reply), usage=_usage(reply))
        return written + _event("message_stop")

    def failed(self, failure: Failure) -> str:
        """Return an error, as an event."""
        return sse(error_object(failure, PATH), "error")

    def _block(self, kind: str, block: dict[str, Any]) -> str:
        """Return the events that begin a block, if none of its kind is written."""
        if self._kind == kind:
            return ""
        written = self._stopped()
        self._kind, self._n_blocks = kind, self._n_blocks + 1
        return written + _event("content_block_start", index=self._n_blocks - 1, content_block=block)

    def _delta(self, delta: dict[str, Any]) -> str:
        return _event("content_block_delta", index=self._n_blocks - 1, delta=delta)

    def _stopped(self) -> str:
        """Return the events that end the block that is written, if there is one."""
        kind, self._kind = self._kind, ""
        if not kind:
            return ""
        signed = self._delta({"type": "signature_delta", "signature": ""}) if kind == "thinking" else ""
        return signed + _event("content_block_stop", index=self._n_blocks - 1)


def read_messages(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the messages of a request in OpenAI's form, the system's first.

    Raises:
        InvalidRequest: a block that is no text, call or result; `param` is "messages" or "system".
    """
    found = list[dict[str, Any]]()
    if system := text_of(fields.get("system"), ("text",), "system", "system"):
        found.append({"role": "system", "content": system})
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest("messages must be a list of messages", param="messages")
    for index, message in enumerate(messages):
        at = f"messages[{index}]"
        role = message.get("role") if isinstance(message, Mapping) else None
        if role not in ("user", "assistant"):
            raise InvalidRequest(f"{at} must have the role user or assistant", param="messages")
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else parts_of(content, at, "messages")
        found += _from_user(blocks, at) if role == "user" else [_from_assistant(blocks, at)]
    return found


def _from_user(blocks: Sequence[Mapping[str, Any]], at: str) -> list[dict[str, Any]]:
    """Return the messages that a user's blocks are: results first, as they answer calls."""
    results = [_result(block, at) for block in blocks if block.get("type") == "tool_result"]
    others = [block for block in blocks if block.get("type") != "tool_result"]
    text = "".join(part_text(block, ("text",), at, "messages") for block in others)
    return [*results, {"role": "user", "content": text}] if others or not results else results


def _result(block: Mapping[str, Any], at: str) -> dict[str, Any]:
    text = text_of(block.get("content"), ("text",), at, "messages")
    if block.get("is_error") is True:
        text = to_text({"error": text})  # as an agent tells a model that a tool failed
    return {"role": "tool", "tool_call_id": string(block, "tool_use_id", at, "messages"), "content": text}


def _from_assistant(blocks: Sequence[Mapping[str, Any]], at: str) -> dict[str, Any]:
    text, thought, calls = "", "", []
    for block in blocks:
        kind = block.get("type")
        if kind == "tool_use":
            function = {"name": string(block, "name", at, "messages"), "arguments": block.get("input")}
            calls.append({"id": string(block, "id", at, "messages"), "type": "function", "function": function})
        elif kind == "thinking":
            thought += str(block.get("thinking") or "")
        elif kind != "redacted_thinking":  # of another model, which alone can read it
            text += part_text(block, ("text",), at, "messages")
    message: dict[str, Any] = {"role": "assistant", "content": text}
    message |= {"content": text or None, "tool_calls": calls} if calls else {}
    return message | ({"reasoning_content": thought} if thought else {})


def _options(fields: Mapping[str, Any]) -> ChatOptions:
    options: dict[str, Any] = {name: fields[name] for name in _OPTIONS if name in fields}
    if "max_tokens" in fields:
        options["max_tokens"] = count(fields, "max_tokens", 1)
    if "stop_sequences" in fields:
        options["stop"] = fields["stop_sequences"]
    if "tools" in fields:
        options["tools"] = _tools(fields["tools"])
    choice = mapping(fields, "tool_choice")
    if choice:
        options["tool_choice"] = _choice(choice)
        options["parallel_tool_calls"] = not boolean(choice, "disable_parallel_tool_use")
    return cast("ChatOptions", options)


def _tools(tools: object) -> object:
    """Return tools without the type that Anthropic's may have, which in OpenAI's API means something else."""
    if not isinstance(tools, list):
        return tools
    return [
        {name: value for name, value in tool.items() if (name, value) != ("type", "custom")}
        if isinstance(tool, Mapping) and "input_schema" in tool
        else tool
        for tool in tools
    ]


def _choice(choice: Mapping[str, Any]) -> str:
    kind = choice.get("type")
    if kind == "tool":
        return string(choice, "name", "tool_choice", "tool_choice")
    if kind not in _CHOICES:
        hint = f"one of {', '.join((*_CHOICES, 'tool'))}"
        raise InvalidRequest(f"unknown tool_choice {kind!r}", hint=hint, param="tool_choice")
    return _CHOICES[kind]


def _stop(reply: Reply) -> dict[str, Any]:
    reason = "stop_sequence" if reply.stop else _STOP_REASONS[reply.finish_reason]
    return {"stop_reason": reason, "stop_sequence": reply.stop or None}


def _usage(reply: Reply) -> dict[str, int]:
    tokens = reply.report.tokens
    return {
        "input_tokens": tokens.prompt - tokens.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": tokens.cached,
        "output_tokens": tokens.generated,
    }


def _event(kind: str, **values: Any) -> str:
    return sse({"type": kind, **values}, kind)

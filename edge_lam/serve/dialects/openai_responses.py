"""OpenAI's Responses, without a memory: text and calls in and out, as items and as events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from edge_lam.errors import InvalidRequest
from edge_lam.serve.dialects.base import Answering, Ask, Dialect
from edge_lam.serve.dialects.fields import boolean, known_fields, mapping
from edge_lam.serve.dialects.openai_shared import timings, usage
from edge_lam.serve.dialects.parts import string, text_of
from edge_lam.serve.wire import sse

if TYPE_CHECKING:
    from edge_lam.engine import ArgumentsDelta, CallStarted, Reply
    from edge_lam.request import ChatOptions
    from edge_lam.serve.errors import Failure
    from edge_lam.tools import ToolCall

PATH = "/v1/responses"
_TEXT_PARTS = ("input_text", "output_text", "text")
# The options of `LAM.chat` that have the same name here.
_OPTIONS = ("tools", "tool_choice", "parallel_tool_calls", "max_tool_calls", "temperature", "top_p", "top_logprobs")
_OWN = ("input", "instructions", "max_output_tokens", "stream", "text", "include")
_IGNORED = ("include", "reasoning", "stream_options", "truncation", "timings_per_token")
_STATEFUL = ("previous_response_id", "conversation", "prompt")
_HOTTEST = 2  # as OpenAI has it
_LOGPROBS = "message.output_text.logprobs"


class ModelResponse(Dialect):
    """A request to `PATH`."""

    fields: Mapping[str, str] = {
        "messages": "input",
        "max_tokens": "max_output_tokens",
        "response_format": "text",
        "allowed_tools": "tool_choice",
    }

    def __init__(self, body: Mapping[str, Any], answering: Answering) -> None:
        fields = known_fields(_without_state(body), (*_OPTIONS, *_OWN))
        self.ask = Ask(
            messages=read_input(fields.get("input"), fields.get("instructions")),
            options=_options(fields),
            stream=boolean(fields, "stream"),
        )
        self._id = answering.id
        self._shared = {
            "id": f"resp_{answering.id}",
            "object": "response",
            "created_at": answering.created,
            "model": answering.model,
            "instructions": fields.get("instructions"),
            "max_output_tokens": fields.get("max_output_tokens"),
            "parallel_tool_calls": fields.get("parallel_tool_calls", True),
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "store": False,
            "temperature": _shown_temperature(fields.get("temperature", 0.0)),
            "text": _shown_text(mapping(fields, "text")),
            "tool_choice": fields.get("tool_choice", "auto"),
            "tools": _shown_tools(fields.get("tools", [])),
            "top_p": fields.get("top_p", 1.0),
            "truncation": "disabled",
            "metadata": _shown_metadata(body.get("metadata")),
        }
        self._n_events = 0
        self._output: list[dict[str, Any]] = []
        self._item: dict[str, Any] = {}  # the last of the output, while it is written

    def whole(self, replies: Sequence[Reply]) -> dict[str, Any]:
        """Return a response."""
        (reply,) = replies
        output = [self._thinking_item(reply.thinking)] if reply.thinking else []
        if reply.text or not reply.tool_calls:
            logprobs = (reply.openai_logprobs or {}).get("content", [])
            output.append(self._message_item(reply.text, logprobs))
        output += [
            _call_item(call.id, call.name, call.to_openai()["function"]["arguments"]) for call in reply.tool_calls
        ]
        return self._response(reply, output)

    def begin(self, n_prompt: int) -> str:
        """Return the events that come before the first token."""
        response = {**self._shared, **_STATUS["in_progress"], "output": []}
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def text(self, index: int, text: str) -> str:
        """Return the events of a piece of text."""
        return self._piece("message", text)

    def thinking(self, index: int, text: str) -> str:
        """Return the events of a piece of thoughts."""
        return self._piece("reasoning", text)

    def call_started(self, index: int, call: CallStarted) -> str:
        """Return the events that begin a call."""
        return self._done() + self._added(_call_item(call.id, call.name, ""))

    def arguments(self, index: int, delta: ArgumentsDelta) -> str:
        """Return the event of a piece of arguments."""
        self._item["arguments"] += delta.text
        return self._item_event("response.function_call_arguments.delta", delta=delta.text)

    def call_finished(self, index: int, call: ToolCall) -> str:
        """Return the events that end a call."""
        return self._done()

    def call_dropped(self, index: int) -> str:
        """Return the events that end a call that can't be used."""
        return self._done("incomplete")

    def end(self, replies: Sequence[Reply]) -> str:
        """Return the events that end the stream."""
        (reply,) = replies
        written = "" if self._output else self._added(self._message_item(""))
        written += self._done()
        response = self._response(reply, self._output)
        return written + self._event(f"response.{response['status']}", response=response, timings=timings(replies))

    def failed(self, failure: Failure) -> str:
        """Return an error, as an event."""
        values = {"code": failure.code, "message": failure.message, "param": failure.param}
        return self._event("error", **values)

    def _response(self, reply: Reply, output: list[dict[str, Any]]) -> dict[str, Any]:
        was_cut = reply.finish_reason in ("length", "timeout")
        status = _STATUS["incomplete" if was_cut else "completed"]
        tokens = usage([reply])
        values = {
            "input_tokens": tokens["prompt_tokens"],
            "input_tokens_details": {**tokens["prompt_tokens_details"], "cache_write_tokens": 0},  # none is paid for
            "output_tokens": tokens["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens["total_tokens"],
        }
        return {**self._shared, **status, "output": output, "usage": values}

    def _piece(self, kind: str, text: str) -> str:
        """Return the events that add text to an item of a kind, which begins if another one was written."""
        written = ""
        if self._item.get("type") != kind:
            item = self._message_item("") if kind == "message" else self._thinking_item("")
            written = self._done() + self._added(item)
        self._item["content"][0]["text"] += text
        return written + self._item_event(f"response.{_PIECES[kind]}.delta", content_index=0, delta=text, **_more(kind))

    def _added(self, item: dict[str, Any]) -> str:
        """Return the events that begin an item."""
        self._output.append(item)
        self._item = item
        shown = {**item, "status": "in_progress"} | ({"content": []} if "content" in item else {})
        written = self._event("response.output_item.added", output_index=len(self._output) - 1, item=shown)
        if "content" in item:
            written += self._item_event("response.content_part.added", content_index=0, part=item["content"][0])
        return written

    def _done(self, status: str = "completed") -> str:
        """Return the events that end the item that is written, if there is one."""
        if not (item := self._item):
            return ""
        item["status"] = status
        if item["type"] == "function_call":
            values = {"name": item["name"], "arguments": item["arguments"]}
            written = self._item_event("response.function_call_arguments.done", **values)
        else:
            (part,) = item["content"]
            kind = item["type"]
            written = self._item_event(
                f"response.{_PIECES[kind]}.done", content_index=0, text=part["text"], **_more(kind)
            )
            written += self._item_event("response.content_part.done", content_index=0, part=part)
        self._item = {}
        return written + self._event("response.output_item.done", output_index=len(self._output) - 1, item=item)

    def _item_event(self, kind: str, **values: Any) -> str:
        return self._event(kind, item_id=self._item["id"], output_index=len(self._output) - 1, **values)

    def _event(self, kind: str, **values: Any) -> str:
        self._n_events += 1
        return sse({"type": kind, "sequence_number": self._n_events - 1, **values}, kind)

    def _message_item(self, text: str, logprobs: Sequence[Any] = ()) -> dict[str, Any]:
        part = {"type": "output_text", "text": text, "annotations": [], "logprobs": list(logprobs)}
        head = {"id": self._item_id("msg"), "type": "message", "status": "completed", "role": "assistant"}
        return {**head, "content": [part]}

    def _thinking_item(self, text: str) -> dict[str, Any]:
        part = {"type": "reasoning_text", "text": text}
        head = {"id": self._item_id("rs"), "type": "reasoning", "status": "completed", "summary": []}
        return {**head, "content": [part]}

    def _item_id(self, kind: str) -> str:
        return f"{kind}_{self._id}{len(self._output) or ''}"


_PIECES = {"message": "output_text", "reasoning": "reasoning_text"}
_STATUS: dict[str, dict[str, Any]] = {
    "in_progress": {"status": "in_progress", "error": None, "incomplete_details": None},
    "completed": {"status": "completed", "error": None, "incomplete_details": None},
    "incomplete": {"status": "incomplete", "error": None, "incomplete_details": {"reason": "max_output_tokens"}},
}


def read_input(items: object, instructions: object = None) -> list[dict[str, Any]]:
    """Return the messages that input items tell.

    Raises:
        InvalidRequest: an item that is no text, call or result; `param` is "input".
    """
    messages = list[dict[str, Any]]()
    if instructions is not None:
        if not isinstance(instructions, str):
            raise InvalidRequest("instructions must be text", param="instructions")
        messages.append({"role": "system", "content": instructions})
    if isinstance(items, str):
        return [*messages, {"role": "user", "content": items}]
    if not isinstance(items, list) or not items:
        raise InvalidRequest("input must be text, or a list of items", param="input")
    thought = ""
    for index, item in enumerate(items):
        at = f"input[{index}]"
        if not isinstance(item, Mapping):
            raise InvalidRequest(f"{at} must be an object", param="input")
        if item.get("type") == "reasoning":
            thought += text_of(item.get("content"), ("reasoning_text",), at, "input")
            continue
        _add_item(messages, item, at)
        if thought and (last := messages[-1])["role"] == "assistant":
            last["reasoning_content"] = last.get("reasoning_content", "") + thought
        thought = ""
    return messages


def _add_item(messages: list[dict[str, Any]], item: Mapping[str, Any], at: str) -> None:
    """Add an item to the messages; calls belong to the assistant's message before them."""
    kind = item.get("type", "message")
    if kind == "message":
        content = text_of(item.get("content"), _TEXT_PARTS, at, "input")
        messages.append({"role": item.get("role"), "content": content})
    elif kind == "function_call":
        function = {"name": string(item, "name", at, "input"), "arguments": item.get("arguments")}
        call = {"id": string(item, "call_id", at, "input"), "type": "function", "function": function}
        if not messages or messages[-1]["role"] != "assistant":
            messages.append({"role": "assistant", "content": None})
        messages[-1].setdefault("tool_calls", []).append(call)
    elif kind == "function_call_output":
        result = text_of(item.get("output"), _TEXT_PARTS, at, "input")
        messages.append({"role": "tool", "tool_call_id": string(item, "call_id", at, "input"), "content": result})
    else:
        hint = "input items are messages, function_call, function_call_output and reasoning"
        raise InvalidRequest(f"{at} has the type {kind!r}", hint=hint, param="input")


def _without_state(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request without what means nothing here.

    Raises:
        InvalidRequest: it asks for what was stored.
    """
    for name in _STATEFUL:
        if body.get(name) is not None:
            hint = "nothing is stored: send all items in input"
            raise InvalidRequest(f"{name} is not supported", hint=hint, param=name)
    if body.get("background"):
        raise InvalidRequest("background is not supported", param="background")
    return {name: value for name, value in body.items() if name not in ("background", *_IGNORED) or name == "include"}


def _options(fields: Mapping[str, Any]) -> ChatOptions:
    options = {name: fields[name] for name in _OPTIONS if name in fields}
    if "max_output_tokens" in fields:
        options["max_tokens"] = fields["max_output_tokens"]
    wanted = mapping(fields, "text").get("format")
    if wanted is not None:
        options["response_format"] = wanted
    included = fields.get("include", [])
    if not isinstance(included, list):
        raise InvalidRequest("include must be a list", param="include")
    if _LOGPROBS in included:
        options["logprobs"] = True
    else:
        options.pop("top_logprobs", None)
    return cast("ChatOptions", options)


def _shown_text(text: Mapping[str, Any]) -> dict[str, Any]:
    """Return how text is to be, as an answer shows it; an answer may hold nothing that its own schema forbids."""
    form = text.get("format") or {"type": "text"}
    for name, kind, what in (
        ("name", str, "text"),
        ("description", str, "text"),
        ("strict", bool, "true or false"),
    ):
        if not isinstance(form, Mapping) or not isinstance(form.get(name), kind | None):
            raise InvalidRequest(f"text.format.{name} must be {what}", param="text")
    needed = {"name": "reply"} if form.get("type") == "json_schema" and not form.get("name") else {}
    return {"format": {**form, **needed}}


def _shown_tools(tools: object) -> list[Any]:
    """Return tools as an answer shows them, with what its schema wants to be there; others check what they are."""
    if not isinstance(tools, list):
        return []
    return [{"strict": None, "parameters": None, **tool} if isinstance(tool, Mapping) else tool for tool in tools]


def _shown_temperature(temperature: Any) -> Any:
    """Return a temperature as an answer may show it; what is none is refused by others."""
    if isinstance(temperature, int | float) and temperature > _HOTTEST:
        raise InvalidRequest(f"temperature must be at most {_HOTTEST}, not {temperature!r}", param="temperature")
    return temperature


def _shown_metadata(metadata: object) -> dict[str, str]:
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping) or not all(isinstance(value, str) for value in metadata.values()):
        raise InvalidRequest("metadata must be an object of texts", param="metadata")
    return dict(metadata)


def _call_item(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    head = {"id": call_id.replace("call_", "fc_", 1), "type": "function_call", "status": "completed"}
    return {**head, "call_id": call_id, "name": name, "arguments": arguments}


def _more(kind: str) -> dict[str, Any]:
    """Return what events of a text hold besides; clients insist on it."""
    return {"logprobs": []} if kind == "message" else {}

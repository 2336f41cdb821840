"""Messages as people write them -> messages as every template reads them.

In comes a string or a list of OpenAI-style dicts; out come dicts with a role, a string as content, and calls whose
arguments are decoded. Knows no template and no model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest
from edge_lam.tools import ToolCall, new_call_id

if TYPE_CHECKING:
    from typing import TypeAlias

    from edge_lam.tools import Tool

    Messages: TypeAlias = str | Sequence[Mapping[str, Any]]

ROLES = ("system", "user", "assistant", "tool")
OTHER_ROLES = {"developer": "system"}  # as OpenAI calls it since its reasoning models


def normalize_messages(messages: Messages) -> list[dict[str, Any]]:
    """Check messages and bring them into one form.

    Args:
        messages: a string (one user message) or dicts with "role" and "content"; assistant messages may hold
            "tool_calls" (OpenAI form, its flat form, or `ToolCall`), tool messages a dict or list as content. The role
            "developer" is "system".

    Returns:
        New dicts: content is always a string; "tool_calls" is there only if there are calls, in OpenAI form with
        `arguments` as an object, and "reasoning_content" only if an assistant's message has some: whether a prompt
        holds what was thought before is for the template to say. Normalizing twice changes nothing.

    Raises:
        InvalidRequest: no messages, an unknown role, or content that is not text; `param` is "messages".
    """
    if isinstance(messages, str):
        if not messages.strip():
            raise _refusal("the message is empty")
        return [{"role": "user", "content": messages}]
    if isinstance(messages, bytes | Mapping) or not isinstance(messages, Sequence):
        raise _refusal(f"messages must be a string or a list of messages, not {type(messages).__name__}")
    if not messages:
        raise _refusal("messages is empty", hint="give at least one message")
    return [_message(message, f"messages[{index}]") for index, message in enumerate(messages)]


def _message(message: object, at: str) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise _refusal(f"{at} must be an object with a role and content, not {type(message).__name__}")
    role = message.get("role")
    role = OTHER_ROLES.get(role, role) if isinstance(role, str) else role
    if role not in ROLES:
        raise _refusal(f"{at} has the unknown role {role!r}", hint=f"known roles: {', '.join(ROLES)}")
    calls = message.get("tool_calls")
    if "content" not in message and not calls:
        raise _refusal(f"{at} has no content")
    content = message.get("content")
    plain = {"role": role, "content": _result(content, at) if role == "tool" else _text(content, at)}
    if calls:
        if role != "assistant":
            raise _refusal(f"{at}: only an assistant message can hold tool_calls")
        if not isinstance(calls, list | tuple):
            raise _refusal(f"{at}.tool_calls must be a list, not {type(calls).__name__}")
        plain["tool_calls"] = [normalize_call(call, f"{at}.tool_calls[{index}]") for index, call in enumerate(calls)]
    if role == "assistant" and (thought := _thought(message)):
        plain["reasoning_content"] = thought
    return plain | {key: message[key] for key in ("tool_call_id", "name") if key in message}


def _thought(message: Mapping[str, Any]) -> str:
    """Return what an assistant thought before it answered, by either of the names that servers give it."""
    found = (message.get(name) for name in ("reasoning_content", "reasoning"))
    return next((thought for thought in found if isinstance(thought, str) and thought), "")


def _text(content: object, at: str) -> str:
    """Return content as text: None is empty, a list of text parts is joined."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple):
        raise _refusal(f"the content of {at} must be text, not {type(content).__name__}")
    return "".join(_part(part, at) for part in content)


def _part(part: object, at: str) -> str:
    if not isinstance(part, Mapping) or part.get("type") != "text" or not isinstance(part.get("text"), str):
        kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
        raise _refusal(f"{at} holds a part of type {kind!r}", hint="only text parts can be read")
    return str(part["text"])


def _result(content: object, at: str) -> str:
    """Return a tool's result as text: strings as they are, anything else as JSON."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list | tuple) and content and all(_is_text_part(part) for part in content):
        return _text(content, at)
    try:
        return json.dumps(content, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _refusal(f"the content of {at} can't be written as JSON: {error}") from error


def _is_text_part(part: object) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "text" and isinstance(part.get("text"), str)


def normalize_call(call: object, at: str) -> dict[str, Any]:
    """Bring a call into OpenAI's nested form, with `arguments` as an object.

    Args:
        call: OpenAI's form, its flat form, or a `ToolCall`.
        at: where it stands, for errors.

    Raises:
        InvalidRequest: it names no function, or its arguments are no object; `param` is "messages".
    """
    if isinstance(call, ToolCall):
        call = {"id": call.id, "name": call.name, "arguments": call.arguments}
    if not isinstance(call, Mapping):
        raise _refusal(f"{at} must be an object, not {type(call).__name__}")
    function = call.get("function", call)
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not name:
        raise _refusal(f"{at} names no function")
    function = {"name": name, "arguments": _arguments(function.get("arguments"), at)}
    return {"id": call.get("id") or new_call_id(), "type": "function", "function": function}


def _arguments(arguments: object, at: str) -> dict[str, Any]:
    if arguments is None or arguments == "":
        return {}
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError) as error:
            raise _refusal(f"the arguments of {at} are not JSON: {error}") from error
    if not isinstance(arguments, Mapping):
        raise _refusal(f"the arguments of {at} must be an object, not {type(arguments).__name__}")
    return dict(arguments)


def _refusal(message: str, hint: str = "") -> InvalidRequest:
    return InvalidRequest(message, hint=hint, param="messages")


def refuse_frame(frame: Iterable[str], messages: list[dict[str, Any]], tools: Iterable[Tool]) -> None:
    """Refuse messages and tools that spell the words by which a template separates messages from each other.

    Args:
        frame: those words; () refuses nothing.
        messages: as `normalize_messages` returned them.
        tools: of the request.

    Raises:
        InvalidRequest: names the words; `param` is "messages".
    """
    if not frame:
        return
    try:
        spelled = json.dumps([messages, [tool.definition() for tool in tools]], ensure_ascii=False, default=str)
    except RecursionError as error:
        raise InvalidRequest("the messages are nested too deeply", param="messages") from error
    for words in frame:
        if words in spelled:
            hint = "leave it out: the model could not tell where the message ends"
            raise InvalidRequest(f"messages or tools hold {words!r}", param="messages", hint=hint)

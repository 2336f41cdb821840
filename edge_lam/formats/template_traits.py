"""What a chat template takes of tools, calls and ids, found out by rendering it; conversations put as it takes them.

`transformers` fixes what a template is called with, not what it makes of it: some want arguments as text, ids of nine
characters or one call a message, some read tools from elsewhere, some write no calls at all. Each of these was met in
the templates of models in use.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, TypeAlias

from edge_lam._util.debug import reason
from edge_lam.errors import InvalidRequest

logger = logging.getLogger("edge_lam.formats")

Render: TypeAlias = Callable[[list[dict[str, Any]], dict[str, Any]], str]

# How tools reach a template: as `tools`; as a variable of its own (SmolLM3; firefunction, as text); or in the system
# message, as text (Phi-4-mini) or as they are.
Passing: TypeAlias = Literal["tools", "xml_tools", "functions", "system text", "system"]
PASSINGS: tuple[Passing, ...] = ("tools", "xml_tools", "functions", "system text", "system")
# How the arguments of a call do: decoded, as OpenAI's text, or, as it writes no calls, with the call in the content.
Arguments: TypeAlias = Literal["object", "text", "content"]

_NAME, _KEY, _VALUES, _TEXT = "probe_tool", "needle", ("straw", "chaff"), "husk"  # stand in no template
_LONG_IDS = ("call_0123456789abcdef0", "call_0123456789abcdef1")
_ID_LENGTH = 9
_SHORT_ID = re.compile(rf"[a-zA-Z0-9]{{{_ID_LENGTH}}}")


@dataclass(frozen=True)
class Traits:
    """What a template takes of the calls of an assistant.

    Attributes:
        arguments: how it takes them.
        short_ids: whether ids have to be nine letters and digits.
        several: whether a message may hold several calls.
        text_beside: whether a message with calls may hold text.
    """

    arguments: Arguments = "object"
    short_ids: bool = False
    several: bool = True
    text_beside: bool = True

    def fit(self, messages: Sequence[dict[str, Any]], write: Callable[[list[dict[str, Any]]], str]) -> list[Any]:
        """Return a conversation as the template takes it.

        Args:
            messages: as `normalize_messages` returns them.
            write: spells calls as text.
        """
        turns = list(messages) if self.several else _one_call_each(messages)
        return [self._fit(message, write) for message in turns]

    def _fit(self, message: dict[str, Any], write: Callable[[list[dict[str, Any]]], str]) -> dict[str, Any]:
        if self.short_ids and "tool_call_id" in message:
            message = message | {"tool_call_id": short_id(str(message["tool_call_id"]))}
        calls = message.get("tool_calls")
        if not calls:
            return message
        if self.arguments == "content":
            before_call = f"{message['content']}\n" if message["content"] else ""
            return {"role": message["role"], "content": before_call + write(calls)}
        fitted = message | {"tool_calls": [self._fit_call(call) for call in calls]}
        return fitted if self.text_beside else fitted | {"content": ""}

    def _fit_call(self, call: dict[str, Any]) -> dict[str, Any]:
        if self.short_ids:
            call = call | {"id": short_id(str(call["id"]))}
        if self.arguments == "text":
            arguments = json.dumps(call["function"]["arguments"], ensure_ascii=False)
            call = call | {"function": call["function"] | {"arguments": arguments}}
        return call


def short_id(call_id: str) -> str:
    """Return an id of nine letters and digits: the same if it is one, else always the same one for it."""
    return call_id if _SHORT_ID.fullmatch(call_id) else hashlib.sha256(call_id.encode()).hexdigest()[:_ID_LENGTH]


def pass_tools(
    passing: Passing, messages: list[dict[str, Any]], tools: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return messages and variables in which a template finds definitions of tools, in OpenAI's nested form."""
    if passing in ("tools", "xml_tools"):
        return messages, {passing: tools}
    flat = [tool.get("function", tool) for tool in tools]
    if passing == "functions":
        now = datetime.now().strftime("%B %d %Y %H:%M:%S")
        return messages, {"functions": json.dumps(flat, ensure_ascii=False, indent=4), "datetime": now}
    with_system = messages
    if messages[0]["role"] != "system":
        with_system = [{"role": "system", "content": "You are a helpful assistant with some tools."}, *messages]
    system = with_system[0] | {"tools": json.dumps(flat, ensure_ascii=False) if passing == "system text" else tools}
    return [system, *with_system[1:]], {}


def find_passing(render: Render, source: str) -> Passing | None:
    """Return how a template takes tools; None if it writes none.

    Args:
        render: renders messages with variables.
        source: of the template; what stands nowhere in it need not be tried.
    """
    for passing in PASSINGS:
        wanted = passing if passing in ("xml_tools", "functions") else "tools"
        if wanted in source and _writes_tool(render, passing, described=True):
            return passing
    # One that refuses what it is tried with may take what people have.
    return "tools" if "tools" in source and not _try(render, [{"role": "user", "content": "?"}], {}) else None


def needs_descriptions(render: Render, passing: Passing) -> bool:
    """Tell whether a template refuses a parameter that has no description."""
    return not _writes_tool(render, passing, described=False)


def with_descriptions(tool: dict[str, Any]) -> dict[str, Any]:
    """Return a definition in the nested form in which each parameter has a description, maybe an empty one."""
    function = tool["function"]
    schema = function["parameters"]
    properties = {
        name: {"description": "", **part} if isinstance(part, dict) else part
        for name, part in schema["properties"].items()
    }
    return tool | {"function": function | {"parameters": schema | {"properties": properties}}}


def _writes_tool(render: Render, passing: Passing, *, described: bool) -> bool:
    messages, variables = pass_tools(passing, [{"role": "user", "content": "?"}], [_tool(described=described)])
    return _NAME in _try(render, messages, variables)


def find_traits(render: Render, passing: Passing | None) -> Traits:
    """Return what a template takes of calls.

    Args:
        render: renders messages with variables.
        passing: how the template takes tools, without which some render nothing; None if it takes none.
    """

    def written(traits: Traits, values: Sequence[str], text: str = "") -> bool:
        messages = traits.fit(_conversation(values, text), _unspelled)
        tools: tuple[list[Any], dict[str, Any]] = (messages, {})
        if passing:
            tools = pass_tools(passing, messages, [_tool(described=True, key="other")])
        return _is_written(_try(render, *tools), values)

    ways: tuple[Arguments, ...] = ("object", "text")
    taken = (Traits(arguments, short_ids) for arguments in ways for short_ids in (False, True))
    traits = next((traits for traits in taken if written(traits, _VALUES[:1])), None)
    if traits is None:
        return Traits("content")
    several, beside = written(traits, _VALUES), written(traits, _VALUES[:1], _TEXT)
    return replace(traits, several=several, text_beside=beside)


def _is_written(text: str, values: Sequence[str]) -> bool:
    """Tell whether the arguments with these values stand in a prompt, not as Python or as JSON inside of JSON."""
    return all(value in text for value in values) and not re.search(rf"'{_KEY}'|\\\"{_KEY}", text)


def _try(render: Render, messages: list[Any], variables: dict[str, Any]) -> str:
    """Return what a template makes of messages; "" if it refuses them."""
    try:
        return render(messages, variables)
    except InvalidRequest as error:
        logger.debug("the template refuses a conversation that it was tried with: %s", reason(error))
        return ""


def _tool(*, described: bool, key: str = _KEY) -> dict[str, Any]:
    parameter = {"type": "string", "description": "?"} if described else {"type": "string"}
    schema = {"type": "object", "properties": {key: parameter}, "required": [key]}
    return {"type": "function", "function": {"name": _NAME, "description": "?", "parameters": schema}}


def _conversation(values: Sequence[str], text: str = "") -> list[dict[str, Any]]:
    """Return an exchange with a call for each value, and its result."""
    functions = [{"name": _NAME, "arguments": {_KEY: value}} for value in values]
    calls = [
        {"id": call_id, "type": "function", "function": function}
        for call_id, function in zip(_LONG_IDS, functions, strict=False)
    ]
    results = [{"role": "tool", "tool_call_id": call["id"], "name": _NAME, "content": "?"} for call in calls]
    return [{"role": "user", "content": "?"}, {"role": "assistant", "content": text, "tool_calls": calls}, *results]


def _one_call_each(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a conversation in which each call has a message of its own, with its result behind it."""
    turns: list[dict[str, Any]] = []
    waiting: list[dict[str, Any]] = []  # messages with calls whose results are still to come
    for message in messages:
        if message["role"] == "tool" and waiting:
            call_id = message.get("tool_call_id")
            turn = next((turn for turn in waiting if turn["tool_calls"][0]["id"] == call_id), waiting[0])
            waiting.remove(turn)
            turns += [turn, message]
            continue
        turns += waiting
        waiting = []
        calls = message.get("tool_calls", ())
        if len(calls) > 1:
            waiting = [message | {"tool_calls": [call], "content": ""} for call in calls]
            waiting[0]["content"] = message["content"]
        else:
            turns.append(message)
    return turns + waiting


def _unspelled(calls: list[dict[str, Any]]) -> str:
    return ""

"""The grammar of replies, in llguidance's Lark syntax, for every way to spell calls.

In come a syntax, tools and a choice; out comes text that a vocabulary can be compiled against: the exact separators,
key order and arguments that the models were trained on. A schema that can't be enforced is refused by tool and path.
Knows no model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest
from edge_lam.schema.error import SchemaError
from edge_lam.schema.guidance import json_rule
from edge_lam.schema.limits import Trial, check_effort, first_error
from edge_lam.schema.rules import lark_rules
from edge_lam.tools.tool import invalid_schema

if TYPE_CHECKING:
    from edge_lam.formats.syntax import CallSyntax
    from edge_lam.tools import Tool

MAX_TOOLS = 1500  # llguidance follows at most 2000 alternatives at a time
CHOICES = ("auto", "required", "none")
ANYTHING = "start: /(.|\\n)*/"
SPACE = r"SPACE: /[ \t\r\n]+/"
GAP = r"GAP: /[ \t\r\n]{1,8}/"  # behind thinking; bounded, for a model can write white space without end


def reply_grammar(
    syntax: CallSyntax,
    tools: Sequence[Tool],
    tool_choice: str = "auto",
    *,
    parallel: bool = True,
    response_schema: dict[str, Any] | None = None,
    thinking_end: str = "",
    thinking_token: int | None = None,
) -> str:
    """Return the grammar of a reply, as of `ChatFormat.grammar`.

    Raises:
        InvalidRequest: too many tools to choose from, or as `ChatFormat.grammar`.
        InvalidSchema: as `ChatFormat.grammar`.
    """
    called = _chosen(tools, tool_choice)
    if len(called) > MAX_TOOLS:
        hint = f"at most {MAX_TOOLS}, or as many allowed_tools"
        raise InvalidRequest(f"{len(called)} tools are too many to choose from", param="tools", hint=hint)
    if not tools and response_schema is None:
        return ANYTHING
    starts, rules = [], []
    if response_schema is not None:
        starts, rules = ["answer"], lark_rules("answer", response_schema)
    elif tool_choice == "auto" or (tool_choice == "none" and syntax.plain_text):
        starts, rules = ["TEXT"], [_text(syntax)]
    if called or not starts:
        # White space before calls is the model's own: it stands there before anything is bound.
        starts.append("SPACE? calls" if starts == ["TEXT"] else "calls")
        may_be_empty = tool_choice in ("auto", "none") and not syntax.plain_text
        rules += [SPACE, *_calls(syntax, called, parallel=parallel, may_be_empty=may_be_empty)]
    start = " | ".join(starts)
    if thinking_end:
        start = f"thinking GAP? ({start})"
        rules += [GAP, *_thinking(thinking_end, thinking_token)]
    return "\n".join([f"start: {start}", *rules])


def try_out(tools: Sequence[Tool], trial: Trial) -> None:
    """Refuse tools whose schemas compile, but take too much to hold a reply to.

    Args:
        tools: that a reply may call.
        trial: writes something in a grammar, and returns the limit that it goes beyond, or None.

    Raises:
        InvalidSchema: names tool and path.
    """
    for tool in tools:
        _try_out(tool, trial)


def _try_out(tool: Tool, trial: Trial) -> None:
    try:
        check_effort(enforced(tool), trial)
    except SchemaError as error:
        raise invalid_schema(tool.name, error) from error


def enforced(tool: Tool) -> dict[str, Any]:
    """Return the schema that the grammar holds the arguments of a tool to; what it leaves out is checked afterwards.

    Raises:
        InvalidSchema: something can be neither enforced nor checked; names tool and path.
    """
    try:
        return tool.schema.held()
    except SchemaError as error:
        raise invalid_schema(tool.name, error) from error


def check_together(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Return the schemas that the grammar holds the arguments of tools to, after a look at each.

    Raises:
        InvalidSchema: one can't be enforced; names tool and path.
    """
    schemas = [enforced(tool) for tool in tools]
    if found := first_error(schemas):
        index, error = found
        raise invalid_schema(tools[index].name, error)
    return schemas


def _chosen(tools: Sequence[Tool], tool_choice: str) -> list[Tool]:
    """Return the tools that may be called."""
    if tool_choice == "none" or (tool_choice == "auto" and not tools):
        return []
    if not tools:
        raise InvalidRequest(f"tool_choice={tool_choice!r} without tools", param="tool_choice", hint="give tools")
    if tool_choice in CHOICES:
        return list(tools)
    named = [tool for tool in tools if tool.name == tool_choice]
    if not named:
        names = ", ".join((*CHOICES, *(tool.name for tool in tools)))
        raise InvalidRequest(f"unknown tool_choice {tool_choice!r}", param="tool_choice", hint=f"one of {names}")
    return named


def _text(syntax: CallSyntax) -> str:
    """Return the rule of text: white space aside it begins in another way than calls. Empty text is a reply too."""
    first = re.escape(syntax.first[0])
    return rf"TEXT: /[ \t\r\n]*([^{first} \t\r\n](.|\n)*)?/"


def _thinking(end: str, token: int | None) -> list[str]:
    """Return the rules of thinking: anything up to what ends it, a text or a special token."""
    if token is None:
        return [rf"thinking[suffix={json.dumps(end)}]: /(.|\n)*/"]
    return [f"thinking: THOUGHT? <[{token}]>", rf"THOUGHT: /(.|\n)+/ & ~/(.|\n)*{_regex(end)}(.|\n)*/"]


def _regex(text: str) -> str:
    """Return a regular expression, as it stands between slashes, of one text."""
    return re.escape(text).replace("/", r"\/")


def _calls(syntax: CallSyntax, called: Sequence[Tool], *, parallel: bool, may_be_empty: bool) -> list[str]:
    reply = [json.dumps(syntax.thought_opening), "thought"] if syntax.thought_opening else []
    reply.append(json.dumps(syntax.opening))
    if called:
        several = f"call ({json.dumps(syntax.separator)} call)*" if parallel else "call"
        reply.append(f"({several})?" if may_be_empty else several)
    rules = [f"calls: {' '.join([*reply, json.dumps(syntax.closing)])}"]
    if syntax.thought_opening:
        rules.append(f"thought: {json_rule({'type': 'string'})}")
    if called:
        rules.append("call: " + " | ".join(f"call_{index}" for index in range(len(called))))
    for index, schema in enumerate(check_together(called)):
        rules.append(f'call_{index}: {json.dumps(syntax.call_opening(called[index].name))} arguments_{index} "}}"')
        rules += lark_rules(f"arguments_{index}", schema)
    return rules

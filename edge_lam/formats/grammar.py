"""The grammar of replies whose calls are one bare JSON array, in llguidance's Lark syntax.

In come tools and a choice; out comes text that a vocabulary can be compiled against: the exact separators, key order
and arguments the models were trained on. Every schema is checked here, without a model, so that one that can't be
enforced is refused by tool and path before anything is decoded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest, InvalidSchema
from edge_lam.tools.schema import closed, subschemas

if TYPE_CHECKING:
    from edge_lam.tools import Tool

CHOICES = ("auto", "required", "none")
SPELLING = {"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": False}
# Anything but a "[" at the start, whitespace aside: that is how calls begin. Empty text is a reply too.
TEXT = r"TEXT: /[ \t\r\n]*([^\[ \t\r\n](.|\n)*)?/"
ANYTHING = "start: /(.|\\n)*/"


def array_grammar(tools: Sequence[Tool], tool_choice: str = "auto", *, parallel: bool = True) -> str:
    """Return the grammar of a reply: text, or ``[{"name": …, "arguments": {…}}, …]``. See `ChatFormat.grammar`."""
    callable_tools = _chosen(tools, tool_choice)
    if not tools:
        return ANYTHING
    if not callable_tools:
        return f"start: TEXT\n{TEXT}"
    lines = [f"start: TEXT | calls\n{TEXT}" if tool_choice == "auto" else "start: calls"]
    lines.append(f'calls: "[" call{" (" + json.dumps(", ") + " call)*" if parallel else ""} "]"')
    lines.append("call: " + " | ".join(f"call_{index}" for index in range(len(callable_tools))))
    for index, tool in enumerate(callable_tools):
        opening = f'{{"name": {json.dumps(tool.name)}, "arguments": '
        lines.append(f'call_{index}: {json.dumps(opening)} arguments_{index} "}}"')
        lines.append(f"arguments_{index}: {_json_rule(closed(tool.parameters))}")
    grammar = "\n".join(lines)
    if fault := _fault(grammar):
        raise _blame(callable_tools, fault)
    return grammar


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


def _json_rule(schema: dict[str, Any]) -> str:
    return f"%json {json.dumps({**schema, 'x-guidance': SPELLING}, ensure_ascii=False)}"


@lru_cache(maxsize=64)
def _fault(grammar: str) -> str:
    """Return what llguidance finds wrong with a grammar, in one line, or ""."""
    from llguidance import LLMatcher

    message: str = LLMatcher.validate_grammar(grammar)
    reason, _, _ = message.partition("\n   1 | ")  # the grammar's own lines follow
    reason = " ".join(reason.split()).rpartition("failed to compile JSON schema: ")[2]
    return reason.rpartition(" error: ")[2]  # a regex error begins with a drawing of the regex


def _blame(tools: Sequence[Tool], fault: str) -> InvalidSchema:
    """Return the error that names the tool and the innermost schema that can't be enforced."""
    for tool in tools:
        schema = closed(tool.parameters)
        if reason := _fault(f"start: {_json_rule(schema)}"):
            path, reason = _innermost(schema, schema, "", reason)
            message = f"tool {tool.name!r}: the schema at {path or '/'} can't be enforced: {reason}"
            return InvalidSchema(message, tool=tool.name, path=path)
    return InvalidSchema(f"the tools can't be enforced together: {fault}", tool="")


def _innermost(root: dict[str, Any], schema: dict[str, Any], path: str, reason: str) -> tuple[str, str]:
    """Return the pointer to the deepest schema that fails by itself, and why."""
    shared: dict[str, Any] = {key: root[key] for key in ("$defs", "definitions") if key in root}
    for step, child in subschemas(schema):
        alone = {"type": "object", "properties": {"value": child}, "required": ["value"], **shared}
        if isinstance(child, dict) and (found := _fault(f"start: {_json_rule(alone)}")):
            return _innermost(root, child, path + step, found)
    return path, reason

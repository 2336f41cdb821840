"""The xLAM-2 prompt of the training rows, cut where rows share it: preamble, tool block, turns.

The wording is the published contract of xLAM-2; `tests/tiny_lam` holds it against `edge_lam.formats` byte for byte.
"""

from __future__ import annotations

import json
from typing import Any

DEFAULT_SYSTEM = "You are a helpful assistant that can use tools. You are developed by Salesforce xLAM team."
INSTRUCTION = (
    "You have access to a set of tools. When using tools, make calls in a single JSON array: \n\n"
    '[{"name": "tool_call_name", "arguments": {"arg1": "value1", "arg2": "value2"}}, '
    "... (additional parallel tool calls as needed)]\n\n"
    "If no tool is suitable, state that explicitly. If the user's input lacks required parameters, ask for "
    "clarification. Do not interpret or respond until tool results are returned. Once they are available, process "
    "them or make additional calls if needed. For tasks that don't require tools, such as casual conversation or "
    "general advice, respond directly in plain text. The available tools are:\n\n"
)
END = "<|im_end|>"


def preamble(system: str = DEFAULT_SYSTEM) -> str:
    """Everything before the first tool definition."""
    return f"<|im_start|>system\n{system}\n{INSTRUCTION}"


def without_tools(system: str) -> str:
    """The system turn of a prompt that holds no tools; it has no instruction either."""
    return f"<|im_start|>system\n{system}\n{END}"


def tool_block(definitions: list[dict[str, Any]]) -> str:
    """The tool definitions, each followed by a blank line, and the end of the system turn."""
    return "".join(json.dumps(tool, indent=4, ensure_ascii=False) + "\n\n" for tool in definitions) + END


def turn(role: str, *contents: str) -> str:
    """One message of a user, or those of one or more tools, with the opening of the assistant's reply."""
    said = "".join(f"<|im_start|>{role}\n{content}{END}" for content in contents)
    return f"{said}<|im_start|>assistant\n"


def calls_text(calls: list[dict[str, Any]]) -> str:
    """The calls as the model writes them: one JSON array, one line, raw UTF-8."""
    return json.dumps(calls, ensure_ascii=False)

"""What the scenarios say to a model: tools, requests and a scripted conversation. Knows nothing of measuring."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.tools import Tool, as_tools

MAX_TOOLS = 20

# All are for the first of the tools, so that 1, 5 and 20 tools get the same requests.
CITIES = {
    "What time is it in Tokyo?": ["Tokyo"],
    "time in Helsinki": ["Helsinki"],
    "How late is it in Madrid?": ["Madrid"],
    "my sister is in Melbourne, would I wake her now?": ["Melbourne"],
    "tell me the time in Cairo please": ["Cairo"],
    "is it already morning in Toronto?": ["Toronto"],
    "What's the time in Lima?": ["Lima"],
    "current time in Nairobi": ["Nairobi"],
    "Compare the time in Toronto and in Seoul": ["Toronto", "Seoul"],
    "And in Cairo?": ["Cairo"],
}
"""What each request wants to know: the answer is a call of get_time for each city."""
REQUESTS = tuple(CITIES)[:8]
SEVERAL_CALLS, FOLLOW_UP = tuple(CITIES)[8:]
TEXT_REQUEST = "Tell me a joke about clocks."
LONG_TEXT = (
    "Why was the clock in the station always hungry? Because it went back four seconds every hour, and nobody on the "
    "platform ever told it that the kitchen had closed a long time before the last train of the evening arrived."
)
"""An answer in text of more tokens than any scenario asks for; random weights say it."""


@cache
def tools(count: int) -> list[Tool]:
    """Return so many tools: those of the demo, then others of a phone. Fewer are the beginning of more."""
    others = json.loads((Path(__file__).parent / "tools.json").read_text(encoding="utf-8"))
    return as_tools([*DEMO_TOOLS, *others])[:count]


def conversation() -> list[list[dict[str, Any]]]:
    """Return what is new in each turn of a conversation with tool results.

    The model's own side is scripted, so that every model reads the same prompts: turns 1 and 3 end with a request,
    turns 2 and 4 with a tool's result.
    """
    return [
        [{"role": "user", "content": REQUESTS[0]}],
        _called("call_1", "Tokyo", "21:40"),
        [
            {"role": "assistant", "content": "It is 21:40 in Tokyo."},
            {"role": "user", "content": FOLLOW_UP},
        ],
        _called("call_2", "Cairo", "14:40"),
    ]


def _called(identity: str, city: str, result: str) -> list[dict[str, Any]]:
    function = {"name": "get_time", "arguments": json.dumps({"city": city})}
    return [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": identity, "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": identity, "name": "get_time", "content": json.dumps({"time": result})},
    ]

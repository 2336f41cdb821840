"""An agent that works for a long time: what changes something is approved, and a restart goes on where it stopped.

python examples/approval.py STATE.json     # then type what to do, a line each
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import edge_lam
from edge_lam.demo_tools import add_note, get_time, read_notes
from edge_lam.errors import EdgeLamError
from edge_lam.formats.turns import without_oldest_turns

UNASKED = {"get_time", "read_notes"}  # they only look


def approve(call: edge_lam.ToolCall) -> bool | str:
    """Let what only looks run; ask for the rest. A reason is what the model reads."""
    if call.name in UNASKED:
        return True
    answer = input(f"  {call.name} {json.dumps(call.arguments)}: run it? [y/N, or why not] ").strip()
    return answer == "y" or answer or "the user said no"


def work(agent: edge_lam.Agent, messages: list[dict[str, object]]) -> list[dict[str, object]]:
    """Answer the last message; the oldest turns are forgotten where the context has no room for them."""
    with agent.stream(messages) as events:
        for event in events:
            if isinstance(event, edge_lam.ToolFinished):
                print(f"  {event.call.name} -> {event.content} ({event.outcome})")
        print(events.reply.text)
        return events.reply.messages


state = Path(sys.argv[1])
messages = json.loads(state.read_text()) if state.exists() else []
with edge_lam.load() as lam:
    tools: list[Callable[..., object]] = [get_time, add_note, read_notes]
    agent = edge_lam.Agent(
        lam, tools, approve=approve, shorten=without_oldest_turns, tool_timeout=30, timeout=120, max_rounds=5
    )
    for line in map(str.strip, sys.stdin):
        try:
            messages = work(agent, [*messages, {"role": "user", "content": line}])
        except EdgeLamError as error:  # the next task may still be done
            print(f"failed: {error}")
        state.write_text(json.dumps(messages))

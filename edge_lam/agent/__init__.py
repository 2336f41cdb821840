"""The agent: lets the model call tools until it answers in text.

In come a question and tools; out come the answer and every step towards it. It runs the tools.
"""

from __future__ import annotations

from edge_lam.agent.agent import Agent, AgentStream
from edge_lam.agent.events import (
    AgentEvent,
    AgentFinished,
    AgentReply,
    Outcome,
    Step,
    ToolFinished,
    ToolStarted,
)

__all__ = [
    "Agent",
    "AgentEvent",
    "AgentFinished",
    "AgentReply",
    "AgentStream",
    "Outcome",
    "Step",
    "ToolFinished",
    "ToolStarted",
]

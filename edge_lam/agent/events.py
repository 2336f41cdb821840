"""What an agent tells: tools as they start and finish, its steps, and its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from edge_lam.engine import Event, Reply
from edge_lam.tools import ToolCall

if TYPE_CHECKING:
    from edge_lam.metrics.report import CallReport

# "failed": it raised an exception, there is no such tool, or the arguments don't fit. "repeated": it was not run again.
Outcome: TypeAlias = Literal["ok", "failed", "timeout", "denied", "repeated", "cancelled"]


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool begins to run."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """What came of a call. One that was refused before it ran had no `ToolStarted`.

    Attributes:
        call: which call.
        result: what the tool gave back, in JSON types; ``{"error": "Type: message"}`` if nothing came of it.
        seconds: how long it ran.
        outcome: "ok" or why there is no result of the tool.
    """

    call: ToolCall
    result: Any
    seconds: float = 0.0
    outcome: Outcome = "ok"

    @property
    def failed(self) -> bool:
        """Whether the result is an error and not the tool's own."""
        return self.outcome != "ok"

    @property
    def content(self) -> str:
        """The result as the model reads it."""
        return self.result if isinstance(self.result, str) else json.dumps(self.result, ensure_ascii=False)

    @property
    def message(self) -> dict[str, Any]:
        """The message that brings the result to the model."""
        return {"role": "tool", "tool_call_id": self.call.id, "name": self.call.name, "content": self.content}

    def to_dict(self) -> dict[str, Any]:
        """Return the call and its result in plain JSON types."""
        call = self.call
        return {
            "id": call.id,
            "name": call.name,
            "arguments": call.arguments,
            "problems": list(call.problems),
            "result": self.result,
            "outcome": self.outcome,
            "failed": self.failed,
            "seconds": round(self.seconds, 6),
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One round: a reply of the model, and in their order the results of the tools that it called."""

    reply: Reply
    results: tuple[ToolFinished, ...]


@dataclass(frozen=True, slots=True)
class AgentReply:
    """The answer of an agent.

    Attributes:
        text: of the last reply.
        messages: the whole conversation, ready to go on from. A result too long for the context is an error here, as
            the model read it; `steps` has it whole.
        steps: every round in order.
        finish_reason: that of the last reply ("tool_calls" if its format has no place for results); or "max_rounds" if
            the model still called tools, "repeated" if it only wrote calls again that it had written before,
            "cancelled" if the run was stopped, "error" if an exception ended it.
    """

    text: str
    messages: list[dict[str, Any]]
    steps: tuple[Step, ...]
    finish_reason: str

    @property
    def reports(self) -> list[CallReport]:
        """The report of each round; its `times.tool` is the time that its tools took together."""
        return [step.reply.report for step in self.steps]

    @property
    def results(self) -> list[ToolFinished]:
        """The results of all rounds in order."""
        return [result for step in self.steps for result in step.results]


@dataclass(frozen=True, slots=True)
class AgentFinished:
    """The last event."""

    reply: AgentReply


ToolEvent: TypeAlias = ToolStarted | ToolFinished
AgentEvent: TypeAlias = Event | ToolEvent | AgentFinished

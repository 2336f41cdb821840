"""One request answered, the same way for `demo`, `call` and `chat`: with the tools run, or with their calls only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lam.agent import AgentEvent, ToolFinished
    from edge_lam.errors import InvalidCall
    from edge_lam.lam import LAM
    from edge_lam.metrics.report import CallReport
    from edge_lam.tools import Tool, ToolCall


@dataclass(frozen=True)
class Answer:
    """What came of one request.

    Attributes:
        text: the model's last text.
        calls: JSON of every call, with its result if it was run.
        finish_reason: of the last reply.
        errors: what was meant as a call but can't be used.
        messages: the whole conversation, ready to go on from.
        reports: one for each call of the model.
    """

    text: str
    calls: list[dict[str, Any]]
    finish_reason: str
    errors: list[str]
    messages: list[dict[str, Any]]
    reports: list[CallReport]

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {
            "text": self.text,
            "calls": self.calls,
            "finish_reason": self.finish_reason,
            "errors": self.errors,
            "reports": [report.to_dict() for report in self.reports],
        }


def ask(
    lam: LAM,
    messages: list[dict[str, Any]],
    tools: list[Tool],
    *,
    run_tools: bool,
    show: Callable[[AgentEvent], object],
    max_rounds: int = 8,
    **options: Any,
) -> Answer:
    """Put messages to the model and run the tools it calls, or only collect its calls.

    Args:
        lam: a loaded model.
        messages: the conversation so far, the user's request last.
        tools: what may be called.
        run_tools: whether calls are run, each tool then needs a function.
        show: called with each event as it happens.
        max_rounds: at most so many replies of the model.
        **options: as for `LAM.chat`.
    """
    from edge_lam.agent import Agent
    from edge_lam.engine import ReplyFinished

    if run_tools:
        answer = Agent(lam, tools, max_rounds=max_rounds, on_event=show, **options).run(messages)
        return Answer(
            answer.text,
            [_result_json(result) for step in answer.steps for result in step.results],
            answer.finish_reason,
            _messages_of(error for step in answer.steps for error in step.reply.errors),
            answer.messages,
            answer.reports,
        )
    for event in lam.stream(messages, tools=tools, **options):
        show(event)
        if isinstance(event, ReplyFinished):
            reply = event.reply
    calls = [_call_json(call) for call in reply.tool_calls]
    errors = _messages_of(reply.errors)
    return Answer(reply.text, calls, reply.finish_reason, errors, [*messages, reply.message], [reply.report])


def _messages_of(errors: Iterable[InvalidCall]) -> list[str]:
    return [error.message for error in errors]


def _call_json(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def _result_json(result: ToolFinished) -> dict[str, Any]:
    outcome = {"result": result.result, "failed": result.failed, "seconds": round(result.seconds, 6)}
    return {**_call_json(result.call), **outcome}

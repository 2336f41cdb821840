"""One request answered, the same way for `demo`, `call` and `chat`: with the tools run, or with their calls only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_lam.errors import PromptTooLong

if TYPE_CHECKING:
    from edge_lam.agent import AgentEvent, AgentReply
    from edge_lam.agent.run import Shorten
    from edge_lam.engine import Reply
    from edge_lam.lam import LAM
    from edge_lam.metrics.report import CallReport
    from edge_lam.tools import Tool


@dataclass(frozen=True)
class TurnResult:
    """What came of one request.

    Attributes:
        text: the model's last text.
        calls: JSON of every call, with its result if it was run.
        finish_reason: of the last reply, or why the model did not reply again.
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

    @classmethod
    def of_agent(cls, reply: AgentReply) -> TurnResult:
        """Return the answer of an agent."""
        return cls(
            reply.text,
            [
                {"round": number, **result.to_dict()}
                for number, step in enumerate(reply.steps, 1)
                for result in step.results
            ],
            reply.finish_reason,
            [error.message for step in reply.steps for error in step.reply.errors],
            reply.messages,
            reply.reports,
        )

    @classmethod
    def of_reply(cls, reply: Reply, messages: list[dict[str, Any]]) -> TurnResult:
        """Return a reply whose calls are not run."""
        return cls(
            reply.text,
            [
                {"id": call.id, "name": call.name, "arguments": call.arguments, "problems": list(call.problems)}
                for call in reply.tool_calls
            ],
            reply.finish_reason,
            [error.message for error in reply.errors],
            [*messages, reply.message],
            [reply.report],
        )

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
    running: dict[str, Any] | None = None,
    unfinished: Callable[[TurnResult], object] | None = None,
    shorten: Shorten | None = None,
    **options: Any,
) -> TurnResult:
    """Put messages to the model and run the tools it calls, or only collect its calls.

    Args:
        lam: a loaded model.
        messages: the conversation so far, the user's request last.
        tools: what may be called.
        run_tools: whether calls are run; each tool then needs a function, or `running` an "on_call".
        show: called with each event as it happens.
        running: how tools are run, as for `Agent`.
        unfinished: called with what was done so far if an error or Ctrl-C ends the run of tools; both then go on.
        shorten: leaves out a part of a conversation that is too long, as for `Agent`.
        **options: as for `LAM.chat`.
    """
    from edge_lam.agent import Agent
    from edge_lam.engine import ReplyFinished

    if run_tools:
        with Agent(lam, tools, shorten=shorten, **(running or {}), **options).stream(messages) as events:
            try:
                for event in events:
                    show(event)
            except BaseException:
                events.close()
                if unfinished:
                    unfinished(TurnResult.of_agent(events.reply))
                raise
        return TurnResult.of_agent(events.reply)
    try:
        for event in lam.stream(messages, tools=tools, **options):
            show(event)
            if isinstance(event, ReplyFinished):
                reply = event.reply
    except PromptTooLong:
        if shorten is None or (shorter := shorten(messages)) is None:
            raise
        return ask(lam, shorter, tools, run_tools=False, show=show, shorten=shorten, **options)
    return TurnResult.of_reply(reply, messages)

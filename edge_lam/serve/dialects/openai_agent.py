"""OpenAI's chat completions where the server runs the tools: only the answer, and beside it what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edge_lam.agent import AgentFinished, ToolFinished, ToolStarted
from edge_lam.serve.dialects.base import Answering
from edge_lam.serve.dialects.openai_chat import ChatCompletion
from edge_lam.serve.dialects.openai_shared import timings, usage
from edge_lam.serve.server_tools import ApprovalRequested
from edge_lam.serve.wire import DONE

if TYPE_CHECKING:
    from edge_lam.agent import AgentReply
    from edge_lam.decoding import TokenLogprob
    from edge_lam.engine import ArgumentsDelta, CallStarted, Reply
    from edge_lam.tools import ToolCall

# Why an agent stopped, for clients that know OpenAI's words alone; `edge_lam.finish_reason` tells it as it is.
_FINISH_REASONS = {"length": "length", "timeout": "length", "max_rounds": "length"}


class AgentChatCompletion(ChatCompletion):
    """A request with ``"edge_lam": {"run_tools": true}``.

    Calls are not in the answer, where clients would run them once more; each piece of a stream may tell in `edge_lam`
    that a call waits for approval, that a tool started or finished, and at the end how the conversation goes on.
    """

    def __init__(self, body: Mapping[str, Any], answering: Answering) -> None:
        super().__init__(body, answering)
        self._replies: list[Reply] = []

    def whole(self, results: Sequence[Any]) -> dict[str, Any]:
        """Return a chat completion with the answer."""
        (answer,) = results
        replies = [step.reply for step in answer.steps]
        message = {"role": "assistant", "content": answer.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(answer)}
        extra = {"usage": usage(replies, 1), "timings": timings(replies), "edge_lam": self._done(answer)}
        return {**self._head, "choices": [choice], **extra}

    def event(self, index: int, event: Any) -> str:
        """Return what tells an event of the run."""
        match event:
            case ApprovalRequested(call):
                return self._note(approval=_call(call))
            case ToolStarted(call):
                return self._note(tool_started=_call(call))
            case ToolFinished():
                return self._note(tool_finished=event.to_dict())
            case AgentFinished(answer):
                choice = {"index": 0, "delta": {}, "finish_reason": _finish_reason(answer), "logprobs": None}
                return self._chunk([choice], edge_lam=self._done(answer))
        return super().event(index, event)

    def call_started(self, index: int, call: CallStarted) -> str:
        """Return nothing: the server runs it."""
        return ""

    def arguments(self, index: int, delta: ArgumentsDelta) -> str:
        """Return nothing: they come with the call."""
        return ""

    def logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> str:
        """Return nothing: an answer of several rounds has none."""
        return ""

    def reply_finished(self, index: int, reply: Reply) -> str:
        """Return nothing: it is one of several."""
        self._replies.append(reply)
        return ""

    def end(self, replies: Sequence[Reply]) -> str:
        """Return what all rounds took, if that is wanted, and the end."""
        if not self._wants_usage:
            return DONE
        return self._chunk([], usage=usage(self._replies, 1), timings=timings(self._replies)) + DONE

    def _note(self, **extra: Any) -> str:
        choice = {"index": 0, "delta": {}, "finish_reason": None, "logprobs": None}
        return self._chunk([choice], edge_lam=extra)

    def _done(self, answer: AgentReply) -> dict[str, Any]:
        """Return how the run ended, and the messages to go on from that came to those of the request."""
        added = answer.messages[len(self.ask.messages) :]
        extra = {"finish_reason": answer.finish_reason, "messages": added}
        if self._wants_report:
            extra["reports"] = [report.to_dict() for report in answer.reports]
        return extra


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def _finish_reason(answer: AgentReply) -> str:
    return _FINISH_REASONS.get(answer.finish_reason, "stop")

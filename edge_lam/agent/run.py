"""`AgentRun`: one run of an agent, event by event, and at any moment what was done so far.

Model and tools take turns here; how a call runs is the round's business.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge_lam.agent.cancellation import Cancellation
from edge_lam.agent.events import AgentEvent, AgentFinished, AgentReply, Step, ToolFinished
from edge_lam.agent.repeats import Repeats
from edge_lam.agent.round import Round, ToolBox
from edge_lam.agent.tool_run import failure
from edge_lam.engine import Reply, ReplyFinished
from edge_lam.errors import Cancelled, PromptTooLong
from edge_lam.formats import FORMATS
from edge_lam.metrics.report import ToolReport
from edge_lam.request import Request

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import TypeAlias

    from edge_lam.engine import Event
    from edge_lam.errors import InvalidCall
    from edge_lam.lam import LAM
    from edge_lam.request import ReplyOptions
    from edge_lam.stream import Channel, EventStream
    from edge_lam.tools import Tool

    Shorten: TypeAlias = Callable[[list[dict[str, Any]]], list[dict[str, Any]] | None]

# Characters of the results of one round, beyond what any prompt has room for: they need not be rendered to know that.
MAX_CHARACTERS = 1_000_000
MAX_PER_TOKEN = 64
MAX_IDLE_ROUNDS = 2  # rounds in a row that only repeat what was written before: the first may learn from being told so
UNREADABLE_CALL = "No tool ran for this: write the call again, or answer in text"


class AgentRun:
    """One run: `begin` starts the events of an `EventStream`, which end with `AgentFinished`.

    Args:
        lam: a loaded model.
        box: the tools, and how they run.
        messages: the conversation so far; kept.
        options: for every call of the model.
        max_rounds: at most so many replies.
        shorten: returns fewer of the messages of a conversation that is too long, or None; as of `Agent`.
    """

    def __init__(
        self,
        lam: LAM,
        box: ToolBox,
        messages: list[dict[str, Any]],
        options: ReplyOptions,
        *,
        max_rounds: int,
        shorten: Shorten | None = None,
    ) -> None:
        self._lam = lam
        self._box = box
        self._messages = messages
        self._options = options
        self._max_rounds = max_rounds
        self._shorten = shorten
        self._loop: asyncio.AbstractEventLoop | None = None
        self._steps: list[Step] = []
        self._repeats = Repeats()
        self._unread: set[str] = set()
        self._idle_rounds = 0
        self._finish_reason = ""
        self._cancelled = Cancellation()
        self._replying: EventStream[Event, Reply] | None = None

    def begin(self, channel: Channel[AgentEvent, AgentReply]) -> Generator[AgentEvent, None, AgentReply]:
        """Return the events; async tools run in the loop that awaits them, if one does."""
        self._loop = channel.loop
        channel.attach(cancel=self.cancel)
        return self._run()

    def cancel(self) -> None:
        """Stop from any thread: the reply ends within a pass, tools are waited for no longer.

        The events then end with `AgentFinished` as always, its finish reason being "cancelled".
        """
        self._cancelled.set()
        if self._replying:
            self._replying.cancel()

    @property
    def reply(self) -> AgentReply:
        """What was done so far. Every call in its messages has a result, so that the conversation can go on."""
        text = self._steps[-1].reply.text if self._steps else ""
        return AgentReply(text, list(self._messages), tuple(self._steps), self._finish_reason or "cancelled")

    def _run(self) -> Generator[AgentEvent, None, AgentReply]:
        options = self._options.copy()
        try:
            while not self._finish_reason:
                n_steps = len(self._steps)
                request = Request.of(self._messages, {**options, "tools": self._box.tools.values()})
                try:
                    yield from self._round(options, request.callable_tools)
                except PromptTooLong:
                    if len(self._steps) > n_steps or not (self._leave_out_turns() or self._leave_out_a_result()):
                        raise
                options.pop("tool_choice", None)
                options["allowed_tools"] = request.choice.allowed  # the choice may have named them
        except Exception:
            self._finish_reason = "error"
            raise
        yield AgentFinished(self.reply)
        return self.reply

    def _round(self, options: ReplyOptions, callable_tools: Sequence[Tool]) -> Generator[AgentEvent, None, None]:
        """Ask the model once and run what it calls, as far as it may."""
        messages = list(self._messages)  # the log line, written when the stream is left, must not hold this reply twice
        try:
            with self._lam.stream(messages, tools=self._box.tools.values(), **options) as events:
                self._replying = events
                if self._cancelled.is_set():  # before it could be told
                    events.cancel()
                for event in events:
                    if self._cancelled.is_set() and not isinstance(event, ReplyFinished):
                        break
                    yield event
                    if isinstance(event, ReplyFinished):
                        # The stream is left only after this, so that its line in the log has the time of the tools.
                        yield from self._run_calls(event.reply, callable_tools)
        except Cancelled:
            if not self._cancelled.is_set():
                raise
        if self._cancelled.is_set() and not self._finish_reason:
            self._finish_reason = "cancelled"

    def _run_calls(self, reply: Reply, callable_tools: Sequence[Tool]) -> Generator[AgentEvent, None, None]:
        box = replace(self._box, tools={tool.name: tool for tool in callable_tools})
        calls = Round(reply.tool_calls, box, self._repeats, self._cancelled, self._loop)
        try:
            yield from calls.run()
        finally:  # left in the middle, too: what was done is not lost
            reply.report.times.tool = calls.seconds
            self._keep(Step(reply, calls.results))

    def _keep(self, step: Step) -> None:
        """Add a round to the conversation and the log, and see whether it is the last."""
        self._steps.append(step)
        self._messages += _messages_of(step)
        self._leave_out_the_longest()
        self._repeats.add(step.results)
        for result in step.results:
            self._log(step.reply, result)
        reply, errors = step.reply, step.reply.errors
        unread = {error.raw for error in errors}
        only_repeats = unread <= self._unread and all(result.outcome == "repeated" for result in step.results)
        self._idle_rounds = self._idle_rounds + 1 if only_repeats else 0
        self._unread |= unread
        if any(result.outcome == "cancelled" for result in step.results):
            self._finish_reason = "cancelled"
        elif not step.results and not (errors and reply.finish_reason == "stop"):
            self._finish_reason = reply.finish_reason
        elif not FORMATS[reply.report.format].reads_results:  # a call that can't be read is no answer either
            self._finish_reason = "tool_calls" if reply.finish_reason == "stop" else reply.finish_reason
        elif self._idle_rounds == MAX_IDLE_ROUNDS:
            self._finish_reason = "repeated"
        elif len(self._steps) == self._max_rounds:
            self._finish_reason = "max_rounds"
        elif errors and not self._cancelled.is_set():
            self._messages.append(_rejection(errors))

    def _leave_out_turns(self) -> bool:
        """Go on with fewer messages, if there is who says which."""
        shorter = self._shorten(list(self._messages)) if self._shorten else None
        if shorter is None or len(shorter) >= len(self._messages):
            return False
        self._messages = list(shorter)
        return True

    def _leave_out_the_longest(self) -> None:
        """Leave results of the last round out until what is left may fit the context."""
        room = min(MAX_CHARACTERS, MAX_PER_TOKEN * self._lam.info.n_ctx)
        while sum(len(self._messages[index]["content"]) for index in self._last_results()) > room:
            if not self._leave_out_a_result():
                break

    def _last_results(self) -> list[int]:
        """Return which messages hold the results of the last round."""
        ids = {result.call.id for result in self._steps[-1].results} if self._steps else set()
        return [index for index, message in enumerate(self._messages) if message.get("tool_call_id") in ids]

    def _leave_out_a_result(self) -> bool:
        """Put an error in the place of the longest result of the last round, if that makes the prompt shorter."""
        last = self._last_results()
        if not last:
            return False
        longest = max(last, key=lambda index: len(self._messages[index]["content"]))
        n_characters = len(self._messages[longest]["content"])
        error = f"TooLong: the result has {n_characters:,} characters, more than there is room for; ask for less"
        content = json.dumps({"error": error})
        if len(content) >= n_characters:
            return False
        self._messages[longest] = {**self._messages[longest], "content": content}
        return True

    def _log(self, reply: Reply, result: ToolFinished) -> None:
        report = ToolReport(result.call.id, reply.report.id, result.call.name, result.outcome, result.seconds)
        self._lam.log.write(report, arguments=result.call.arguments, result=result.result)


def _messages_of(step: Step) -> list[dict[str, Any]]:
    """Return what a round adds to the conversation.

    A call that can't be read has no place among calls, whose arguments are JSON, and so none for a result: it stays in
    the conversation as the text that the model wrote, behind the results of other calls.
    """
    reply, results = step.reply, [result.message for result in step.results]
    unread = "\n".join(error.raw for error in reply.errors)
    if not unread:
        return [reply.message, *results]
    if not results:
        return [{**reply.message, "content": f"{reply.text}\n{unread}".strip()}]
    return [reply.message, *results, {"role": "assistant", "content": unread}]


def _rejection(errors: Sequence[InvalidCall]) -> dict[str, Any]:
    """Return the message that tells the model what is wrong with calls that can't be read."""
    reasons = dict.fromkeys(failure(error)["error"] for error in errors)  # many may have the same fault
    return {"role": "user", "content": "\n".join([*reasons, UNREADABLE_CALL])}

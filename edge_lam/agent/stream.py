"""`AgentStream`: one run of an agent, event by event.

In come messages; out come the events of every reply and every tool, and at any moment what was done so far. Model and
tools take turns here; how a call runs is the round's business.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from types import TracebackType
from typing import TYPE_CHECKING, Any

from edge_lam.agent.events import AgentEvent, AgentFinished, AgentReply, Step, ToolFinished
from edge_lam.agent.repeats import Repeats
from edge_lam.agent.round import Round, ToolBox
from edge_lam.engine import Reply, ReplyFinished
from edge_lam.errors import PromptTooLong
from edge_lam.formats import FORMATS
from edge_lam.metrics.report import ToolReport

if TYPE_CHECKING:
    import asyncio

    from edge_lam.engine import ReplyOptions
    from edge_lam.lam import LAM

MOST_IDLE_ROUNDS = 2  # rounds in a row that only repeat calls: the first may learn from being told so


class AgentStream(Iterator[AgentEvent]):
    """The events of one run, made by `Agent.stream`; ends with `AgentFinished`.

    It may be left at any point: `close()`, or leaving its `with` block, ends the reply and the tools that run.
    """

    def __init__(
        self,
        lam: LAM,
        box: ToolBox,
        messages: list[dict[str, Any]],
        options: ReplyOptions,
        *,
        max_rounds: int,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._lam = lam
        self._box = box
        self._messages = messages
        self._options = options
        self._max_rounds = max_rounds
        self._loop = loop
        self._steps: list[Step] = []
        self._repeats = Repeats()
        self._idle_rounds = 0
        self._finish_reason = ""
        self._cancelled = threading.Event()
        self._events = self._run()

    def __next__(self) -> AgentEvent:
        """Return the next event."""
        return next(self._events)

    def cancel(self) -> None:
        """Stop the run from any thread: the reply ends at its next event, tools are waited for no longer.

        The stream then ends with `AgentFinished` as always, its finish reason being "cancelled".
        """
        self._cancelled.set()

    @property
    def reply(self) -> AgentReply:
        """What was done so far. Every call in its messages has a result, so that the conversation can go on."""
        text = self._steps[-1].reply.text if self._steps else ""
        return AgentReply(text, list(self._messages), tuple(self._steps), self._finish_reason or "cancelled")

    def close(self) -> None:
        """End the run; a second call does nothing."""
        self._events.close()

    def __enter__(self) -> AgentStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> Generator[AgentEvent, None, None]:
        options = self._options.copy()
        try:
            while not self._finish_reason:
                n_steps = len(self._steps)
                try:
                    yield from self._round(options)
                except PromptTooLong:
                    if len(self._steps) > n_steps or not self._leave_out_a_result():
                        raise
                options.pop("tool_choice", None)
        except Exception:
            self._finish_reason = "error"
            raise
        yield AgentFinished(self.reply)

    def _round(self, options: ReplyOptions) -> Generator[AgentEvent, None, None]:
        """Ask the model once and run what it calls."""
        messages = list(self._messages)  # the log line, written when the stream is left, must not hold this reply twice
        with closing(self._lam.stream(messages, tools=self._box.tools.values(), **options)) as events:
            for event in events:
                if self._cancelled.is_set() and not isinstance(event, ReplyFinished):
                    break
                yield event
                if isinstance(event, ReplyFinished):
                    # The stream is left only after this, so that its line in the log has the time of the tools.
                    yield from self._run_calls(event.reply)
        if self._cancelled.is_set() and not self._finish_reason:
            self._finish_reason = "cancelled"

    def _run_calls(self, reply: Reply) -> Generator[AgentEvent, None, None]:
        calls = Round(reply.tool_calls, self._box, self._repeats, self._cancelled, self._loop)
        try:
            yield from calls.run()
        finally:  # left in the middle, too: what was done is not lost
            reply.report.times.tool = calls.seconds
            self._keep(Step(reply, calls.results))

    def _keep(self, step: Step) -> None:
        """Add a round to the conversation and the log, and see whether it is the last."""
        self._steps.append(step)
        self._messages += [step.reply.message, *(result.message for result in step.results)]
        self._repeats.add(step.results)
        for result in step.results:
            self._log(step.reply, result)
        only_repeats = all(result.outcome == "repeated" for result in step.results)
        self._idle_rounds = self._idle_rounds + 1 if only_repeats else 0
        if any(result.outcome == "cancelled" for result in step.results):
            self._finish_reason = "cancelled"
        elif not (step.results and FORMATS[step.reply.report.format].reads_results):
            self._finish_reason = step.reply.finish_reason
        elif self._idle_rounds == MOST_IDLE_ROUNDS:
            self._finish_reason = "repeated"
        elif len(self._steps) == self._max_rounds:
            self._finish_reason = "max_rounds"

    def _leave_out_a_result(self) -> bool:
        """Put an error in the place of the longest result of the last round, if that makes the prompt shorter."""
        last = range(len(self._messages) - (len(self._steps[-1].results) if self._steps else 0), len(self._messages))
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

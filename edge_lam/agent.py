"""`Agent`: lets the model call tools until it answers in text.

In come a question and tools; out come the answer and every step towards it. It runs the tools, and knows nothing of
how a reply is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_lam.engine import Event, Reply, ReplyFinished
from edge_lam.errors import InvalidRequest, InvalidTool
from edge_lam.formats import normalize_messages
from edge_lam.tools import ToolCall, as_tools

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from edge_lam.engine import ReplyOptions
    from edge_lam.formats.messages import Messages
    from edge_lam.lam import LAM
    from edge_lam.metrics.report import CallReport
    from edge_lam.tools import Tool
    from edge_lam.tools.tool import ToolLike


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool is about to run."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """What a tool gave back.

    Attributes:
        call: which call.
        result: in JSON types; ``{"error": "Type: message"}`` if it failed.
        seconds: how long it ran.
        failed: whether it raised an exception.
    """

    call: ToolCall
    result: Any
    seconds: float
    failed: bool

    @property
    def message(self) -> dict[str, Any]:
        """The message that brings the result to the model."""
        content = self.result if isinstance(self.result, str) else json.dumps(self.result, ensure_ascii=False)
        return {"role": "tool", "tool_call_id": self.call.id, "name": self.call.name, "content": content}


AgentEvent: TypeAlias = Event | ToolStarted | ToolFinished


@dataclass(frozen=True, slots=True)
class Step:
    """One round: a reply of the model, and what the tools that it called gave back."""

    reply: Reply
    results: tuple[ToolFinished, ...]


@dataclass(frozen=True, slots=True)
class AgentReply:
    """The answer of an agent.

    Attributes:
        text: of the last reply.
        messages: the whole conversation, ready to go on from.
        steps: every round in order.
        finish_reason: that of the last reply, or "max_rounds" if the model still called tools.
    """

    text: str
    messages: list[dict[str, Any]]
    steps: tuple[Step, ...]
    finish_reason: str

    @property
    def reports(self) -> list[CallReport]:
        """The report of each round; its `times.tool` is the time of the tools that ran in it."""
        return [step.reply.report for step in self.steps]


class Agent:
    """Runs tools for a model.

    Args:
        lam: a loaded model.
        tools: as for `LAM.chat`; each needs a function to run.
        system: a system message for conversations that don't begin with one.
        max_rounds: at most so many replies of the model; the calls of the last one are run too.
        on_event: called with each event as it happens: those of the reply's stream, `ToolStarted` and `ToolFinished`.
        **options: for every call of the model, as for `LAM.chat`. A tool choice holds for the first round alone,
            because a model that must call a tool can never answer.

    Raises:
        InvalidTool: a tool can't be read or has no function.
        InvalidRequest: max_rounds is out of range.
    """

    def __init__(
        self,
        lam: LAM,
        tools: Iterable[ToolLike],
        *,
        system: str | None = None,
        max_rounds: int = 8,
        on_event: Callable[[AgentEvent], object] | None = None,
        **options: Unpack[ReplyOptions],
    ) -> None:
        self.lam = lam
        self.tools: dict[str, Tool] = {tool.name: tool for tool in as_tools(tools)}
        for name, tool in self.tools.items():
            if tool.function is None:
                hint = "give a function; or use LAM.chat and run the calls yourself"
                raise InvalidTool(f"tool {name!r} has no function to run", tool=name, hint=hint)
        if isinstance(max_rounds, bool) or not isinstance(max_rounds, int) or max_rounds < 1:
            raise InvalidRequest(
                f"max_rounds must be a whole number of at least 1, not {max_rounds!r}", param="max_rounds"
            )
        self.system = system
        self.max_rounds = max_rounds
        self._emit = on_event or (lambda event: None)
        self._options = options

    def run(self, messages: Messages) -> AgentReply:
        """Answer, with as many calls of tools as it takes.

        Args:
            messages: a string, or messages in OpenAI's form such as those of an earlier `AgentReply`.

        Raises:
            EdgeLamError: whatever `LAM.chat` raises. Errors of tools are no exceptions here: the model reads them.
        """
        history = normalize_messages(messages)
        if self.system is not None and history[0]["role"] != "system":
            history.insert(0, {"role": "system", "content": self.system})
        options = self._options.copy()
        steps: list[Step] = []
        while len(steps) < self.max_rounds:
            step = self._round(history, options)
            steps.append(step)
            history += [step.reply.message, *(result.message for result in step.results)]
            options.pop("tool_choice", None)
            if not step.results:
                return AgentReply(step.reply.text, history, tuple(steps), step.reply.finish_reason)
        return AgentReply(step.reply.text, history, tuple(steps), "max_rounds")

    def _round(self, history: list[dict[str, Any]], options: ReplyOptions) -> Step:
        """Ask the model once and run what it calls."""
        with closing(self.lam.stream(history, tools=self.tools.values(), **options)) as events:
            for event in events:
                self._emit(event)
                if isinstance(event, ReplyFinished):
                    # The stream is left only after this, so that its line in the log has the time of the tools.
                    results = tuple(map(self._run_tool, event.reply.tool_calls))
                    event.reply.report.times.tool = sum(result.seconds for result in results)
                    step = Step(event.reply, results)
        return step

    def _run_tool(self, call: ToolCall) -> ToolFinished:
        self._emit(ToolStarted(call))
        start = perf_counter()
        try:
            tool = self.tools.get(call.name)
            if tool is None:
                raise InvalidRequest(f"there is no tool {call.name!r}", hint=f"tools: {', '.join(self.tools)}")
            result, failed = _plain(tool.run(call.arguments)), False
        except Exception as error:  # a tool may fail in any way; what it says is for the model to read
            result, failed = {"error": f"{type(error).__name__}: {error}"}, True
        finished = ToolFinished(call, result, perf_counter() - start, failed)
        self._emit(finished)
        return finished


def _plain(value: Any) -> Any:
    """Return JSON types for what a tool gave back; what has none becomes its string.

    Raises:
        ValueError: it refers to itself, or has half a character in a string.
    """
    from pydantic_core import from_json, to_json

    return from_json(to_json(value, fallback=str, bytes_mode="base64", inf_nan_mode="strings"))

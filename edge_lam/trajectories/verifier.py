"""`Verifier`: which calls of a trajectory are clean, by the first two stages of APIGen: format, then execution.

In comes a trajectory; out come verdicts with reasons. Whether a call is what the user meant is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

from edge_lam.agent.loop import background_loop
from edge_lam.agent.tool_run import ToolRun
from edge_lam.errors import InvalidCall, InvalidRequest
from edge_lam.formats.calls import problems_of
from edge_lam.formats.parser import parse_reply
from edge_lam.tools import Tool, ToolCall, as_tools
from edge_lam.tools.tool import is_duration

if TYPE_CHECKING:
    from edge_lam.tools.likes import ToolLike
    from edge_lam.trajectories.trajectory import Trajectory

Stage = Literal["format", "execution", ""]


@dataclass(frozen=True, slots=True)
class CallVerdict:
    """What is wrong with one call.

    Attributes:
        message: index of its message in the conversation.
        id: of the call.
        name: of the tool.
        stage: which check it failed, "" if none.
        reasons: why.
        executed: whether it was run.
        seconds: how long it ran.
    """

    message: int
    id: str
    name: str
    stage: Stage = ""
    reasons: tuple[str, ...] = ()
    executed: bool = False
    seconds: float = 0.0

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class TrajectoryVerdict:
    """What is wrong with one trajectory.

    Attributes:
        id: of the trajectory.
        calls: one verdict for each call, in order.
        problems: what is wrong with its messages.
    """

    id: str
    calls: tuple[CallVerdict, ...]
    problems: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong with it, nor with any of its calls."""
        return not self.problems and all(call.clean for call in self.calls)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        calls = [{**asdict(call), "reasons": list(call.reasons), "clean": call.clean} for call in self.calls]
        return {"id": self.id, "clean": self.clean, "problems": list(self.problems), "calls": calls}


class Verifier:
    """Checks the calls of trajectories.

    Args:
        tools: functions to execute, matched by name; tools of trajectories that list none.
        execute: whether calls that pass the first stage are run, each with its arguments. This runs code, with all
            its effects; a call whose tool has no function fails.
        timeout: seconds that one call may run. A thread can't be ended from outside: an overdue function is left
            running behind.

    Attributes:
        tools: by name.

    Raises:
        InvalidTool: a tool can't be read.
        InvalidRequest: the timeout is out of range; `param` names it.
    """

    def __init__(
        self, tools: Iterable[ToolLike] | None = None, *, execute: bool = False, timeout: float = 10.0
    ) -> None:
        if not is_duration(timeout):
            raise InvalidRequest(f"timeout must be a number of seconds above 0, not {timeout!r}", param="timeout")
        self.tools = {tool.name: tool for tool in as_tools(tools)}
        self._execute = execute
        self._timeout = timeout

    def check(self, trajectory: Trajectory) -> TrajectoryVerdict:
        """Return what is wrong with a trajectory and with each of its calls."""
        listed = {tool.name: tool for tool in trajectory.tools} or self.tools
        calls = tuple(
            self._check_call(index, call, listed)
            for index, message in enumerate(trajectory.messages)
            for call in message.get("tool_calls", ())
        )
        return TrajectoryVerdict(trajectory.id, calls, tuple(_problems(trajectory, list(listed.values()))))

    def check_all(self, trajectories: Iterable[Trajectory]) -> Iterator[TrajectoryVerdict]:
        """Yield what is wrong with each trajectory; an id that stands before is wrong, too."""
        ids: set[str] = set()
        for trajectory in trajectories:
            verdict = self.check(trajectory)
            if trajectory.id in ids:
                verdict = replace(verdict, problems=(*verdict.problems, "a trajectory before it has the same id"))
            ids.add(trajectory.id)
            yield verdict

    def _check_call(self, index: int, call: dict[str, Any], listed: dict[str, Tool]) -> CallVerdict:
        function = call["function"]
        name, arguments = function["name"], function["arguments"]
        reasons = problems_of(name, arguments, listed)
        if reasons:
            return CallVerdict(index, call["id"], name, "format", reasons)
        if not self._execute:
            return CallVerdict(index, call["id"], name)
        return self._run(index, ToolCall(call["id"], name, arguments), self.tools.get(name) or listed[name])

    def _run(self, index: int, call: ToolCall, tool: Tool) -> CallVerdict:
        if tool.function is None:
            return CallVerdict(index, call.id, call.name, "execution", (f"{call.name!r} has no function to run",))
        try:
            function = tool.bind(call.arguments)
        except InvalidCall as error:  # the function takes less than the schema in the trajectory allows
            return CallVerdict(index, call.id, call.name, "execution", (error.message,))
        done: SimpleQueue[ToolRun | None] = SimpleQueue()
        timeout = tool.timeout or self._timeout
        running = ToolRun(call, function, timeout=timeout, loop=background_loop, done=done)
        try:
            done.get(timeout=timeout)
        except Empty:  # over its time
            running.stop("timeout", "")
            reason = f"no result after {timeout:g} s"
            return CallVerdict(index, call.id, call.name, "execution", (reason,), executed=True, seconds=timeout)
        if running.interrupt is not None:
            raise running.interrupt
        finished = running.finished or running.stop("cancelled", "it ended without a result")
        reasons = (str(finished.result["error"]),) if finished.failed else ()
        stage: Stage = "execution" if reasons else ""
        return CallVerdict(index, call.id, call.name, stage, reasons, executed=True, seconds=round(finished.seconds, 6))


def _problems(trajectory: Trajectory, tools: list[Tool]) -> Iterable[str]:
    """Yield what is wrong with the messages: replies that say nothing or hide calls, results of no call."""
    asked: set[str] = set()
    for index, message in enumerate(trajectory.messages):
        if message["role"] == "assistant":
            calls = message.get("tool_calls", ())
            if not calls and not message["content"].strip():
                yield f"conversation[{index}]: the reply is empty"
            parsed = parse_reply(message["content"], tools)
            if parsed.calls or parsed.errors:
                yield f"conversation[{index}]: the text holds a call that was not read as one"
            if repeated := asked.intersection(call["id"] for call in calls):
                yield f"conversation[{index}]: the call id {min(repeated)!r} stands twice"
            asked.update(call["id"] for call in calls)
        elif message["role"] == "tool" and message.get("tool_call_id", "") not in ({"", None} | asked):
            yield f"conversation[{index}]: a result for {message['tool_call_id']!r}, which is no call before it"
    if not any(message["role"] == "assistant" for message in trajectory.messages):
        yield "there is no reply of the assistant"

"""The calls of one reply: each is checked and approved, then all run at once.

In come calls; out come events as they happen and the results in the order of the calls.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_lam.agent.events import Outcome, ToolEvent, ToolFinished, ToolStarted
from edge_lam.agent.loop import background_loop, result_of, submit
from edge_lam.agent.tool_run import ToolRun, failure, without_surrogates
from edge_lam.errors import InvalidRequest
from edge_lam.tools.results import json_types

if TYPE_CHECKING:
    from edge_lam.agent.cancellation import Cancellation
    from edge_lam.agent.repeats import Repeats
    from edge_lam.tools import Tool, ToolCall

Approve: TypeAlias = "Callable[[ToolCall], bool | str | Awaitable[bool | str]]"
OnCall: TypeAlias = "Callable[[ToolCall], Any]"

REPEATED = "Repeated: this call ran before and nothing has changed since; use its result above, or call another tool"
CANCELLED = "Cancelled: the user stopped this run"


@dataclass(frozen=True)
class ToolBox:
    """What calls are run with: see `Agent`. What is not among its tools never runs.

    Attributes:
        tools: by name.
        timeout: seconds that one call may take, unless its tool says otherwise; None for any.
        approve: called before each call; None runs all.
        on_call: hears of each call that is about to run.
    """

    tools: Mapping[str, Tool]
    timeout: float | None = None
    approve: Approve | None = None
    on_call: OnCall | None = None
    concurrent: bool = True

    def bind(self, tool: Tool, call: ToolCall) -> Callable[[], Any]:
        """Return what gives the result of a call, whose arguments were checked."""
        if tool.function is None and self.on_call is not None:
            tool.check(call.arguments)
            return partial(self.on_call, call)
        return tool.bind(call.arguments)


class Round:
    """Runs the calls of one reply.

    Args:
        calls: in the order of the reply.
        box: the tools and what is called before they run.
        repeats: the calls of earlier rounds.
        cancelled: set from anywhere, it ends the round.
        loop: where async functions run; None for a loop of their own.
    """

    def __init__(
        self,
        calls: Sequence[ToolCall],
        box: ToolBox,
        repeats: Repeats,
        cancelled: Cancellation,
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self._calls = calls
        self._box = box
        self._repeats = repeats
        self._cancelled = cancelled
        self._loop = background_loop if loop is None else lambda: loop
        self._results: dict[str, ToolFinished] = {}
        self._running: list[ToolRun] = []
        self._done: SimpleQueue[ToolRun | None] = SimpleQueue()  # None when the run is cancelled

    @property
    def results(self) -> tuple[ToolFinished, ...]:
        """One result for each call, in order; calls that have none yet were cancelled."""
        missing = {"error": CANCELLED}
        return tuple(
            self._results.get(call.id) or ToolFinished(call, missing, 0.0, "cancelled") for call in self._calls
        )

    @property
    def seconds(self) -> float:
        """How long the tools took together, from the first one's start to the last one's end."""
        starts = [running.started for running in self._running]
        ends = [running.started + self._results[running.call.id].seconds for running in self._running]
        return max(ends) - min(starts) if starts else 0.0

    def run(self) -> Generator[ToolEvent, None, None]:
        """Run all calls. Left early, it stops them."""
        try:
            ready = []
            for call in self._calls:
                outcome = self._admit(call)
                if isinstance(outcome, ToolFinished):
                    yield self._keep(outcome)
                else:
                    ready.append((call, outcome))
            for together in [ready] if self._box.concurrent else [[one] for one in ready]:
                if not self._cancelled.is_set():
                    yield from self._start(together)
                    yield from self._wait()
        finally:
            for running in self._running:
                self._keep(running.finished or running.stop("cancelled", CANCELLED))

    def _keep(self, finished: ToolFinished) -> ToolFinished:
        return self._results.setdefault(finished.call.id, finished)

    def _admit(self, call: ToolCall) -> Callable[[], Any] | ToolFinished:
        """Return what runs a call, or why it may not run."""
        if self._cancelled.is_set():
            return _refused(call, "cancelled", CANCELLED)
        tool = self._box.tools.get(call.name)
        if call in self._repeats and not (tool and tool.repeatable):
            return _refused(call, "repeated", REPEATED)
        try:
            if tool is None:
                names = ", ".join(self._box.tools)
                raise InvalidRequest(f"there is no tool {call.name!r}", hint=f"tools: {names}" if names else "")
            function = self._box.bind(tool, call)
        except Exception as error:  # a validator of the tool's own may raise anything
            return ToolFinished(call, failure(error), 0.0, "failed")
        return self._approve(call) or function

    def _approve(self, call: ToolCall) -> ToolFinished | None:
        """Ask whether a call may run; only a plain True lets it."""
        if self._box.approve is None:
            return None
        verdict = self._settle(self._box.approve(call))
        if self._cancelled.is_set():
            return _refused(call, "cancelled", CANCELLED)
        if verdict is True:
            return None
        reason = verdict if isinstance(verdict, str) and verdict else "the user did not allow this call"
        return _refused(call, "denied", without_surrogates(f"Denied: {reason}"))

    def _start(self, ready: Sequence[tuple[ToolCall, Callable[[], Any]]]) -> Generator[ToolEvent, None, None]:
        """Start what runs by itself; then ask for the results that somebody has to give, one by one."""
        tools = self._box.tools
        for call, function in ready:
            if tools[call.name].function is not None:
                yield ToolStarted(call)
                timeout = tools[call.name].timeout or self._box.timeout
                self._running.append(ToolRun(call, function, timeout=timeout, loop=self._loop, done=self._done))
        for call, function in ready:
            if tools[call.name].function is None:
                yield ToolStarted(call)
                yield self._keep(self._ask(call, function))

    def _ask(self, call: ToolCall, function: Callable[[], Any]) -> ToolFinished:
        start = perf_counter()
        outcome: Outcome = "ok"
        try:
            result = json_types(self._settle(function()), self._cancelled.is_set)
        except Exception as error:
            result, outcome = failure(error), "failed"
        if self._cancelled.is_set():
            result, outcome = {"error": CANCELLED}, "cancelled"
        return ToolFinished(call, result, perf_counter() - start, outcome)

    def _wait(self) -> Generator[ToolFinished, None, None]:
        """Yield what ends, until nothing runs or the run is cancelled."""
        with self._cancelled.waking(lambda: self._done.put(None)):
            yield from self._ended([running for running in self._running if running.call.id not in self._results])

    def _ended(self, pending: list[ToolRun]) -> Generator[ToolFinished, None, None]:
        while pending and not self._cancelled.is_set():
            left = [running.left for running in pending if running.left is not None]
            try:
                done = self._done.get(timeout=max(0.0, min(left)) if left else None)
            except Empty:  # nothing ended meanwhile: who is over its time is stopped
                for running in [running for running in pending if running.left is not None and running.left <= 0]:
                    pending.remove(running)
                    error = f"TimeoutError: {running.call.name} took longer than {running.timeout:g} seconds"
                    yield self._keep(running.stop("timeout", error))
                continue
            if done is None or done not in pending:  # it ended after its time
                continue
            pending.remove(done)
            if done.interrupt:
                raise done.interrupt
            if done.finished:
                yield self._keep(done.finished)

    def _settle(self, value: Any) -> Any:
        """Return a value, awaited if it is async; None if the run is cancelled meanwhile."""
        if not inspect.isawaitable(value):
            return value

        future, is_over = submit(value, self._loop()), threading.Event()
        future.add_done_callback(lambda _: is_over.set())
        try:
            with self._cancelled.waking(is_over.set):
                is_over.wait()
            return result_of(future) if future.done() else None
        finally:
            future.cancel()


def _refused(call: ToolCall, outcome: Outcome, error: str) -> ToolFinished:
    return ToolFinished(call, {"error": error}, 0.0, outcome)

"""One call in a thread of its own: its function is called, awaited if it is async, and its result made JSON.

In comes a function without arguments; out comes an outcome with a result that the model can read, in a queue.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextvars import copy_context
from queue import SimpleQueue
from time import perf_counter
from typing import Any

from edge_lam.agent.events import Outcome, ToolFinished
from edge_lam.agent.loop import Ending, result_of, submit
from edge_lam.tools import ToolCall
from edge_lam.tools.results import items_of, json_types

Loop = Callable[[], asyncio.AbstractEventLoop]


class ToolRun:
    """A call that runs, from its making on.

    Args:
        call: which call.
        function: what to run.
        timeout: seconds after which it is overdue, or None.
        loop: returns the event loop for what is async.
        done: gets this object when it has ended.

    Attributes:
        started: by `perf_counter`.
        finished: what came of it, once it is done.
        interrupt: a KeyboardInterrupt that the function raised; it is not the model's to read.
    """

    def __init__(
        self,
        call: ToolCall,
        function: Callable[[], Any],
        *,
        timeout: float | None,
        loop: Loop,
        done: SimpleQueue[ToolRun | None],
    ) -> None:
        self.call = call
        self.timeout = timeout
        self.finished: ToolFinished | None = None
        self.interrupt: KeyboardInterrupt | None = None
        self._function = function
        self._loop = loop
        self._done = done
        self._is_stopped = False
        self._coroutine: Future[Ending] | None = None
        self.started = perf_counter()
        name = f"edge-lam-tool-{call.name}"
        threading.Thread(target=copy_context().run, args=(self._run,), name=name, daemon=True).start()

    @property
    def left(self) -> float | None:
        """Seconds until it is overdue, or None."""
        return None if self.timeout is None else self.timeout - (perf_counter() - self.started)

    def stop(self, outcome: Outcome, error: str) -> ToolFinished:
        """Give it up. A coroutine is cancelled; a thread can't be ended from outside and is left behind."""
        self._is_stopped = True
        if self._coroutine:
            self._coroutine.cancel()
        return ToolFinished(self.call, {"error": error}, perf_counter() - self.started, outcome)

    def _run(self) -> None:
        outcome: Outcome = "ok"
        try:
            value = self._function()
            if inspect.isawaitable(value):
                value = self._await(value)
            if isinstance(value, AsyncIterator):
                value = self._await(items_of(value, self._is_cancelled))
            result = json_types(value, self._is_cancelled)
        except KeyboardInterrupt as interrupt:
            self.interrupt = interrupt
        except BaseException as error:  # a tool may fail in any way, sys.exit() included
            result, outcome = failure(error), "failed"
        if self.interrupt is None:
            self.finished = ToolFinished(self.call, result, perf_counter() - self.started, outcome)
        self._done.put(self)

    def _is_cancelled(self) -> bool:
        return self._is_stopped

    def _await(self, value: Awaitable[Any]) -> Any:
        self._coroutine = submit(value, self._loop())
        if self._is_stopped:
            self._coroutine.cancel()
        return result_of(self._coroutine)


def failure(error: BaseException) -> dict[str, str]:
    """Return an exception as a result that the model can read."""
    try:
        text = str(error)
    except Exception:  # an exception class of the tool's own, itself at fault
        text = "(it can't be shown)"
    return {"error": without_surrogates(f"{type(error).__name__}: {text}" if text else type(error).__name__)}


def without_surrogates(text: str) -> str:
    """Return a text with "?" for each half of a character, such as the name of a file may hold; no prompt can."""
    return text.encode(errors="replace").decode()

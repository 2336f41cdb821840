"""Where coroutines run that come from code which is not async: an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable
from concurrent.futures import Future
from typing import Any, TypeAlias

# What ended it although no coroutine may raise it, and what it returned.
Ending: TypeAlias = "tuple[KeyboardInterrupt | SystemExit | None, Any]"

_loops: dict[int, asyncio.AbstractEventLoop] = {}  # by process: a child of a fork has no threads but its own
_lock = threading.Lock()


def background_loop() -> asyncio.AbstractEventLoop:
    """Return the loop of this process, running; it is always the same, so that what is bound to it can be kept."""
    with _lock:
        if (loop := _loops.get(os.getpid())) is None:
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="edge-lam-async-tools", daemon=True).start()
        return loop


def submit(value: Awaitable[Any], loop: asyncio.AbstractEventLoop) -> Future[Ending]:
    """Have a loop of another thread await something; `result_of` gives what comes of it."""
    return asyncio.run_coroutine_threadsafe(_awaited(value), loop)


def result_of(future: Future[Ending]) -> Any:
    """Wait for what was submitted, and return its result.

    Raises:
        BaseException: whatever it raises.
    """
    error, result = future.result()
    if error:
        raise error
    return result


async def _awaited(value: Awaitable[Any]) -> Ending:
    try:
        return None, await value
    except (KeyboardInterrupt, SystemExit) as error:  # they would end the loop, and with it whatever else runs there
        return error, None

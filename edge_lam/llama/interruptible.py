"""Calls of llama.cpp that take long, made so that Ctrl-C is never lost in them.

Python raises KeyboardInterrupt wherever the main thread runs its code next: in one of llama.cpp's callbacks, such as
the log, if it waits for llama.cpp. From there no exception reaches the caller: ctypes prints it and goes on. So another
thread makes the call, and the main one waits for it in Python.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def interruptible(
    call: Callable[[], T],
    *,
    stop: Callable[[], None] = lambda: None,
    discard: Callable[[T], None] = lambda result: None,
) -> T:
    """Return what a call returns, or raise what it raises.

    Args:
        call: what takes long.
        stop: ends it early, from another thread, when the wait for it was interrupted.
        discard: frees what it returned all the same.
    """
    if threading.current_thread() is not threading.main_thread():  # where no signal arrives
        return call()
    results: list[T] = []
    errors: list[BaseException] = []
    ended = threading.Event()  # Thread.join takes a thread for ended where it was interrupted itself (bpo-46726)

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:
            errors.append(error)
        ended.set()

    worker = threading.Thread(target=work, name="edge-lam-llama", daemon=True)
    try:
        worker.start()
        ended.wait()
    except BaseException:
        stop()
        if worker.ident is not None:
            ended.wait()
        for result in results:
            discard(result)
        raise
    if errors:
        raise errors[0]
    return results[0]

"""`set_timer`: timers that really run, in threads that end with the process.

When one rings, `notify` is called with a line of text, from the timer's thread. The door that the user sits at sets
it (the terminal prints the line and rings its bell); the default logs it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

MAX_SECONDS = 24 * 3600
MAX_RUNNING = 50

_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600}
_running: set[threading.Timer] = set()
_lock = threading.Lock()

notify: Callable[[str], None] = logging.getLogger(__name__).warning


def set_timer(amount: int, unit: Literal["seconds", "minutes", "hours"], label: str | None = None) -> dict[str, str]:
    """Start a timer.

    Args:
        amount: How long
        unit: Unit of the amount
        label: What the timer is for
    """
    seconds = amount * _SECONDS[unit]
    if not 0 < seconds <= MAX_SECONDS:
        raise ValueError("a timer runs between 1 second and 24 hours")
    length, verb = (f"1 {unit[:-1]}", "is") if amount == 1 else (f"{amount} {unit}", "are")
    with _lock:
        if len(_running) >= MAX_RUNNING:
            raise RuntimeError(f"{MAX_RUNNING} timers are running already")
        timer = threading.Timer(seconds, _ring, args=(f"{label or 'timer'}: {length} {verb} over",))
        timer.daemon = True
        _running.add(timer)
    timer.start()
    return {"ends_at": (datetime.now() + timedelta(seconds=seconds)).strftime("%H:%M:%S")}


def running() -> int:
    """Count the timers that have not rung yet."""
    with _lock:
        return len(_running)


def cancel_all() -> None:
    """Stop every timer without a ring."""
    with _lock:
        for timer in _running:
            timer.cancel()
        _running.clear()


def _ring(text: str) -> None:
    with _lock:
        _running.discard(threading.current_thread())
    notify(text)

"""`once`: a value that is computed once per process, also where several threads ask for it at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")


def once(function: Callable[..., T]) -> Callable[..., T]:
    """Like `functools.cache`, but one thread computes a value while the others wait for it.

    `cache` lets each of them compute it, which is no matter of time alone: what stands behind it here may not be done
    twice, or not by two threads at once. Arguments are told apart by position; an error is not kept.
    """
    values: dict[tuple[Any, ...], T] = {}
    lock = threading.RLock()

    @wraps(function)
    def value(*arguments: Any) -> T:
        if arguments not in values:  # a child that was forked while another thread held the lock finds the value
            with lock:
                if arguments not in values:
                    values[arguments] = function(*arguments)
        return values[arguments]

    return value

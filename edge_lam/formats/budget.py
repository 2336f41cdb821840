"""What one rendering of a template may use: time, turns of loops and calls, and bytes that it makes or reads.

Every operation of a template weighs what it is given before it begins and pays for it, so that no single one takes
long, and all of them together stay within the limits, whatever they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MappingView, Sequence
from contextvars import ContextVar
from math import inf
from time import monotonic, thread_time
from typing import Any

from jinja2 import TemplateError
from jinja2.utils import Namespace

MAX_SECONDS = 2.0  # of the processor: other programs may keep it from this one for longer
MAX_BYTES = 128 << 20  # made and read by all operations together; what lives takes no more than twice that
MAX_STEPS = 200_000  # turns of loops, and calls
LONGEST_TEXT = 2_000_000  # bytes of a string that is worked on: cut into words, it takes thirty times as much
LARGEST_VALUE = 8 << 20  # bytes of a list or dict, with all that is in it, once for each time that it is in it
LONGEST_NUMBER = 4096  # bits

_ITEM = 32  # bytes of any value, beside its content
_WIDEST_CHARACTER = 4  # bytes, if not all are ASCII


class TooMuchError(TemplateError):
    """The template passed a bound."""


class Budget:
    """What one rendering may still use.

    Args:
        seconds: the most that it may take by the clock, as the limit of a request is; None for any time.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._steps, self._bytes = MAX_STEPS, MAX_BYTES
        now, self._begun = monotonic(), thread_time()
        self._deadline = inf if seconds is None else now + seconds
        self._first_look = now + MAX_SECONDS  # before that, it can't have used so much of the processor
        # Templates can't change lists and dicts, so that each is weighed once; kept, so that no other gets its id.
        self._weighed: dict[int, tuple[object, int]] = {}

    def check_time(self) -> None:
        """Raise TooMuchError if the time is over."""
        now = monotonic()
        if now > self._deadline or (now > self._first_look and thread_time() - self._begun > MAX_SECONDS):
            raise TooMuchError("it takes too long")

    def step(self) -> None:
        """Count a turn of a loop, or a call."""
        self._steps -= 1
        if self._steps < 0:
            raise TooMuchError("it does not come to an end")
        self.check_time()

    def spend(self, n_bytes: int) -> None:
        """Pay for a value of so many bytes that is made or read."""
        self._bytes -= _ITEM + n_bytes
        if self._bytes < 0:
            raise TooMuchError("it works on too much")
        self.check_time()

    def weigh(self, value: object) -> int:
        """Return the bytes of what is in a value, counted each time that it is in it.

        A list that holds another twice, which holds another twice, is small in memory and endless when it is written.

        Raises:
            TooMuchError: it is too large.
        """
        if isinstance(value, str):
            if (size := text_bytes(value)) > LONGEST_TEXT:
                raise TooMuchError("a text is too long")
            return size
        if isinstance(value, int):
            if value.bit_length() > LONGEST_NUMBER:
                raise TooMuchError("a number is too large")
            return 0
        if isinstance(value, list | dict | tuple):
            known = self._weighed.get(id(value))
            if known is None:
                known = self._weighed[id(value)] = value, self._weigh_parts(value)
            return known[1]
        if isinstance(value, Mapping | Sequence | MappingView) and not isinstance(value, range | bytes):
            return self._weigh_parts(value)
        if isinstance(value, Namespace):
            raise TooMuchError("a namespace is no value")  # the only thing that changes once it was weighed
        return 0

    def _weigh_parts(self, value: Any) -> int:
        total = 0
        for part in value:
            total += _ITEM + self.weigh(part) + (self.weigh(value[part]) if isinstance(value, Mapping) else 0)
            if total > LARGEST_VALUE:
                raise TooMuchError("a list is too large")
        return total


budget: ContextVar[Budget] = ContextVar("budget")


def text_bytes(text: str) -> int:
    """Return the most bytes that a text takes."""
    return len(text) if text.isascii() else _WIDEST_CHARACTER * len(text)


def width(value: Any) -> int:
    """Return the bytes of a copy that shares what is in it, beside those of any value."""
    if isinstance(value, str):
        return text_bytes(value)
    return (8 if isinstance(value, list | tuple) else 100) * len(value) if isinstance(value, list | tuple | dict) else 0


def at_hand(value: Any) -> Any:
    """Return what an iterator gives as a list, which can be weighed; anything else as it is."""
    return list(value) if isinstance(value, Iterator) else value


def paid(value: Any) -> Any:
    """Weigh a value and pay for all of it: it is about to be read."""
    spending = budget.get()
    spending.spend(spending.weigh(value))
    return value


def made(value: Any) -> Any:
    """Weigh a value that was just made of others, and pay for its own width."""
    spending = budget.get()
    spending.weigh(value)
    spending.spend(width(value))
    return value


def bits(value: Any) -> int:
    """Return how many bits a number takes; 0 for anything else."""
    return value.bit_length() if isinstance(value, int) else 0

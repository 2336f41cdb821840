"""`CallReader`: what every reader of one spelling of calls has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from edge_lam.formats.calls import Calls


class CallReader(ABC):
    """Reads one piece of a reply that may hold calls, from its first character on, as it comes.

    It looks at each character a fixed number of times. Calls and errors go to `Calls` as soon as they are certain; what
    is no call is text, and only the parser knows where that goes.

    Attributes:
        taken: whether it is meant as calls; what is done and not taken is text.
        is_done: whether its end was found, or need not be because it is text.
        is_empty_list: whether it is ``[]`` without a marker.
    """

    def __init__(self, calls: Calls, *, taken: bool) -> None:
        self.taken = taken
        self.is_done = False
        self.is_empty_list = False
        self._calls = calls

    @property
    @abstractmethod
    def raw(self) -> str:
        """All that was read."""

    @abstractmethod
    def read(self, text: str, position: int) -> int:
        """Read on from `position`; return where this ended: behind what it reads, or at the end of the text."""

    @abstractmethod
    def cut_off(self, *, complete: bool) -> None:
        """End where the reply ends inside of it.

        Args:
            complete: whether the model ended the reply; if it was cut off, a call that is not whole is no error.
        """

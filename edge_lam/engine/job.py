"""`Job`: one piece of work for the owner of a context, and how it is ended early. Knows nothing of requests."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from edge_lam.cache import LiveSequence
    from edge_lam.decoding import Reads

Stop: TypeAlias = Literal["cancelled", "timeout"]


class Job(ABC):
    """Work on one sequence. The owner's thread calls `prepare`, then `start`, and always `finish`, once.

    Attributes:
        prompt: what `prepare` returned.
        stop: why it is to end early, or None.
        prepared: set once `prepare` is through, or there will be none.
        ended: set after `finish`.
    """

    def __init__(self) -> None:
        self.prompt: list[int] = []
        self.stop: Stop | None = None
        self.prepared = threading.Event()
        self.ended = threading.Event()

    @abstractmethod
    def prepare(self) -> list[int]:
        """Return the tokens that the work begins with."""

    @abstractmethod
    def start(self, sequence: LiveSequence) -> Reads:
        """Work on a sequence; what is yielded is read for it."""

    @abstractmethod
    def expire(self) -> None:
        """Do what is left to do if time is up before the start."""

    @abstractmethod
    def finish(self, error: BaseException | None) -> None:
        """Take the error that ended the work, or None."""

    def end(self, error: BaseException | None) -> None:
        """Finish, and let everyone know who waits."""
        try:
            self.finish(error)
        finally:
            self.ended.set()
            self.prepared.set()

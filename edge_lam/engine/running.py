"""`Running`: a job that has a sequence, and what it needs read next. Knows nothing of other jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_lam.cache import LiveSequence
    from edge_lam.decoding import Done, Read, TimeUp
    from edge_lam.engine.job import Job
    from edge_lam.llama import Part

SHORT = 64  # tokens: what replies read in one pass; anything longer is a prompt


class Running:
    """A job at work.

    Attributes:
        job: what runs.
        sequence: where.
        unread: tokens that it needs read before it can go on.
        n_next: how many of them the next pass reads.
        n_rows: how many rows of logits that gives.
        seconds, n_passes: what reading took since it last went on.
    """

    def __init__(self, job: Job, sequence: LiveSequence) -> None:
        self.job, self.sequence = job, sequence
        self._steps = job.start(sequence)
        self.unread: list[int] = []
        self._rows: list[int] = []
        self.n_next = self.n_rows = self.n_passes = 0
        self.seconds = 0.0

    @property
    def is_prompt(self) -> bool:
        """Whether much is unread that may be read in pieces."""
        return len(self.unread) > SHORT and not self._is_whole

    @property
    def was_left_out(self) -> bool:
        """Whether the last pass read nothing of it; so it is before its first one."""
        return not self.n_next

    @property
    def _is_whole(self) -> bool:
        """Whether all that is unread has to go down in one pass."""
        return self._rows[:1] == [0]

    def begin(self) -> bool:
        """Work until something has to be read; tell whether there is such."""
        return self._want(lambda: next(self._steps))

    def go_on(self, done: Done) -> bool:
        """Work on, after all was read."""
        return self._want(lambda: self._steps.send(done))

    def expire(self, time_up: TimeUp) -> bool:
        """Work to an early end."""
        return self._want(lambda: self._steps.throw(time_up))

    def leave(self) -> None:
        """Stop working."""
        self._steps.close()

    def choose(self, room: int, rows: int, *, alone: bool) -> None:
        """Choose how much the next pass reads; maybe nothing.

        Tokens that give logits go down in one pass: the rows of another one are gone.

        Args:
            room: tokens that fit.
            rows: rows of logits that fit.
            alone: there is nothing else in the pass: something has to be read.
        """
        n = len(self.unread)  # if it must not be split and never fits, the context refuses it
        if (n > room or len(self._rows) > rows) and not (alone and self._is_whole):
            n = min(room, self._rows[0] if self._rows else n)
        self.n_next = n
        self.n_rows = sum(row < n for row in self._rows)

    def part(self) -> Part:
        """Return what the next pass reads."""
        return self.sequence.part(self.unread[: self.n_next], self._rows[: self.n_rows])

    def took(self, first_row: int, seconds: float) -> int:
        """Note that the pass is through, and return its rows of logits."""
        self.sequence.took(self.unread[: self.n_next], first_row)
        self.unread = self.unread[self.n_next :]
        self._rows = [row - self.n_next for row in self._rows[self.n_rows :]]
        self.seconds += seconds
        self.n_passes += 1
        return self.n_rows

    def _want(self, step: Callable[[], Read]) -> bool:
        try:
            read = step()
        except StopIteration:
            return False
        self.unread, self._rows = list(read.tokens), list(read.rows)
        self.seconds, self.n_passes = 0.0, 0
        return True

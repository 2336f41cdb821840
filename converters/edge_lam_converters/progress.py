"""How a conversion tells how far it is: to a function, so that the rooms that print can decide what is shown."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears how far the work is; called often."""

    def __call__(self, stage: str, done: int, total: int | None, item: str = "") -> None:
        """Take one step.

        Args:
            stage: "hash", "write" or "quantize".
            done: bytes done in this stage.
            total: bytes of this stage, None when not known before its end.
            item: the tensor at work, or "".
        """


def no_progress(stage: str, done: int, total: int | None, item: str = "") -> None:
    """Tell nobody."""

"""`Sequences`: which sequence of a context a prompt goes to, so that the least has to be read. Knows token ids only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_lam.cache.live import common_length

if TYPE_CHECKING:
    from edge_lam.cache import LiveSequence


class Sequences:
    """The sequences of one context; those that are not taken keep what they hold for prompts that begin with it.

    Args:
        sequences: all of them, not taken.
    """

    def __init__(self, sequences: Sequence[LiveSequence]) -> None:
        self.all = tuple(sequences)
        self._free = list(sequences)  # the least recently used first

    @property
    def all_taken(self) -> bool:
        """Whether none is free."""
        return not self._free

    def take(self, prompt: Sequence[int], running: Sequence[Sequence[int]]) -> LiveSequence | None:
        """Take a free sequence for a prompt, holding what another one has read of it already.

        Args:
            prompt: at least one token.
            running: the prompts on taken sequences.

        Returns:
            The sequence; None if one that is taken will soon hold much more of the prompt: it is better to wait.
        """
        best = max(self.all, key=lambda sequence: (sequence.shared(prompt), sequence in self._free))
        shared = best.shared(prompt)
        soon = max((common_length(other, prompt[:-1]) for other in running), default=0)
        if soon >= shared + best.WORTH_STORING:
            return None
        target = best if best in self._free else self._free[0]
        # A conversation that only begins like the prompt may go on: its sequence is left alone while others are free.
        if 2 * shared < len(best.tokens):
            target = self._free[0]
        self._free.remove(target)
        if target is not best and shared > target.shared(prompt):
            target.copy(best, shared)
        return target

    def give_back(self, sequence: LiveSequence) -> None:
        """Let other prompts have a sequence."""
        self._free.append(sequence)

    def unsaved(self) -> list[LiveSequence]:
        """Return the sequences with conversations that are to be stored."""
        return [sequence for sequence in self.all if sequence.unsaved]

"""`Scheduler`: which tokens of which sequences the next pass reads. Plain data: no model, no lock, no clock.

A pass costs little more for a few tokens more, so that all replies ride in one. A long prompt would keep them waiting:
it is read in pieces beside them, and whole passes at a time when nobody waits. A pass computes with one adapter: the
sequences of several take turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_lam.engine.sequence import Sequence

# Tokens of prompts in a pass that replies wait for; and a prompt that has no more left is read at once, as a reply is.
# At 64 a pass takes a few times as long as a reply's own: replies keep flowing, and a prompt of 1,000 tokens is through
# after 16 of them.
PREFILL_CHUNK = 64

# Passes of an adapter while sequences of another wait; a change costs half a pass of one token (measured: 135M, Q4_1).
ADAPTER_TURN = 8


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one sequence has in a pass.

    Attributes:
        sequence: whose tokens.
        tokens: at least one.
        rows: after which of them logits are wanted, by their indices, ascending.
    """

    sequence: Sequence
    tokens: list[int]
    rows: list[int]


class Scheduler:
    """Chooses passes.

    Attributes:
        running: the sequences that have a slot, in the order in which they came.

    Args:
        n_batch: most tokens in a pass.
        n_logits: most rows of logits in a pass.
    """

    def __init__(self, n_batch: int, n_logits: int) -> None:
        self.running: list[Sequence] = []
        self._adapter, self._n_passes = "", 0  # whose turn it is, and how long it has been
        self._n_batch, self._n_logits = n_batch, n_logits

    def schedule(self) -> list[Chunk]:
        """Return what the next pass reads; empty only if nothing runs.

        All replies come first, then prompts in the order in which they came. But whoever got nothing in the last pass
        comes before the others, so that nobody is kept out for ever; and when the turn of an adapter is over, that of
        whoever got nothing for longest is next. What is returned is not taken for read: a pass that was aborted is
        chosen again.
        """
        room, rows, chunks = self._n_batch, self._n_logits, list[Chunk]()
        # Where no reply waits for the pass, a prompt is read as fast as the device can: whole passes of it.
        prefill_room = room if all(map(_is_long, self.running)) else PREFILL_CHUNK
        # Python sorts stably: among equals the order of arrival stays. Whoever was skipped is ahead of all of its
        # adapter that were served since.
        for sequence in sorted(self._of_turn(), key=lambda sequence: (-sequence.n_skipped, _is_long(sequence))):
            is_long = _is_long(sequence)
            if n := _fitting(sequence, min(room, prefill_room) if is_long else room, rows):
                chunks.append(Chunk(sequence, sequence.unread(n), sequence.rows(n)))
                room, rows = room - n, rows - len(chunks[-1].rows)
                prefill_room -= n if is_long else 0
        self._note_skipped(chunks)
        return chunks

    def _of_turn(self) -> list[Sequence]:
        """Return the sequences of the adapter whose turn it is."""
        others = [sequence for sequence in self.running if sequence.adapter != self._adapter]
        self._n_passes = self._n_passes + 1 if others else 0
        if others and (self._n_passes > ADAPTER_TURN or len(others) == len(self.running)):
            self._adapter, self._n_passes = max(others, key=lambda sequence: sequence.n_skipped).adapter, 1
        return [sequence for sequence in self.running if sequence.adapter == self._adapter]

    def _note_skipped(self, chunks: list[Chunk]) -> None:
        """Count for each sequence how often it was skipped; a prompt that waits for an earlier one was not.

        Else two long prompts would take turns, and both would be through as late as the second one is now.
        """
        served = {chunk.sequence for chunk in chunks}
        reads_prompt = any(map(_is_long, served))
        for sequence in self.running:
            waits_for_prompt = reads_prompt and _is_long(sequence) and sequence.adapter == self._adapter
            is_served = sequence in served or waits_for_prompt
            sequence.n_skipped = 0 if is_served else sequence.n_skipped + 1


def _is_long(sequence: Sequence) -> bool:
    """Tell whether much is unread that may be read in pieces.

    That, and not the status, tells a prompt from a reply: the last few tokens of a prompt cost the others no more than
    a reply does, and its answer begins a pass sooner.
    """
    return sequence.n_unread - sequence.n_whole >= PREFILL_CHUNK


def _fitting(sequence: Sequence, room: int, rows: int) -> int:
    """Return how many tokens of a sequence a pass can take, that has room for so many tokens and rows of logits."""
    n = sequence.n_unread
    if sequence.n_computed < sequence.checkpoint:  # what is held there is stored before anything is read behind it
        n = sequence.checkpoint - sequence.n_computed
    if n <= room and len(sequence.rows(n)) <= rows:
        return n
    # The last token and its draft are read together or not at all: one look at their logits judges them. A row that is
    # wanted earlier, of the prompt's last token, may be one too many: then the pass ends before that token.
    n = min(n, room, sequence.n_unread - sequence.n_whole)
    wanted = sequence.rows(n)
    return n if len(wanted) <= rows else wanted[rows]

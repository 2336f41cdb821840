"""A sampler that replays a known reply, so that a test decides what the model writes. The model still runs."""

from __future__ import annotations

from collections.abc import Sequence

from edge_lam.decoding import Sampler


class Replay(Sampler):
    def __init__(self, tokens: Sequence[int]) -> None:
        super().__init__()
        self._tokens = list(tokens)

    def choose(self, logits, constraint, times):
        super().choose(logits, constraint, times)
        return self._tokens.pop(0)

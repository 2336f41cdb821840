"""Two models read the same passages side by side, and their predictions are compared as they come.

In go passages, out comes a `Divergence`. A few tokens are held at a time, so that memory grows neither with the text
nor with the number of passages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from edge_lam.cache import Slot
from edge_lam.llama.context import Context
from edge_lam_converters.quality.divergence import Divergence, DivergenceSums
from edge_lam_converters.quality.passages import Passage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.llama.model import Model
    from edge_lam_converters.quality.divergence import Logits

_N_BATCH = 512
_N_LOGITS = 32  # tokens whose logits are held at once: 20 MB of each model, for Qwen's vocabulary


class SideBySide:
    """Two models with a context each, freed with them.

    Args:
        model: that is judged.
        against: the reference.
        n_ctx: tokens of the longest passage.
        n_threads: threads that compute; by default one per physical core.

    Raises:
        BackendError: llama.cpp could not set up a context.
    """

    def __init__(self, model: Model, against: Model, *, n_ctx: int, n_threads: int | None = None) -> None:
        self._pair = [
            Slot(Context(one, n_ctx=n_ctx, n_batch=_N_BATCH, n_logits=_N_LOGITS, n_threads=n_threads))
            for one in (model, against)
        ]

    def read(self, passages: Sequence[Passage], on_passage: Callable[[Passage], object]) -> Divergence | None:
        """Compare the predictions of the judged tokens; None if there are none.

        Args:
            passages: what to read.
            on_passage: hears of each that has been read.
        """
        sums = DivergenceSums()
        for passage in passages:
            for (tokens, ours), (_, theirs) in zip(*(_predictions(one, passage) for one in self._pair), strict=True):
                sums.add(ours, theirs, tokens)
            on_passage(passage)
        return sums.result()


def _predictions(slot: Slot, passage: Passage) -> Iterator[tuple[NDArray[np.int64], Logits]]:
    """Yield the judged tokens of a passage, a few at a time, and the logits that foresee them.

    What it begins with in common with the passage before it is held already, and not read again.
    """
    import numpy as np

    tokens, first = passage.tokens, passage.start - 1
    slot.reuse(tokens[: first + 1])
    if unread := tokens[len(slot.tokens) : first]:
        slot.extend(unread, logits=())
    for start in range(first, len(tokens) - 1, _N_LOGITS):
        part = tokens[start : min(start + _N_LOGITS, len(tokens) - 1)]
        rows = range(len(part))
        slot.extend(part, logits=rows)
        foreseen = np.asarray(tokens[start + 1 : start + 1 + len(part)], dtype=np.int64)
        yield foreseen, np.stack([slot.logits(row) for row in rows])

"""How far apart two models' predictions are: KL divergence, agreement and perplexity, position by position.

In go logits of both, a few rows at a time; what is kept of each position is one number. Knows no model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Logits = NDArray[np.float32]

_ROWS = 8  # at a time: 10 MB for each array in between, for Qwen's vocabulary


@dataclass(frozen=True)
class Divergence:
    """What was found over some positions.

    Attributes:
        n_positions: how many.
        kl_mean, kl_median, kl_p99, kl_max: KL divergence of the model's prediction from the reference's, in nats: its
            mean, median, 99th percentile and maximum.
        agreement: share of positions at which both find the same token likeliest.
        perplexity: of the model: how many tokens it hesitates between, on average.
        reference_perplexity: of the reference.
    """

    n_positions: int
    kl_mean: float
    kl_median: float
    kl_p99: float
    kl_max: float
    agreement: float
    perplexity: float
    reference_perplexity: float


class DivergenceSums:
    """Gathers positions."""

    def __init__(self) -> None:
        self._kl: list[float] = []
        self._n_agreed = 0
        self._surprise = self._reference_surprise = 0.0

    def add(self, logits: Logits, reference: Logits, tokens: NDArray[np.int64]) -> None:
        """Add positions.

        Args:
            logits: of the model, shape (n, n_vocab).
            reference: of the reference, the same shape.
            tokens: what really comes next, shape (n,).
        """
        for start in range(0, len(tokens), _ROWS):
            part = slice(start, start + _ROWS)
            self._add(_log_softmax(logits[part]), _log_softmax(reference[part]), tokens[part])

    def _add(self, ours: NDArray[np.float64], theirs: NDArray[np.float64], tokens: NDArray[np.int64]) -> None:
        import numpy as np

        rows = np.arange(len(tokens))
        # Rounding can make it negative by some 1e-16.
        self._kl += np.maximum(np.einsum("ij,ij->i", np.exp(theirs), theirs - ours), 0.0).tolist()
        self._n_agreed += int((ours.argmax(axis=1) == theirs.argmax(axis=1)).sum())
        self._surprise -= float(ours[rows, tokens].sum())
        self._reference_surprise -= float(theirs[rows, tokens].sum())

    def result(self) -> Divergence | None:
        """Return what was found, None without any position."""
        import numpy as np

        n = len(self._kl)
        if not n:
            return None
        median, p99 = np.percentile(self._kl, [50, 99]).tolist()
        return Divergence(
            n_positions=n,
            kl_mean=math.fsum(self._kl) / n,
            kl_median=median,
            kl_p99=p99,
            kl_max=max(self._kl),
            agreement=self._n_agreed / n,
            perplexity=math.exp(self._surprise / n),
            reference_perplexity=math.exp(self._reference_surprise / n),
        )


def _log_softmax(logits: Logits) -> NDArray[np.float64]:
    import numpy as np

    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted

"""`Sampler`: chooses the next token from the model's logits, among those that the constraint allows.

In come logits, out comes a token. Greedy unless requested otherwise. A request may bring a sampler of its own, such as
`ReplaySampler`, which writes a known reply.

The settings work one after the other, in the order of Hugging Face's `generate`: logit bias, the constraint's mask,
temperature, top_k, top_p, min_p; each sees what the ones before it left.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from edge_lam.decoding.logprobs import unusable_logits
from edge_lam.errors import InvalidRequest
from edge_lam.params import GREEDY, SamplingParams

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.decoding.constraint import Constraint

_BLOCK = 512  # about the square root of a vocabulary
_LARGEST = 3e38


class Sampler:
    """How tokens are chosen in one reply.

    Attributes:
        seed: what the random numbers started from; None if there are none.
    """

    def __init__(self, params: SamplingParams = GREEDY, *, logit_bias: Mapping[int, float] | None = None) -> None:
        """Start the random numbers.

        Args:
            params: how tokens are chosen.
            logit_bias: what to add to the logits of tokens, by their ids.
        """
        self._params, self._bias = params, dict(logit_bias or {})
        self.seed = None
        if params.temperature > 0:
            import numpy as np

            self.seed = secrets.randbits(32) if params.seed is None else params.seed
            self._random = np.random.default_rng(self.seed)

    def choose(self, logits: NDArray[np.float32], constraint: Constraint) -> int:
        """Choose the next token.

        Args:
            logits: shape (n_vocab,); left unchanged.
            constraint: what the reply may be.

        Raises:
            BackendError: the logits are no numbers.
            InvalidRequest: the constraint is beyond its limits, or the bias is of a token that isn't there.
        """
        if self._bias:
            logits = self._biased(logits)
        if not math.isfinite(logits[logits.argmax()]):
            raise unusable_logits()
        if self._params.temperature:
            return self._sample(logits, constraint.allowed())
        return constraint.best(logits)

    def _biased(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a copy of the logits with the bias added."""
        if (largest := max(self._bias)) >= len(logits):
            raise InvalidRequest(
                f"logit_bias names the token {largest}, but the model has {len(logits)}", param="logit_bias"
            )
        biased: NDArray[np.float32] = logits.copy()
        biased[list(self._bias)] += list(self._bias.values())
        return biased

    def _sample(self, logits: NDArray[np.float32], allowed: NDArray[np.intp] | None) -> int:
        """Draw a token, each as likely as the softmax of its logit, among those that top_k, top_p and min_p keep."""
        import numpy as np

        candidates = logits if allowed is None else logits[allowed]
        # A temperature close to 0 would be none: in float32 its inverse has a limit.
        factor = np.float32(min(1 / self._params.temperature, _LARGEST))
        with np.errstate(over="ignore"):  # -inf is right: a weight of 0
            weights = np.exp((candidates - candidates.max()) * factor)
        if 0 < self._params.top_k < len(weights):
            weights = _only(weights, _largest(weights, self._params.top_k))
        if self._params.top_p < 1:
            weights = _only(weights, _nucleus(weights, self._params.top_p))
        if self._params.min_p > 0:
            weights[weights < self._params.min_p] = 0  # the most likely one weighs 1
        if allowed is not None:
            spread = np.zeros_like(logits)
            spread[allowed] = weights
            weights = spread
        return self._race(weights)

    def _race(self, weights: NDArray[np.float32]) -> int:
        """Draw an index, each as likely as its share of the weights.

        A race: each needs an exponentially distributed time, with the weight as its rate, and the fastest wins.
        Unlike a draw from cumulated weights this hardly changes with the last digits of the logits, which depend on
        how many tokens of the prompt were read in one pass. It has two rounds, first between blocks of indices, whose
        rates are their sums, then within the fastest one, so that few random numbers do for many indices; how many
        they are does not depend on the weights.
        """
        import numpy as np

        starts = np.arange(0, len(weights), _BLOCK)
        times = self._random.standard_exponential(len(starts))
        first = _BLOCK * int((np.add.reduceat(weights, starts) / times).argmax())
        times = self._random.standard_exponential(_BLOCK)
        block = weights[first : first + _BLOCK]
        return first + int((block / times[: len(block)]).argmax())


class ReplaySampler(Sampler):
    """Chooses as greedy sampling does, then returns the next token of a known reply all the same.

    The model still computes and the grammar still masks, so that a benchmark on random weights times real work, and a
    test decides what the model says.

    Args:
        tokens: what to return, one for each choice; what the grammar forces is no choice.
    """

    def __init__(self, tokens: Iterable[int]) -> None:
        super().__init__()
        self._tokens = iter(tokens)

    def choose(self, logits: NDArray[np.float32], constraint: Constraint) -> int:
        """Spend the time of a choice, and return the known token; logits have the shape (n_vocab,).

        Raises:
            InvalidRequest: the known reply is at its end, but another choice is requested.
            BackendError: the logits are no numbers.
        """
        super().choose(logits, constraint)
        token = next(self._tokens, None)
        if token is None:
            raise InvalidRequest("the replayed answer ended before the reply", param="sampler")
        return token


def _only(weights: NDArray[np.float32], kept: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the weights of some indices, and 0 for the others."""
    import numpy as np

    only = np.zeros_like(weights)
    only[kept] = weights[kept]
    return only


def _largest(weights: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the indices of that many of the largest weights; there are more weights than that."""
    import numpy as np

    starts = np.arange(0, len(weights), _BLOCK)
    if count > len(starts):
        return np.argpartition(weights, -count)[-count:]
    # As many blocks have a weight of at least this one, so that the largest weights are not below it.
    least = np.partition(np.maximum.reduceat(weights, starts), -count)[-count]
    likely = np.flatnonzero(weights >= least)
    return likely[np.argpartition(weights[likely], -count)[-count:]]


def _nucleus(weights: NDArray[np.float32], share: float) -> NDArray[np.intp]:
    """Return the fewest indices whose weights together reach a share of the sum."""
    import numpy as np

    total = float(weights.sum())
    # All that is less likely than this can be left out together; what remains is quickly sorted.
    likely = np.flatnonzero(weights >= (1 - share) * total / len(weights))
    order = likely[np.argsort(-weights[likely], kind="stable")]
    reached = np.cumsum(weights[order], dtype=np.float64) >= share * total
    return order[: int(reached.argmax()) + 1] if reached.any() else order

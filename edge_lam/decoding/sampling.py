"""`Sampler`: chooses the next token from the model's logits, among those that the constraint allows.

In come logits, out comes a token. Greedy unless asked otherwise. A request may bring a sampler of its own, such as
`ReplaySampler`, which writes a known reply.

The settings work one after the other, in the order of Hugging Face's `generate`: logit bias, the constraint's mask,
temperature, top_k, top_p, min_p; each sees what the ones before it left.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from edge_lam.errors import BackendError, InvalidRequest

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

    def __init__(
        self,
        *,
        temperature: float = 0.0,
        top_k: int = 0,
        top_p: float = 1.0,
        min_p: float = 0.0,
        seed: int | None = None,
        logit_bias: Mapping[int, float] | None = None,
    ) -> None:
        """Check the settings and start the random numbers.

        Args:
            temperature: 0 takes the most likely token; logits are divided by anything larger.
            top_k: sample among that many of the most likely tokens; 0 among all.
            top_p: sample among the most likely tokens that together reach this probability.
            min_p: leave out what is less likely than this share of the most likely token's probability.
            seed: what the random numbers start from; by default something new every time.
            logit_bias: what to add to the logits of tokens, by their ids.

        Raises:
            InvalidRequest: a setting is out of its range.
        """
        if not _is_number(temperature) or not 0 <= temperature < math.inf:
            raise InvalidRequest(
                f"temperature must be a number of at least 0, not {temperature!r}", param="temperature"
            )
        if not _is_number(top_p) or not 0 < top_p <= 1:
            raise InvalidRequest(f"top_p must be a number above 0, at most 1, not {top_p!r}", param="top_p")
        if not _is_number(min_p) or not 0 <= min_p <= 1:
            raise InvalidRequest(f"min_p must be a number from 0 to 1, not {min_p!r}", param="min_p")
        for name, value in (("top_k", top_k), ("seed", 0 if seed is None else seed)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise InvalidRequest(f"{name} must be a whole number of at least 0, not {value!r}", param=name)
        self._temperature, self._top_k, self._top_p, self._min_p = temperature, top_k, top_p, min_p
        self._bias = dict(logit_bias or {})
        self.seed = None
        if temperature > 0:
            import numpy as np

            self.seed = secrets.randbits(32) if seed is None else seed
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
        best = int(logits.argmax())
        if not math.isfinite(logits[best]):
            raise BackendError("the model computed no usable logits", hint="the model file may be damaged")
        # What the model wants most is nearly always allowed: asking about one token spares the whole mask.
        if self._temperature == 0 and constraint.allows(best):
            return best
        allowed = constraint.allowed()
        if self._temperature:
            return self._sample(logits, allowed)
        return best if allowed is None else int(allowed[logits[allowed].argmax()])

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
        factor = np.float32(min(1 / self._temperature, _LARGEST))
        with np.errstate(over="ignore"):  # -inf is right: a weight of 0
            weights = np.exp((candidates - candidates.max()) * factor)
        if 0 < self._top_k < len(weights):
            weights = _only(weights, _largest(weights, self._top_k))
        if self._top_p < 1:
            weights = _only(weights, _nucleus(weights, self._top_p))
        if self._min_p > 0:
            weights[weights < self._min_p] = 0  # the most likely one weighs 1
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
        """Spend the time of a choice, and return the known token.

        Raises:
            InvalidRequest: the known reply is at its end, but another choice is asked for.
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


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

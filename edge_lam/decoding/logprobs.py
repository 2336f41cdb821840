"""`TokenLogprob`: how likely the model found a token of a reply, and which others it found likely.

In come logits, out come natural logarithms of probabilities: those of the model's own distribution, the softmax of its
logits as they are, before logit_bias, the constraint's mask, temperature, top_k, top_p and min_p.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from edge_lam.errors import UnusableLogits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.decoding.vocabulary import Vocabulary

Origin: TypeAlias = Literal["sampled", "forced", "draft", "prompt"]


@dataclass(frozen=True, slots=True)
class TopLogprob:
    """A token that the model found likely.

    Attributes:
        id: of the token.
        bytes: what it stands for; maybe part of a character.
        logprob: natural logarithm of its probability.
    """

    id: int
    bytes: bytes
    logprob: float

    @property
    def token(self) -> str:
        """What it stands for as text; bytes that are no whole character are U+FFFD."""
        return self.bytes.decode(errors="replace")

    def to_openai(self) -> dict[str, Any]:
        """Return the OpenAI form."""
        return {"token": self.token, "logprob": self.logprob, "bytes": list(self.bytes)}


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token of a reply, or of its prompt.

    Attributes:
        id: of the token.
        bytes: what it adds to the reply; maybe part of a character.
        logprob: natural logarithm of its probability; None if it was forced, or the first of a prompt: the model was
            not asked.
        origin: "sampled" from the model's logits, "forced" by the grammar, a "draft" that the model confirmed, or of
            the "prompt".
        top: the most likely tokens at its place, as many as were requested, the most likely first; the token itself
            need not be among them. Empty if it was forced.
    """

    id: int
    bytes: bytes
    logprob: float | None
    origin: Origin
    top: tuple[TopLogprob, ...] = ()

    @property
    def token(self) -> str:
        """What it adds as text; bytes that are no whole character are U+FFFD."""
        return self.bytes.decode(errors="replace")

    def to_openai(self) -> dict[str, Any]:
        """Return the OpenAI form: clients compute with it, so a forced token has a logprob of 0, and is marked."""
        is_forced = self.origin == "forced"
        told = {
            "token": self.token,
            "logprob": 0.0 if is_forced else self.logprob,
            "bytes": list(self.bytes),
            "top_logprobs": [top.to_openai() for top in self.top],
        }
        return {**told, "forced": True} if is_forced else told


def openai_logprobs(tokens: Iterable[TokenLogprob]) -> dict[str, Any]:
    """Return the logprobs of a choice in OpenAI's form."""
    return {"content": [token.to_openai() for token in tokens], "refusal": None}


def unusable_logits() -> UnusableLogits:
    """Return the error for logits that are no numbers."""
    return UnusableLogits("the model computed no usable logits", hint="the model file may be damaged")


def log_of_sum(logits: NDArray[np.float32]) -> float:
    """Return the logarithm of the sum of what the logits, shape (n_vocab,), are the logarithms of.

    Raises:
        BackendError: the logits are no numbers.
    """
    import numpy as np

    largest = logits.max()
    if not math.isfinite(largest):
        raise unusable_logits()
    return float(largest) + float(np.log(np.exp(logits - largest).sum()))


def most_likely(
    logits: NDArray[np.float32], total: float, count: int, vocabulary: Vocabulary
) -> tuple[TopLogprob, ...]:
    """Return the most likely tokens, the most likely first; of equally likely ones that with the lower id.

    Args:
        logits: shape (n_vocab,).
        total: their `log_of_sum`.
        count: how many tokens.
        vocabulary: says what they stand for.
    """
    import numpy as np

    if not count:
        return ()
    least = np.partition(logits, -count)[-count] if count < len(logits) else logits.min()
    likely = np.flatnonzero(logits >= least)
    best = likely[np.argsort(-logits[likely], kind="stable")][:count].tolist()
    return tuple(TopLogprob(token, vocabulary.text(token), float(logits[token]) - total) for token in best)

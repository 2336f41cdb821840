"""`LiveSequence`: which tokens a context holds, so that the next prompt starts where it first differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.llama import Context


class LiveSequence:
    """The tokens in a context.

    Whatever interrupts it (Ctrl-C, an error), `tokens` stays a beginning of what the context holds: tokens are noted
    after they are decoded, and struck out before they are forgotten.

    Attributes:
        context: where the tokens are.
        tokens: the ids, from position 0 on.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.tokens: list[int] = []

    def reuse(self, prompt: Sequence[int]) -> int:
        """Keep what is also the beginning of a prompt and forget the rest.

        Returns:
            How many tokens were kept; at most all but the last of the prompt, which has to give logits.
        """
        kept = 0
        for held, wanted in zip(self.tokens, prompt[:-1], strict=False):
            if held != wanted:
                break
            kept += 1
        del self.tokens[kept:]
        self.context.truncate(kept)
        return kept

    def extend(self, tokens: Sequence[int]) -> int:
        """Decode more tokens, with logits after the last, and return the number of passes."""
        passes = self.context.decode(tokens, start=len(self.tokens))
        self.tokens.extend(tokens)
        return passes

    def logits(self) -> NDArray[np.float32]:
        """Return the logits after the last token, shape (n_vocab,); valid until the next `extend`."""
        return self.context.logits()

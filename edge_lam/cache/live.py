"""`LiveSequence`: which tokens a context holds, so that the next prompt starts where it first differs.

Behind it, if there is a store, are the prefixes of earlier calls and earlier processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from edge_lam.errors import BackendError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.cache.store import PrefixStore
    from edge_lam.llama import Context


class LiveSequence:
    """The tokens in a context.

    Whatever interrupts it (Ctrl-C, an error), `tokens` stays a beginning of what the context holds: tokens are noted
    after they are decoded, and struck out before they are forgotten.

    Attributes:
        context: where the tokens are.
        store: where prefixes are kept, or None.
        tokens: the ids, from position 0 on.
    """

    WORTH_STORING = 64  # tokens: reading fewer takes no longer than finding them

    def __init__(self, context: Context, store: PrefixStore | None = None) -> None:
        self.context = context
        self.store = store
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
        self.keep(kept)
        return kept

    def restore(self, prompt: Sequence[int]) -> int:
        """Put the longest stored prefix of a prompt in the place of what is held, if that saves reading.

        Returns:
            How many tokens are held now because of it; 0 if nothing stored is longer than what is held.
        """
        held = len(self.tokens)
        if self.store is None or len(prompt) - held < self.WORTH_STORING:
            return 0
        prefix = self.store.find(prompt, longer_than=held + self.WORTH_STORING)
        if prefix is None:
            return 0
        self.tokens = []
        try:
            restored = self.context.restore(prefix.state)
        except BackendError:  # written by a build that says it is this one: a miss
            return 0
        if restored != len(prefix.tokens):
            self.context.truncate(0)
            return 0
        self.tokens = prefix.tokens.tolist()
        return restored

    def save(self) -> None:
        """Store what is held as a prefix, if it is long enough to be worth it and not stored yet."""
        if self.store and len(self.tokens) >= self.WORTH_STORING and not self.store.has(self.tokens):
            self.store.save(self.tokens, self.context.state())

    def extend(self, tokens: Sequence[int], logits: Literal["last"] | Sequence[int] = "last") -> int:
        """Decode more tokens and return the number of passes.

        Args:
            tokens: at least one.
            logits: after which of them `logits()` will be there, by their indices.
        """
        passes = self.context.decode(tokens, start=len(self.tokens), logits=logits)
        self.tokens.extend(tokens)
        return passes

    def keep(self, length: int) -> None:
        """Forget the tokens from `length` on."""
        del self.tokens[length:]
        self.context.truncate(length)

    def logits(self, row: int = -1) -> NDArray[np.float32]:
        """Return logits of the last `extend`, shape (n_vocab,); valid until the next one."""
        return self.context.logits(row)

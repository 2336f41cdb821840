"""`LiveSequence`: which tokens a context holds, so that the next prompt starts where it first differs.

Behind it, if there is a store, are the prefixes of earlier calls and earlier processes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from edge_lam.errors import BackendError
from edge_lam.llama import Part

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
        index: the number of the sequence in the context.
        first_row: where its logits begin among those of the last pass.
        unsaved: says how many of some tokens the next turn of a conversation begins with; None if no conversation is to
            be stored.
    """

    WORTH_STORING = 64  # tokens: reading fewer takes no longer than finding them

    def __init__(self, context: Context, store: PrefixStore | None = None, index: int = 0) -> None:
        self.context = context
        self.store = store
        self.tokens: list[int] = []
        self.index = index
        self.first_row = 0
        self.unsaved: Callable[[Sequence[int]], int] | None = None

    def shared(self, prompt: Sequence[int]) -> int:
        """Return how many tokens of what is held a prompt begins with; all but its last, which has to give logits."""
        return common_length(self.tokens, prompt[:-1])

    def reuse(self, prompt: Sequence[int]) -> int:
        """Keep what is also the beginning of a prompt and forget the rest.

        Returns:
            How many tokens were kept; at most all but the last of the prompt, which has to give logits.
        """
        kept = self.shared(prompt)
        self.keep(kept)
        return kept

    def copy(self, other: LiveSequence, length: int) -> None:
        """Hold the first tokens of another sequence, and nothing else; they share the memory."""
        self.tokens = []
        self.context.copy(other.index, self.index, length)
        self.tokens = other.tokens[:length]

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
            restored = self.context.restore(prefix.state, sequence=self.index)
        except BackendError:  # written by a build that says it is this one: a miss
            return 0
        if restored != len(prefix.tokens):
            self.context.truncate(0, sequence=self.index)
            return 0
        self.tokens = prefix.tokens.tolist()
        return restored

    def state(self) -> NDArray[np.uint8]:
        """Return a copy of the keys and values, as `Context.state` gives them."""
        return self.context.state(sequence=self.index)

    def save(self) -> None:
        """Store what is held as a prefix, if it is long enough to be worth it and not stored yet."""
        if self.store and len(self.tokens) >= self.WORTH_STORING and not self.store.has(self.tokens):
            self.store.save(self.tokens, self.state())

    def save_conversation(self) -> None:
        """Store what the next turn of the conversation begins with, if that is worth it, and forget what follows."""
        count, self.unsaved = self.unsaved, None
        if self.store is None or count is None:
            return
        length = count(self.tokens)
        if length >= self.store.longest(self.tokens[:length]) + self.WORTH_STORING:
            self.keep(length)
            self.store.save(self.tokens, self.state(), kind="conversation")

    def extend(self, tokens: Sequence[int], logits: Literal["last"] | Sequence[int] = "last") -> int:
        """Decode more tokens and return the number of passes.

        Args:
            tokens: at least one.
            logits: after which of them `logits()` will be there, by their indices.
        """
        passes = self.context.decode(tokens, start=len(self.tokens), logits=logits, sequence=self.index)
        self.tokens.extend(tokens)
        self.first_row = 0
        return passes

    def part(self, tokens: Sequence[int], rows: Sequence[int]) -> Part:
        """Return more tokens as a part of a pass; when it is through, `took` notes it."""
        return Part(self.index, tokens, len(self.tokens), rows)

    def took(self, tokens: Sequence[int], first_row: int) -> None:
        """Note that a pass with more tokens is through.

        Args:
            tokens: as in `part`.
            first_row: how many rows of logits the parts before it had.
        """
        self.tokens.extend(tokens)
        self.first_row = first_row

    def keep(self, length: int) -> None:
        """Forget the tokens from `length` on."""
        del self.tokens[length:]
        self.context.truncate(length, sequence=self.index)

    def logits(self, row: int = -1) -> NDArray[np.float32]:
        """Return logits of the last pass, shape (n_vocab,); valid until the next one."""
        return self.context.logits(row if row < 0 else self.first_row + row)


def common_length(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens both begin with."""
    length = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        length += 1
    return length

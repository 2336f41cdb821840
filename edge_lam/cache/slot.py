"""`Slot`: one sequence of a context, and which tokens it holds, so that the next prompt starts where it first differs.

Behind it, if there is a store, are the prefixes of earlier calls and earlier processes. `Slots` are those of a context.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edge_lam._util.debug import reason
from edge_lam.cache.fingerprint import state_key
from edge_lam.errors import BackendError
from edge_lam.llama import Part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.cache.store import PrefixStore
    from edge_lam.llama import Context

logger = logging.getLogger("edge_lam.cache")

MIN_PREFIX = 64  # tokens: reading fewer takes no longer than finding them


@dataclass(frozen=True, slots=True)
class PrefixMatch:
    """How a slot begins a prompt.

    Attributes:
        n_held: tokens of the prompt that it holds.
        n_restored: how many of them came from a stored prefix.
        checkpoint: where what is held is to be stored, for others; 0 for nowhere.
        outcome: "hit" if the prompt's static tokens need not be read, "miss: " and why, or "" if they are too few to be
            stored, or nothing is.
    """

    n_held: int
    n_restored: int = 0
    checkpoint: int = 0
    outcome: str = ""


class Slot:
    """The tokens in one sequence of a context.

    Whatever interrupts it (Ctrl-C, an error), `tokens` stays a beginning of what the context holds: tokens are noted
    after they are decoded, and struck out before they are forgotten.

    Attributes:
        context: where the tokens are.
        adapter: the name of the adapters that they are computed with.
        store: where prefixes of these are kept, or None.
        tokens: the ids, from position 0 on.
        index: the number of the sequence in the context.
        count_next_turn: tells with how many of some tokens the next turn of a conversation begins, or None.
    """

    def __init__(self, context: Context, store: PrefixStore | None = None, index: int = 0) -> None:
        self.context = context
        self.adapter = ""
        self.store = store
        self.tokens: list[int] = []
        self.index = index
        self.count_next_turn: Callable[[Sequence[int]], int] | None = None

    def shared(self, prompt: Sequence[int]) -> int:
        """Return how many tokens of what is held a prompt begins with; all but its last, which has to give logits."""
        return common_length(self.tokens, prompt[:-1])

    def match_prefix(self, prompt: Sequence[int], n_static: int) -> PrefixMatch:
        """Hold what is known of the beginning of a prompt, and nothing else.

        Args:
            prompt: at least one token.
            n_static: how many of its tokens others will share; 0 if that is not to be stored.
        """
        n_held, n_static = self.reuse(prompt), min(n_static, len(prompt) - 1)
        if self.store is None or n_static < MIN_PREFIX:
            return PrefixMatch(n_held)
        n_restored = self.restore(prompt)
        n_held = len(self.tokens)
        if n_static < n_held + MIN_PREFIX:
            return PrefixMatch(n_held, n_restored, outcome="hit")
        return PrefixMatch(n_held, n_restored, n_static, f"miss: {self.store.miss_reason(prompt)}")

    def reuse(self, prompt: Sequence[int]) -> int:
        """Keep what is also the beginning of a prompt and forget the rest.

        Returns:
            How many tokens were kept; at most all but the last of the prompt, which has to give logits.
        """
        kept = self.shared(prompt)
        self.keep(kept)
        return kept

    def copy(self, other: Slot, length: int) -> None:
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
        if self.store is None or len(prompt) - held < MIN_PREFIX:
            return 0
        prefix = self.store.find(prompt, longer_than=held + MIN_PREFIX)
        if prefix is None:
            return 0
        self.tokens = []
        try:
            restored = self.context.restore(prefix.state, sequence=self.index)
        except BackendError as error:  # written by a build that says it is this one, or by nobody who means well
            logger.debug("a stored prefix is not used: %s", reason(error))
            restored = 0
        if restored != len(prefix.tokens):  # a miss, which would be one each time
            logger.debug("a stored prefix of %d tokens gave %d, and is dropped", len(prefix.tokens), restored)
            self.context.truncate(0, sequence=self.index)
            self.store.drop(prefix)
            return 0
        self.tokens = prefix.tokens.tolist()
        return restored

    def state(self) -> NDArray[np.uint8]:
        """Return a copy of the keys and values, shape (bytes,), as `Context.state` gives them.

        Raises:
            BackendError: llama.cpp can't copy them.
        """
        return self.context.state(sequence=self.index)

    def save(self) -> None:
        """Store what is held as a prefix, if it is long enough to be worth it and not stored yet."""
        if self.store and len(self.tokens) >= MIN_PREFIX and not self.store.has(self.tokens):
            self.store.save(self.tokens, self.state())

    def save_conversation(self) -> None:
        """Store what the next turn of the conversation begins with, if that is worth it, and forget what follows."""
        count, self.count_next_turn = self.count_next_turn, None
        if self.store is None or count is None:
            return
        length = count(self.tokens)
        if length >= self.store.longest(self.tokens[:length]) + MIN_PREFIX:
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
        return passes

    def part(self, tokens: Sequence[int], rows: Sequence[int]) -> Part:
        """Return more tokens as a part of a pass, with logits after some of them; `append` notes that it is through."""
        return Part(self.index, tokens, len(self.tokens), rows)

    def append(self, tokens: Sequence[int]) -> None:
        """Note that a pass with more tokens is through."""
        self.tokens.extend(tokens)

    def keep(self, length: int) -> None:
        """Forget the tokens from `length` on."""
        del self.tokens[length:]
        self.context.truncate(length, sequence=self.index)

    def logits(self, row: int = -1) -> NDArray[np.float32]:
        """Return logits after tokens of the last `extend`, shape (n_vocab,); valid until the next pass."""
        return self.context.logits(row)


class Slots:
    """The slots of one context; those that are free keep what they hold for prompts that begin with it.

    Args:
        context: the context.
        store: where prefixes are kept, or None; those of each adapter have one of their own beside it.
    """

    def __init__(self, context: Context, store: PrefixStore | None = None) -> None:
        self._store = store
        named = filter(None, context.adapters)
        self._stores = {name: store and store.sibling(state_key(context, name)) for name in named} | {"": store}
        self.all = tuple(Slot(context, store, index) for index in range(context.n_sequences))
        self._free = list(self.all)  # the least recently used first

    @property
    def n_free(self) -> int:
        """How many are free."""
        return len(self._free)

    def take(self, prompt: Sequence[int], running: Sequence[Sequence[int]], adapter: str = "") -> Slot | None:
        """Take a free slot for a prompt, holding what another one has read of it already.

        Args:
            prompt: at least one token.
            running: the prompts on taken slots that are read with the same adapters.
            adapter: the name of those adapters; what others computed is of no use.

        Returns:
            The slot; None if none is free, or one that is taken will soon hold much more of the prompt: it is better
            to wait.
        """
        if not self._free:
            return None
        known = {slot: slot.shared(prompt) if slot.adapter == adapter else 0 for slot in self.all}
        best = max(self.all, key=lambda slot: (known[slot], slot in self._free))
        shared = known[best]
        soon = max((common_length(other, prompt[:-1]) for other in running), default=0)
        if soon >= shared + MIN_PREFIX:
            return None
        target = best if best in self._free else self._free[0]
        # A conversation that only begins like the prompt may go on: its slot is left alone while others are free.
        if 2 * shared < len(best.tokens):
            target = self._free[0]
        self._free.remove(target)
        if target.adapter != adapter:
            target.keep(0)
            target.adapter, target.store = adapter, self._stores[adapter]
        if target is not best and shared > known[target]:
            target.copy(best, shared)
        return target

    def give_back(self, slot: Slot) -> None:
        """Let other prompts have a slot."""
        self._free.append(slot)

    def clear(self) -> None:
        """Forget what all hold, down to the bytes; none may be taken."""
        for slot in self.all:
            slot.tokens, slot.count_next_turn = [], None
        self.all[0].context.clear()

    def unsaved(self) -> list[Slot]:
        """Return the slots with conversations that are to be stored."""
        is_wanted = self._store is not None and self._store.conversations
        return [slot for slot in self.all if slot.count_next_turn] if is_wanted else []

    def drop_prefixes(self) -> None:
        """Forget what is kept of prompts in memory, apart from the slots."""
        for store in self._stores.values():
            if store:
                store.clear()


def common_length(first: Iterable[int], second: Iterable[int]) -> int:
    """Return how many tokens both begin with."""
    length = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        length += 1
    return length

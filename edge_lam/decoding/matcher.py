"""Where a reply is in a grammar: what the engines of grammars have in common.

There are two: llguidance, which knows all tokens that may come and those that have to, and llama.cpp's own, for where
it can't be had.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.schema.guidance import EngineName


class Matcher(Protocol):
    """A reply on its way through a grammar. For one thread at a time."""

    @property
    def is_finished(self) -> bool:
        """Whether only the end of the turn can follow.

        Raises:
            InvalidRequest: the grammar is beyond the engine's limits.
        """

    def forced(self) -> list[int]:
        """Return the tokens that must come next, as the model itself would spell them."""

    def allows(self, token: int) -> bool:
        """Tell whether a token may come next."""

    def allowed(self) -> NDArray[np.intp]:
        """Return the tokens that may come next, shape (tokens,), ascending and at least one.

        Raises:
            InvalidRequest: the grammar is beyond the engine's limits.
        """

    def best(self, logits: NDArray[np.float32]) -> int:
        """Return the likeliest token that may come next; raises as `allowed`.

        Args:
            logits: shape (n_vocab,).
        """

    def accept(self, tokens: Sequence[int]) -> None:
        """Take the next tokens.

        Raises:
            InvalidRequest: the grammar does not allow them, or is beyond the engine's limits.
        """

    def try_accept(self, token: int) -> bool:
        """Take the next token if it may come, and tell whether."""

    def fork(self) -> Matcher:
        """Return a copy, which goes its own way."""


class GrammarEngine(Protocol):
    """Makes matchers for the tokens of one model."""

    @property
    def name(self) -> EngineName:
        """Which one it is."""

    def build(self) -> None:
        """Make what all grammars need; the first one would do it too.

        Raises:
            EdgeLamError: the model's tokens can't be used.
        """

    def compile(self, grammar: str) -> Matcher:
        """Return a matcher at the beginning of a grammar, in Lark.

        Raises:
            InvalidRequest: the grammar can't be held.
        """

    def exceeded_limit(self, grammar: str) -> str | None:
        """Write something in a grammar at random, and return which limit that goes beyond; None if none.

        Args:
            grammar: one that compiles.
        """

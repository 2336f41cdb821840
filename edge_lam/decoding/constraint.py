"""What a reply may be, token by token: `Unconstrained`, or held to a grammar.

In come the tokens of the reply so far; out come the tokens that must come next and those that may. A constraint also
tells whether the reply is text or calls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from functools import wraps
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

from edge_lam.decoding.thinking import Behind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.decoding.vocabulary import Vocabulary

Kind: TypeAlias = Literal["text", "calls"]
T = TypeVar("T")


class Constraint(Protocol):
    """What one reply is held to."""

    @property
    def kind(self) -> Kind | None:
        """What the reply is, or None as long as that is open."""

    @property
    def is_binding(self) -> bool:
        """Whether the next token is limited."""

    @property
    def is_finished(self) -> bool:
        """Whether only the end of the turn can follow."""

    @property
    def thinking_end(self) -> str:
        """What closes the thinking that the prompt began; "" if the reply begins with no thinking."""

    @property
    def seconds(self) -> float:
        """Spent on what is forced and allowed, for reports."""

    def forced(self) -> list[int]:
        """Return the tokens that must come next, because there is no choice; not yet accepted."""

    def allows(self, token: int) -> bool:
        """Tell whether a token may come next."""

    def allowed(self) -> NDArray[np.intp] | None:
        """Return the tokens that may come next, shape (tokens,), ascending and at least one; None if all may."""

    def best(self, logits: NDArray[np.float32]) -> int:
        """Return the likeliest token that may come next; logits have the shape (n_vocab,)."""

    def accept(self, tokens: Sequence[int]) -> None:
        """Take the next tokens of the reply."""

    def fork(self) -> Constraint:
        """Return a copy for looking ahead: what it accepts, this one doesn't."""


class Unconstrained:
    """Any text at all.

    Args:
        thinking_end: what closes the thinking that the prompt began; "" if the reply begins with no thinking.
    """

    kind: Kind | None = "text"
    is_binding = False
    is_finished = False
    seconds = 0.0

    def __init__(self, thinking_end: str = "") -> None:
        self.thinking_end = thinking_end

    def forced(self) -> list[int]:
        """Return nothing."""
        return []

    def allows(self, token: int) -> bool:
        """Return True."""
        return True

    def allowed(self) -> NDArray[np.intp] | None:
        """Return None, in place of an array of all tokens, shape (tokens,)."""
        return None

    def best(self, logits: NDArray[np.float32]) -> int:
        """Return the likeliest of all; logits have the shape (n_vocab,)."""
        return int(logits.argmax())

    def accept(self, tokens: Sequence[int]) -> None:
        """Do nothing."""

    def fork(self) -> Unconstrained:
        """Return itself: it has no state."""
        return self


def _timed(method: Callable[..., T]) -> Callable[..., T]:
    """Add what a method takes to `seconds`."""

    @wraps(method)
    def timed(self: GrammarConstraint, *arguments: Any) -> T:
        start = perf_counter()
        try:
            return method(self, *arguments)
        finally:
            self.seconds += perf_counter() - start

    return timed


class GrammarConstraint:
    """A reply within a grammar.

    Args:
        vocabulary: the model's tokens.
        grammar: of the whole reply, in Lark.
        kind: "calls" binds the whole reply. "text" binds it until it shows a character, so that no call begins. None
            leaves the choice to the model: nothing is forced or masked until the reply goes beyond `opening` in a way
            that the grammar allows. Anything else is text, which is never constrained, so that calls are no more
            likely than the model makes them.
        opening: what calls begin with; white space may come before it.
        whole: bind the whole reply, whatever it is: the grammar says what text looks like too.
        thinking_end: what closes the thinking that the prompt began, and that the grammar begins with; what the reply
            is, is decided behind it.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        grammar: str,
        *,
        kind: Kind | None,
        opening: str = "",
        whole: bool = False,
        thinking_end: str = "",
    ) -> None:
        self.thinking_end = thinking_end
        self.kind = kind
        self.seconds = 0.0
        self.is_binding = whole or kind is not None
        self._whole = whole or kind == "calls"
        self._vocabulary = vocabulary
        self._matcher = vocabulary.matcher(grammar)
        self._opening = opening.encode()
        self._seen = b""
        self._behind = Behind(thinking_end)

    @property
    def is_finished(self) -> bool:
        """Whether only the end of the turn can follow.

        Raises:
            InvalidRequest: the schemas are beyond the engine's limits.
        """
        return self.is_binding and self._matcher.is_finished

    @_timed
    def forced(self) -> list[int]:
        """Return the tokens that must come next, as the model itself would spell them; not yet accepted."""
        return self._matcher.forced() if self.is_binding else []

    @_timed
    def allows(self, token: int) -> bool:
        """Tell whether a token may come next."""
        return not self.is_binding or self._matcher.allows(token)

    @_timed
    def allowed(self) -> NDArray[np.intp] | None:
        """Return the tokens that may come next, shape (tokens,), ascending and at least one; None if all may.

        Raises:
            InvalidRequest: the schemas are beyond the engine's limits.
        """
        return self._matcher.allowed() if self.is_binding else None

    @_timed
    def best(self, logits: NDArray[np.float32]) -> int:
        """Return the likeliest token that may come next; raises as `allowed`.

        Args:
            logits: shape (n_vocab,).
        """
        return self._matcher.best(logits) if self.is_binding else int(logits.argmax())

    @_timed
    def accept(self, tokens: Sequence[int]) -> None:
        """Take the next tokens of the reply.

        Raises:
            InvalidRequest: the grammar does not allow them, or the schemas are beyond the engine's limits.
        """
        if self.is_binding:
            self._matcher.accept(tokens)
            if not self._whole:
                self.is_binding = not self._see(tokens)
            elif self.kind is None:
                seen = self._see(tokens)
                if len(seen) >= len(self._opening) or not self._opening.startswith(seen):
                    self.kind = "calls" if seen.startswith(self._opening) else "text"
        elif self.kind is None:
            self._choose(tokens)

    def fork(self) -> GrammarConstraint:
        """Return a copy for looking ahead: what it accepts, this one doesn't."""
        twin = copy(self)
        twin._matcher = self._matcher.fork()
        twin._behind = copy(self._behind)
        return twin

    def _choose(self, tokens: Sequence[int]) -> None:
        """Find out what the model began."""
        fits = self._consume(tokens)
        seen = self._see(tokens)
        if fits and self._opening.startswith(seen):
            return
        self.kind = "calls" if fits and seen.startswith(self._opening) else "text"
        self._whole = self.is_binding = self.kind == "calls"

    def _consume(self, tokens: Sequence[int]) -> bool:
        """Let the grammar take tokens, and tell whether it could. A token that no text is made of may be thought."""
        behind = copy(self._behind)
        for token in tokens:
            was_thinking = behind.is_thinking
            behind.add(self._vocabulary.text(token))
            if not self._matcher.try_accept(token) and not (was_thinking and behind.is_thinking):
                return False
        return True

    def _see(self, tokens: Sequence[int]) -> bytes:
        """Return what the reply shows so far behind its thinking, without white space before it."""
        self._seen += self._behind.add(b"".join(map(self._vocabulary.text, tokens)))
        return self._seen.lstrip(b" \t\r\n")

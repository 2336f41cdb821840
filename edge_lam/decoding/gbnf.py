"""llama.cpp's own grammars as an engine, for where llguidance can't be had.

They are queried for single tokens, since they take milliseconds for a whole vocabulary: what the model wants most is
nearly always allowed, else one of the next. Where all have to be known, the first byte of most tokens rules them out.
No token is forced. What a grammar of this kind can't hold of a schema is left to the check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from edge_lam.decoding.guidance import cannot_hold
from edge_lam.errors import InvalidRequest
from edge_lam.llama.pieces import SPECIAL, marked_pieces
from edge_lam.llama.token_grammar import TokenGrammar
from edge_lam.schema.gbnf import UnreadableError, UnsatisfiableError, gbnf_text, read_lark, takes_too_much
from edge_lam.schema.gbnf.nodes import START, TokenRef, concat, optional
from edge_lam.schema.guidance import Complaint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.llama import Model
    from edge_lam.schema.guidance import EngineName

_NEXT_BEST = 64


@dataclass(frozen=True, eq=False)
class _Tokens:
    """The tokens of a vocabulary, by what they begin with.

    Attributes:
        is_text: of each token, whether it is text; a control token counts as its name to llama.cpp, and is none.
        first: of each token, its first byte.
        probes: of each first byte one token, the byte alone; or all with that byte where there is no such token.
        ends: those that end a reply.
    """

    is_text: NDArray[np.bool_]
    first: NDArray[np.uint8]
    probes: NDArray[np.intp]
    ends: frozenset[int]


class GbnfEngine:
    """Compiles grammars with llama.cpp.

    Args:
        model: whose tokens.
        ends: those that end a reply.
    """

    name: EngineName = "gbnf"

    def __init__(self, model: Model, ends: frozenset[int]) -> None:
        self._model, self._ends = model, ends

    @cached_property
    def _tokens(self) -> _Tokens:
        import numpy as np

        pieces = marked_pieces(self._model.vocab)
        is_text = np.array([bool(piece) and not piece.startswith(SPECIAL) for piece in pieces])
        is_text[list(self._ends)] = False
        first = np.array([piece[0] if piece else 0 for piece in pieces], dtype=np.uint8)
        is_byte = np.array([len(piece) == 1 for piece in pieces]) & is_text
        single = {int(first[token]): int(token) for token in np.flatnonzero(is_byte)}
        others = [token for token in np.flatnonzero(is_text) if int(first[token]) not in single]
        probes = np.array(sorted([*single.values(), *map(int, others)]), dtype=np.intp)
        return _Tokens(is_text, first, probes, self._ends)

    def build(self) -> None:
        """Read the vocabulary."""
        _ = self._tokens

    def compile(self, grammar: str) -> GbnfMatcher:
        """Return a matcher at the beginning of a grammar.

        Raises:
            InvalidRequest: nothing fits it, or it can't be read.
        """
        try:
            read = read_lark(grammar)
        except UnreadableError as error:
            reason = error.complaint.value
        except UnsatisfiableError:  # it has no more to say
            reason = Complaint.NOTHING_FITS.value
        else:
            # llama.cpp may not know our token for an end: then it is one that the grammar names.
            end = TokenRef(min(self._ends))
            rules = {**read.rules, START: concat(read.rules[START], optional(end))}
            return GbnfMatcher(TokenGrammar(self._model, gbnf_text(rules)), self._tokens, frozenset(read.tokens))
        raise InvalidRequest(f"the tools can't be enforced: {reason}", param="tools")

    def exceeded_limit(self, grammar: str) -> str | None:
        """Write something in a grammar at random, and tell whether there are too many ways through it at a time."""
        try:
            return Complaint.TOO_MUCH_WORK.value if takes_too_much(read_lark(grammar).rules) else None
        except UnreadableError as error:
            return error.complaint.value


class GbnfMatcher:
    """A reply on its way through a grammar of llama.cpp; see `Matcher`."""

    def __init__(self, grammar: TokenGrammar, tokens: _Tokens, special: frozenset[int]) -> None:
        self._grammar, self._tokens, self._special = grammar, tokens, special

    @property
    def is_finished(self) -> bool:
        """Whether only the end of the turn can follow."""
        return self._may_end and not self._grammar.allowed_of([*self._tokens.probes, *self._special]).any()

    @property
    def _may_end(self) -> bool:
        return self._grammar.allows(min(self._tokens.ends))

    def forced(self) -> list[int]:
        """Return nothing."""
        return []

    def allows(self, token: int) -> bool:
        """Tell whether a token may come next."""
        if token in self._tokens.ends:
            return self._may_end
        return self._may_come(token) and self._grammar.allows(token)

    def _may_come(self, token: int) -> bool:
        return token in self._special or bool(self._tokens.is_text[token])

    def allowed(self) -> NDArray[np.intp]:
        """Return the tokens that may come next, shape (tokens,); errors are those of `Matcher`."""
        import numpy as np

        tokens, bytes_ = self._tokens, np.zeros(256, dtype=np.bool_)
        bytes_[tokens.first[tokens.probes[self._grammar.allowed_of(tokens.probes)]]] = True
        likely = np.union1d(np.flatnonzero(bytes_[tokens.first] & tokens.is_text), sorted(self._special)).astype(
            np.intp
        )
        found = likely[self._grammar.allowed_of(likely)]
        if self._may_end:
            found = np.union1d(found, np.array(sorted(tokens.ends), dtype=np.intp))
        if not len(found):
            raise cannot_hold("no token is allowed")
        return found

    def best(self, logits: NDArray[np.float32]) -> int:
        """Return the likeliest token that may come next; logits have the shape (n_vocab,)."""
        import numpy as np

        best = int(logits.argmax())
        if self.allows(best):
            return best
        likely = np.argpartition(logits, -min(_NEXT_BEST, len(logits)))[-_NEXT_BEST:]
        for token in likely[np.argsort(-logits[likely], kind="stable")]:
            if self.allows(int(token)):
                return int(token)
        allowed = self.allowed()
        return int(allowed[logits[allowed].argmax()])

    def accept(self, tokens: Sequence[int]) -> None:
        """Take the next tokens."""
        for token in tokens:
            if not self.try_accept(token):
                raise cannot_hold(Complaint.NOT_ALLOWED.value)

    def try_accept(self, token: int) -> bool:
        """Take the next token if it may come."""
        return self._may_come(token) and self._grammar.accept(token)

    def fork(self) -> GbnfMatcher:
        """Return a copy."""
        return GbnfMatcher(self._grammar.fork(), self._tokens, self._special)

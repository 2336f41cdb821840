"""llguidance as an engine of grammars: whole masks in a fraction of a millisecond, and tokens that are forced."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from edge_lam._util.addresses import check_addresses
from edge_lam.decoding.tokenizer import TokenizerAhead, make_tokenizer
from edge_lam.errors import InvalidRequest
from edge_lam.schema.guidance import Complaint, read_message

if TYPE_CHECKING:
    import numpy as np
    from llguidance import LLMatcher, LLTokenizer
    from numpy.typing import NDArray

    from edge_lam.llama import Model
    from edge_lam.schema.guidance import EngineName

_TRIAL_MASKS = 32
_TRIAL_STATES, _TRIAL_ITEMS = 25_000, 20_000  # of the lexer and the parser
_LONGEST_FORCED = 10_000
_ADDRESSES, _ADDRESSES_BY_CHARACTER = 12 << 20, 150  # bytes; of 294,000 characters 33 MiB were measured


class GuidanceEngine:
    """Compiles grammars with llguidance.

    Args:
        model: whose tokens.
        ends: those that end a reply.
        ahead: what builds the tokenizer already.
    """

    name: EngineName = "llguidance"

    def __init__(self, model: Model, ends: frozenset[int], ahead: TokenizerAhead | None = None) -> None:
        self._model, self._ends, self._ahead = model, ends, ahead

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        """The vocabulary as llguidance sees it, built once."""
        return self._ahead.result(self._model) if self._ahead else make_tokenizer(self._model, self._ends)

    def build(self) -> None:
        """Build the tokenizer."""
        _ = self._tokenizer

    def compile(self, grammar: str) -> GuidanceMatcher:
        """Return a matcher at the beginning of a grammar.

        Raises:
            InvalidRequest: llguidance can't compile it.
            InsufficientMemory: too few addresses are left for it.
        """
        check_addresses(_ADDRESSES + len(grammar) * _ADDRESSES_BY_CHARACTER, "the grammar of the tools")
        from llguidance import LLMatcher

        compiled = LLMatcher(self._tokenizer, grammar, log_level=0)
        if compiled.is_error():
            complaint = read_message(compiled.get_error()) or Complaint.OTHER
            raise InvalidRequest(f"the tools can't be enforced: {complaint.value}", param="tools")
        return GuidanceMatcher(compiled, self._model.n_vocab)

    def exceeded_limit(self, grammar: str) -> str | None:
        """Write something in a grammar at random, and return which limit that goes beyond; None if none.

        What a grammar costs shows only when masks are computed. The first ones have to do with tighter limits than
        usual, so that there is room for those of a whole reply.
        """
        import numpy as np
        from llguidance import LLMatcher, LLParserLimits

        limits = LLParserLimits(max_lexer_states=_TRIAL_STATES, step_max_items=_TRIAL_ITEMS)
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0, limits=limits)
        choices = random.Random(0)
        for _ in range(_TRIAL_MASKS):
            if len(forced := matcher.compute_ff_tokens()) > _LONGEST_FORCED:
                return f"it leaves no choice for {len(forced)} tokens"
            matcher.consume_tokens(forced)
            bits = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
            if matcher.is_stopped():
                break
            matcher.consume_token(int(choices.choice(np.unpackbits(bits, bitorder="little").nonzero()[0])))
        complaint = read_message(matcher.get_error()) if matcher.is_error() else None
        return complaint.value if complaint else None


class GuidanceMatcher:
    """A reply on its way through a grammar of llguidance; see `Matcher`."""

    def __init__(self, matcher: LLMatcher, n_vocab: int) -> None:
        self._matcher, self._n_vocab = matcher, n_vocab

    @property
    def is_finished(self) -> bool:
        """Whether only the end of the turn can follow."""
        if not self._matcher.is_stopped():
            return False
        if self._matcher.is_error():
            raise self._failure()
        return True

    def forced(self) -> list[int]:
        """Return the tokens that must come next."""
        return self._matcher.compute_ff_tokens()

    def allows(self, token: int) -> bool:
        """Tell whether a token may come next."""
        return self._matcher.validate_tokens([token]) == 1

    def allowed(self) -> NDArray[np.intp]:
        """Return the tokens that may come next, shape (tokens,); errors are those of `Matcher`."""
        import numpy as np

        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        flags = np.unpackbits(bits, count=self._n_vocab, bitorder="little")
        tokens = np.flatnonzero(flags.view(np.bool_))
        if self._matcher.is_error() or not len(tokens):
            raise self._failure()
        return tokens

    def best(self, logits: NDArray[np.float32]) -> int:
        """Return the likeliest token that may come next; logits have the shape (n_vocab,)."""
        # What the model wants most is nearly always allowed: asking about one token spares the whole mask.
        best = int(logits.argmax())
        if self.allows(best):
            return best
        allowed = self.allowed()
        return int(allowed[logits[allowed].argmax()])

    def accept(self, tokens: Sequence[int]) -> None:
        """Take the next tokens."""
        if not self._matcher.consume_tokens(list(tokens)):
            raise self._failure()

    def try_accept(self, token: int) -> bool:
        """Take the next token if it may come."""
        return self._matcher.try_consume_tokens([token]) == 1

    def fork(self) -> GuidanceMatcher:
        """Return a copy."""
        return GuidanceMatcher(self._matcher.deep_copy(), self._n_vocab)

    def _failure(self) -> InvalidRequest:
        complaint = read_message(self._matcher.get_error())
        return cannot_hold(complaint.value if complaint else "no token is allowed")


def cannot_hold(reason: str) -> InvalidRequest:
    """Return the error for a reply that is beyond its grammar."""
    return InvalidRequest(
        f"the reply can't be held to the tools: {reason}", hint="simplify their schemas", param="tools"
    )

"""`Vocabulary`: the tokens of one model, as text and as llguidance needs them. Knows nothing of grammars in use."""

from __future__ import annotations

import logging
import random
import threading
from collections import OrderedDict
from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING

from edge_lam.debug import suppressed
from edge_lam.decoding.tokenizer import TokenizerAhead, end_tokens, make_tokenizer
from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam.llama import GGUFArray
from edge_lam.schema.guidance import Complaint, read_message

if TYPE_CHECKING:
    import numpy as np
    from llguidance import LLMatcher, LLTokenizer
    from numpy.typing import NDArray

    from edge_lam.llama import Model

logger = logging.getLogger("edge_lam.decoding")

_CONTROL_TOKEN, _USER_DEFINED_TOKEN = 3, 4  # tokenizer.ggml.token_type
_KEPT_GRAMMARS = 16
_KEPT_TRIALS = 256
_TRIAL_MASKS = 32
_TRIAL_STATES, _TRIAL_ITEMS = 25_000, 20_000  # of the lexer and the parser
_LONGEST_FORCED = 10_000


class Vocabulary:
    """The tokens of one model; valid until the model is closed.

    Attributes:
        model: whose tokens.
        end_tokens: those that end a reply.

    Args:
        model: whose tokens.
        end_of_turn: the text of a token that ends a reply, whatever the model's file says of it; "" for none.
        marks: the texts of control tokens that say how a reply is to be read, and are part of its text for that.
        ahead: what builds the tokenizer already.
    """

    def __init__(
        self,
        model: Model,
        end_of_turn: str = "",
        *,
        marks: Collection[str] = (),
        ahead: TokenizerAhead | None = None,
    ) -> None:
        self.model = model
        self._marks = marks
        self.end_tokens = end_tokens(model, end_of_turn)
        self._ahead = ahead
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()
        self._tried: dict[str, str | None] = {}
        self._building: threading.Thread | None = None

    def build(self) -> None:
        """Begin to build, in the background, what grammars need; the first one waits for it."""
        self._building = threading.Thread(target=self._build, name="edge-lam-vocabulary", daemon=True)
        self._building.start()

    def _build(self) -> None:
        # Whoever asks for it next gets the error.
        with suppressed(logger, "what grammars need is not built ahead", EdgeLamError):
            _ = self._tokenizer

    def wait(self) -> None:
        """Wait until nothing is being built: the model may be closed then."""
        if self._building is not None:
            self._building.join()

    def text(self, token: int) -> bytes:
        """Return what a token adds to a reply: maybe part of a character, and nothing for most control tokens."""
        return b"" if token in self._silent_tokens else self.model.token_bytes(token)

    def special_token(self, text: str) -> int | None:
        """Return the token that a text names, if it is one that grammars can't spell, such as ``<|im_end|>``."""
        tokens = self.model.tokenize(text)
        if len(tokens) != 1 or tokens[0] >= len(self._types):
            return None
        kind = self._types[tokens[0]]
        like_one = kind == _USER_DEFINED_TOKEN and text.startswith("<") and text.endswith(">")  # as in `marked_pieces`
        return tokens[0] if kind == _CONTROL_TOKEN or like_one else None

    @cached_property
    def _types(self) -> NDArray[np.generic]:
        import numpy as np

        types = self.model.metadata.get("tokenizer.ggml.token_type")
        return types.numbers() if isinstance(types, GGUFArray) else np.empty(0, dtype=np.int32)

    @cached_property
    def _silent_tokens(self) -> frozenset[int]:
        """The control tokens that are no part of a reply's text."""
        if not len(self._types):
            return self.end_tokens
        marks = {mark.encode() for mark in self._marks}
        control: list[int] = (self._types == _CONTROL_TOKEN).nonzero()[0].tolist()
        return frozenset(token for token in control if self.model.token_bytes(token) not in marks)

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        """The vocabulary as llguidance sees it, built once."""
        return self._ahead.result(self.model) if self._ahead else make_tokenizer(self.model, self.end_tokens)

    def matcher(self, grammar: str) -> LLMatcher:
        """Return a fresh matcher of a grammar, which is compiled once.

        Raises:
            InvalidRequest: llguidance can't compile it.
        """
        from llguidance import LLMatcher

        self.wait()
        compiled = self._compiled.pop(grammar, None)
        if compiled is None:
            compiled = LLMatcher(self._tokenizer, grammar, log_level=0)
            if compiled.is_error():
                complaint = read_message(compiled.get_error()) or Complaint.OTHER
                raise InvalidRequest(f"the tools can't be enforced: {complaint.value}", param="tools")
        self._compiled[grammar] = compiled
        if len(self._compiled) > _KEPT_GRAMMARS:
            self._compiled.popitem(last=False)
        return compiled.deep_copy()

    def exceeded_limit(self, grammar: str) -> str | None:
        """Write something in a grammar at random, and return which limit that goes beyond; None if none.

        What a grammar costs shows only when masks are computed. The first ones have to do with tighter limits than
        usual, so that there is room for those of a whole reply.

        Args:
            grammar: one that compiles.
        """
        if grammar not in self._tried:
            if len(self._tried) >= _KEPT_TRIALS:
                self._tried.clear()
            self._tried[grammar] = self._try_out(grammar)
        return self._tried[grammar]

    def _try_out(self, grammar: str) -> str | None:
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

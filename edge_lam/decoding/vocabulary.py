"""`Vocabulary`: the tokens of one model, as text and as llguidance needs them. Knows nothing of grammars in use."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from functools import cached_property
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest
from edge_lam.llama import GGUFArray

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

    from edge_lam.llama import Model

_CONTROL_TOKEN = 3  # tokenizer.ggml.token_type
_KEPT_GRAMMARS = 16


class Vocabulary:
    """The tokens of one model; valid until the model is closed.

    Attributes:
        model: whose tokens.
        end_tokens: those that end a reply.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.end_tokens = model.end_tokens
        self._compiled: OrderedDict[str, LLMatcher] = OrderedDict()

    def text(self, token: int) -> bytes:
        """Return what a token adds to a reply: maybe part of a character, and nothing for control tokens."""
        return b"" if token in self._control_tokens else self.model.token_bytes(token)

    @cached_property
    def _control_tokens(self) -> frozenset[int]:
        types = self.model.metadata.get("tokenizer.ggml.token_type")
        if not isinstance(types, GGUFArray):
            return self.end_tokens
        return frozenset((types.numbers() == _CONTROL_TOKEN).nonzero()[0].tolist())

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        """The vocabulary as llguidance sees it, built once: it takes most of a second for 152,000 tokens."""
        from llguidance.llamacpp import lltokenizer_from_vocab

        first = self.model.eos_token
        ends = sorted(self.end_tokens, key=lambda token: (token != first, token))
        vocab: Any = self.model.vocab  # llama-cpp-python has a type of its own for this address
        with warnings.catch_warnings():  # it asks llama.cpp in a deprecated way, once for each token
            warnings.simplefilter("ignore", DeprecationWarning)
            return lltokenizer_from_vocab(vocab, eos_token=ends)

    def matcher(self, grammar: str) -> LLMatcher:
        """Return a fresh matcher of a grammar, which is compiled once.

        Raises:
            InvalidRequest: llguidance can't compile it.
        """
        from llguidance import LLMatcher

        compiled = self._compiled.pop(grammar, None)
        if compiled is None:
            compiled = LLMatcher(self._tokenizer, grammar, log_level=0)
            if compiled.is_error():
                reason = compiled.get_error().splitlines()[0]
                raise InvalidRequest(f"the grammar of the tools can't be compiled: {reason}", param="tools")
        self._compiled[grammar] = compiled
        if len(self._compiled) > _KEPT_GRAMMARS:
            self._compiled.popitem(last=False)
        return compiled.deep_copy()

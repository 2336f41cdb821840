"""`Vocabulary`: the tokens of one model, as text, and the grammars that are made of them."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Collection
from functools import cached_property
from typing import TYPE_CHECKING

from edge_lam._util.debug import suppressed
from edge_lam._util.extras import require
from edge_lam.decoding.guidance import GuidanceEngine
from edge_lam.decoding.tokenizer import TokenizerAhead, end_tokens
from edge_lam.errors import EdgeLamError, InvalidRequest
from edge_lam.llama import GGUFArray
from edge_lam.schema.guidance import default_engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.decoding.matcher import GrammarEngine, Matcher
    from edge_lam.llama import Model
    from edge_lam.schema.guidance import EngineName

logger = logging.getLogger("edge_lam.decoding")

_CONTROL_TOKEN, _USER_DEFINED_TOKEN = 3, 4  # tokenizer.ggml.token_type
_KEPT_GRAMMARS = 16
_KEPT_TRIALS = 256


def choose_engine(constraint: str) -> EngineName:
    """Return what holds replies to grammars: "auto" is llguidance where it is installed, else llama.cpp's own.

    Raises:
        MissingPackage: llguidance is requested, and not installed.
        InvalidRequest: there is no such engine.
    """
    if constraint == "auto":
        return default_engine()
    if constraint == "llguidance":
        hint = "pip install llguidance, or constraint='gbnf'"
        require("llguidance", "constraint='llguidance'", param="constraint", hint=hint)
        return "llguidance"
    if constraint == "gbnf":
        return "gbnf"
    raise InvalidRequest(f"unknown constraint {constraint!r}", hint="one of auto, llguidance, gbnf", param="constraint")


class Vocabulary:
    """The tokens of one model; valid until the model is closed.

    Attributes:
        model: whose tokens.
        end_tokens: those that end a reply.

    Args:
        model: whose tokens.
        end_of_turn: the text of a token that ends a reply, whatever the model's file says of it; "" for none.
        marks: the texts of control tokens that say how a reply is to be read, and are part of its text for that.
        ahead: what builds llguidance's tokenizer already.
        engine: of grammars; by default the one that is here.
    """

    def __init__(
        self,
        model: Model,
        end_of_turn: str = "",
        *,
        marks: Collection[str] = (),
        ahead: TokenizerAhead | None = None,
        engine: EngineName | None = None,
    ) -> None:
        self.model = model
        self._marks = marks
        self.end_tokens = end_tokens(model, end_of_turn)
        engine = engine or default_engine()
        self._engine: GrammarEngine
        if engine == "gbnf":
            from edge_lam.decoding.gbnf import GbnfEngine  # and its eleven modules, where there is no llguidance

            self._engine = GbnfEngine(model, self.end_tokens)
        else:
            self._engine = GuidanceEngine(model, self.end_tokens, ahead)
        self._compiled: OrderedDict[str, Matcher] = OrderedDict()
        self._tried: dict[str, str | None] = {}
        self._building: threading.Thread | None = None

    def build(self) -> None:
        """Begin to build, in the background, what grammars need; the first one waits for it."""
        self._building = threading.Thread(target=self._build, name="edge-lam-vocabulary", daemon=True)
        self._building.start()

    def _build(self) -> None:
        # Whoever asks for it next gets the error.
        with suppressed(logger, "what grammars need is not built ahead", EdgeLamError):
            self._engine.build()

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

    @property
    def engine(self) -> EngineName:
        """What holds replies to grammars."""
        return self._engine.name

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

    def matcher(self, grammar: str) -> Matcher:
        """Return a fresh matcher of a grammar, which is compiled once.

        Raises:
            InvalidRequest: the engine can't compile it.
        """
        self.wait()
        compiled = self._compiled.pop(grammar, None) or self._engine.compile(grammar)
        self._compiled[grammar] = compiled
        if len(self._compiled) > _KEPT_GRAMMARS:
            self._compiled.popitem(last=False)
        return compiled.fork()

    def exceeded_limit(self, grammar: str) -> str | None:
        """Return which limit a reply within a grammar goes beyond, as was found by trying; None if none.

        Args:
            grammar: one that compiles.
        """
        if grammar not in self._tried:
            if len(self._tried) >= _KEPT_TRIALS:
                self._tried.clear()
            self._tried[grammar] = self._engine.exceeded_limit(grammar)
        return self._tried[grammar]

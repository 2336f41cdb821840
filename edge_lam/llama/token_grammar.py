"""`TokenGrammar`: which tokens may come next by one of llama.cpp's own grammars.

In goes a grammar in GBNF, out comes a yes or no for each token that is looked up. llama.cpp ends the process when a
grammar takes a token that it does not allow, so each is looked up first.
"""

from __future__ import annotations

import ctypes
import math
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edge_lam.errors import BackendError
from edge_lam.llama.library import library

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_lam.llama.model import Model


class TokenGrammar:
    """Where a reply is in a grammar. For one thread at a time; valid until the model is closed.

    Control tokens count as the text that names them: who asks leaves them out.

    Args:
        model: whose tokens.
        grammar: in GBNF; begins with the rule "root".

    Raises:
        BackendError: llama.cpp can't read it.
    """

    def __init__(self, model: Model, grammar: str) -> None:
        self._own(library().llama_sampler_init_grammar(model.vocab, grammar.encode(), b"root"))

    def _own(self, sampler: Any) -> None:
        if not sampler:
            raise BackendError("llama.cpp can't read a grammar that was made for it", hint="please report this")
        self._sampler = sampler
        llama = library()
        self._one = llama.llama_token_data()  # what is looked up most often is made once
        self._only_one = llama.llama_token_data_array(ctypes.pointer(self._one), 1, -1, False)
        self._apply, self._take = llama.llama_sampler_apply, llama.llama_sampler_accept
        self._allowed = -1  # a token that is known to be allowed now
        weakref.finalize(self, library().llama_sampler_free, sampler).atexit = False

    def allows(self, token: int) -> bool:
        """Tell whether a token may come next; one that ends a reply may where the grammar is through."""
        if token != self._allowed:
            self._one.id, self._one.logit = token, 0.0
            self._apply(self._sampler, ctypes.byref(self._only_one))
            if not math.isfinite(self._one.logit):
                return False
            self._allowed = token
        return True

    def allowed_of(self, tokens: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Tell of each of some tokens whether it may come next, as `allows` does; shape (tokens,).

        Takes time for each token, and for each way that the grammar can go on.
        """
        import numpy as np

        llama = library()
        candidates = np.zeros(len(tokens), dtype=[("id", np.int32), ("logit", np.float32), ("p", np.float32)])
        candidates["id"] = tokens
        data = candidates.ctypes.data_as(ctypes.POINTER(llama.llama_token_data))
        array = llama.llama_token_data_array(data, len(candidates), -1, False)
        llama.llama_sampler_apply(self._sampler, ctypes.byref(array))
        allowed: NDArray[np.bool_] = np.isfinite(candidates["logit"])
        return allowed

    def accept(self, token: int) -> bool:
        """Take a token, and tell whether the grammar allows it; nothing changes if it does not."""
        if not self.allows(token):
            return False
        self._take(self._sampler, token)
        self._allowed = -1
        return True

    def fork(self) -> TokenGrammar:
        """Return a copy, which goes its own way."""
        twin = object.__new__(TokenGrammar)
        twin._own(library().llama_sampler_clone(self._sampler))
        return twin

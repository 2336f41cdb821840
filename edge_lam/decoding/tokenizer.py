"""llguidance's tokenizer of a model, which grammars are compiled with; also ahead of the model, while it is loaded.

In goes a model or its file, out comes an `LLTokenizer`.
"""

from __future__ import annotations

import ctypes
import threading
from typing import TYPE_CHECKING, Any

from edge_lam.errors import EdgeLamError, InvalidModelFile
from edge_lam.llama import Model
from edge_lam.llama.pieces import marked_pieces, tokenize_address

if TYPE_CHECKING:
    from llguidance import LLTokenizer

    from edge_lam.llama import ModelFile

# int32_t llama_tokenize(vocab, text, text_len, tokens, n_tokens_max, add_special, parse_special)
_TOKENIZE = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.c_int32,
    ctypes.c_bool,
    ctypes.c_bool,
)

# Parts of the vocabulary that llguidance prepares masks of: what may stand in a JSON string, up to 10 characters of it
# and any number. Of its own four, white space and up to 30 characters take a quarter of the time to build, and no mask
# is faster for them; without any, a mask inside a string takes 1.5 ms instead of 0.1.
_SLICES = [r'[^"\\\x00-\x1F\x7F]{1,10}', r'[^"\\\x00-\x1F\x7F]+']


def end_tokens(model: Model, end_of_turn: str) -> frozenset[int]:
    """Return the tokens that end a reply: the model's own, and that of a text, if it is one."""
    ends = model.tokenize(end_of_turn) if end_of_turn else []
    return model.end_tokens | frozenset(ends if len(ends) == 1 else [])


def make_tokenizer(model: Model, ends: frozenset[int], tokenize: int | None = None) -> LLTokenizer:
    """Build llguidance's tokenizer; it takes half a second for 152,000 tokens.

    Args:
        model: whose tokens.
        ends: those that end a reply.
        tokenize: the address of a function like ``llama_tokenize``, by default that one.
    """
    from llguidance import LLTokenizer

    first = model.eos_token
    make: Any = LLTokenizer.from_llamacpp  # type: ignore[attr-defined]  # its stub leaves it out
    tokenizer: LLTokenizer = make(
        tokens=marked_pieces(model.vocab),
        vocab_ptr=model.vocab,
        tokenize_fptr=tokenize_address() if tokenize is None else tokenize,
        eos_token=sorted(ends, key=lambda token: (token != first, token)),
        slices=_SLICES,
    )
    return tokenizer


def check_vocabulary(model: Model, end_of_turn: str) -> None:
    """Refuse a model that could be held to no grammar, before anything is asked of it; arguments as of `end_tokens`.

    Raises:
        InvalidModelFile: no token ends a reply, or none stands for a control character alone, which llguidance puts
            before what it tokenizes.
    """
    if not end_tokens(model, end_of_turn):
        raise InvalidModelFile(f"{model.path} has no token that ends a reply", hint="convert it again")
    if not any(len(model.tokenize(chr(number), parse_special=False)) == 1 for number in range(1, 32)):
        raise InvalidModelFile(f"{model.path} has no tokens for control characters", hint="convert it again")


class TokenizerAhead:
    """Builds the tokenizer of a model beside its loading, which leaves the interpreter free: from a vocabulary alone.

    That vocabulary is freed as soon as the tokenizer is there. llguidance tokenizes with it now and then, and gets a
    function that asks the loaded model instead.

    Args:
        file: of the model.
        end_of_turn: as of `end_tokens`.
    """

    def __init__(self, file: ModelFile, end_of_turn: str) -> None:
        self._file, self._end_of_turn = file, end_of_turn
        self._vocab: int | None = None
        self._function = _TOKENIZE(self._tokenize)
        self._raw = _TOKENIZE(tokenize_address())
        self._result: LLTokenizer | EdgeLamError
        self._thread = threading.Thread(target=self._build, name="edge-lam-tokenizer", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait until the vocabulary is freed."""
        self._thread.join()

    def result(self, model: Model) -> LLTokenizer:
        """Return the tokenizer, for the loaded model, which has to outlive it.

        Raises:
            BackendError: the vocabulary could not be loaded.
            InvalidModelFile: llguidance can't use it.
        """
        self.wait()
        if isinstance(self._result, EdgeLamError):
            raise self._result
        self._vocab = model.vocab
        return self._result

    def _build(self) -> None:
        try:
            with Model(self._file, device="cpu", vocab_only=True) as model:
                self._vocab = model.vocab
                ends = end_tokens(model, self._end_of_turn)
                address = ctypes.cast(self._function, ctypes.c_void_p).value
                self._result = make_tokenizer(model, ends, address)
                self._vocab = None
        except EdgeLamError as error:  # whoever asks for the result gets it
            self._result = error
        except BaseException as error:  # a panic of llguidance is no Exception
            reason = f"{self._file.path}: its vocabulary can't be used: {error}"
            self._result = InvalidModelFile(reason, hint="convert it again")

    def _tokenize(self, _vocab: int, *arguments: Any) -> int:
        return int(self._raw(self._vocab, *arguments)) if self._vocab else 0

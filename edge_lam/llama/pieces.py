"""All tokens of a vocabulary as bytes, at once. In goes the address of a vocabulary."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from edge_lam.llama.library import library

SPECIAL = b"\xff"  # never in UTF-8: what llguidance knows special tokens by
_CONTROL, _USER_DEFINED = 1 << 3, 1 << 4  # llama_token_attr
_LONGEST = 1 << 16


def marked_pieces(vocab: int) -> list[bytes]:
    """Return what each token stands for, marked `SPECIAL` if it is no text.

    That is a control token, or a token of a user's that looks like one or ends a reply.

    This asks llama.cpp 300,000 times for 152,000 tokens. Its functions are called without giving up the interpreter in
    between, which takes a third of the time, and much less where other threads wait for it.
    """
    piece = _function(
        "llama_token_to_piece",
        ctypes.c_int32,
        [ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32, ctypes.c_bool],
    )
    attributes = _function("llama_vocab_get_attr", ctypes.c_int, [ctypes.c_void_p, ctypes.c_int32])
    ends = _function("llama_vocab_is_eog", ctypes.c_bool, [ctypes.c_void_p, ctypes.c_int32])
    buffer = bytearray(_LONGEST)
    held = (ctypes.c_char * _LONGEST).from_buffer(buffer)
    address = ctypes.addressof(held)
    pieces = []
    for token in range(library().llama_vocab_n_tokens(vocab)):
        text = bytes(buffer[: piece(vocab, token, address, _LONGEST, 0, True)])
        kind = attributes(vocab, token)
        if kind & _CONTROL or (kind & _USER_DEFINED and (_is_tag(text) or ends(vocab, token))):
            text = SPECIAL + text
        pieces.append(text)
    return pieces


def _is_tag(text: bytes) -> bool:
    return text.startswith(b"<") and text.endswith(b">")


def tokenize_address() -> int:
    """Return where llama.cpp's tokenizer is, for libraries that call it themselves."""
    return _address("llama_tokenize")


def _function(name: str, result: Any, arguments: list[Any]) -> Callable[..., int]:
    """Return a function of llama.cpp that keeps the interpreter: only for what returns at once."""
    return ctypes.PYFUNCTYPE(result, *arguments)(_address(name))


def _address(name: str) -> int:
    return ctypes.cast(getattr(library(), name), ctypes.c_void_p).value or 0

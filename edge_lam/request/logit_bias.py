"""`logit_bias` in every form -> token ids and numbers: ids, ids as JSON has them, and texts of one token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edge_lam.errors import InvalidRequest

if TYPE_CHECKING:
    from edge_lam.llama import Model

_LONGEST_ID = 9  # digits: no vocabulary comes near more, and int() refuses thousands of them
_LARGEST = 100
_MAX_SHOWN = 12  # tokens in a message


def read_bias(biases: object) -> dict[int | str, float] | None:
    """Read ``{key: bias}``; a key of digits is an id, as in OpenAI's JSON, and any other string a text.

    Raises:
        InvalidRequest: anything else; `param` is "logit_bias".
    """
    if biases is None:
        return None
    if not isinstance(biases, Mapping):
        raise _wrong()
    found = dict[int | str, float]()
    for key, bias in biases.items():
        if isinstance(bias, bool) or not isinstance(bias, int | float) or not -_LARGEST <= bias <= _LARGEST:
            raise _wrong()
        found[_read_key(key)] = float(bias)
    return found


def token_bias(biases: Mapping[int | str, float] | None, model: Model) -> dict[int, float]:
    """Return what `read_bias` found, by ids alone.

    Raises:
        InvalidRequest: a text that is not one token of the model, or a token that is named twice; `param` is
            "logit_bias".
    """
    found = dict[int, float]()
    for key, bias in (biases or {}).items():
        token = _token_of(key, model) if isinstance(key, str) else key
        if token in found:
            raise InvalidRequest(f"logit_bias names the token {token} twice", param="logit_bias")
        found[token] = bias
    return found


def _read_key(key: object) -> int | str:
    if isinstance(key, str) and key.isascii() and key.isdecimal():
        if len(key) > _LONGEST_ID:
            raise _wrong()
        return int(key)
    if isinstance(key, str) and key:
        return key
    if isinstance(key, bool) or not isinstance(key, int) or key < 0:
        raise _wrong()
    return key


def _token_of(text: str, model: Model) -> int:
    try:
        tokens = model.tokenize(text)
    except InvalidRequest as error:
        raise InvalidRequest(f"logit_bias: {error.message}", param="logit_bias") from error
    if len(tokens) == 1 and model.token_bytes(tokens[0]) == text.encode():
        return tokens[0]
    shown = ", ".join(f"{_shown(model.token_bytes(token))} ({token})" for token in tokens[:_MAX_SHOWN])
    more = f" and {len(tokens) - _MAX_SHOWN} more" if len(tokens) > _MAX_SHOWN else ""
    hint = "a bias is of one token: name it by its text, as it stands in a reply, or by its id"
    raise InvalidRequest(
        f"logit_bias names {text[:40]!r}, which this model spells as {shown}{more}", hint=hint, param="logit_bias"
    )


def _shown(piece: bytes) -> str:
    """Return a token's text in quotes, or its bytes if they are no whole characters."""
    try:
        return repr(piece.decode())
    except UnicodeDecodeError:  # a token may be half a character
        return repr(piece)


def _wrong() -> InvalidRequest:
    return InvalidRequest(
        f"logit_bias must map token ids, or texts of one token, to numbers from -{_LARGEST} to {_LARGEST}",
        param="logit_bias",
    )

"""The control tokens of a model, as far as a prompt needs them, from the metadata of its GGUF.

In come key-value pairs, out come token texts. Knows nothing of the file itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CONTROL_TYPE = 3  # of tokenizer.ggml.token_type


@dataclass(frozen=True)
class SpecialTokens:
    """What a model's vocabulary says of its control tokens.

    Attributes:
        bos: the token that begins a text; "" if there is none.
        eos: the token that ends one; "" if there is none.
        add_bos: whether a prompt has to begin with `bos`.
        control: all control tokens.
    """

    bos: str = ""
    eos: str = ""
    add_bos: bool = False
    control: tuple[str, ...] = ()

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> SpecialTokens:
        """Read them from a GGUF's key-value pairs."""
        tokens = _strings(metadata.get("tokenizer.ggml.tokens"))
        types = _numbers(metadata.get("tokenizer.ggml.token_type"))
        kind = metadata.get("tokenizer.ggml.model")
        add_bos = metadata.get("tokenizer.ggml.add_bos_token", kind == "llama")  # SentencePiece's models want it
        control = [_text(token) for token, type_ in zip(tokens, types, strict=False) if type_ == CONTROL_TYPE and token]

        def named(key: str) -> str:
            index = metadata.get(f"tokenizer.ggml.{key}_token_id")
            return _text(tokens[index]) if isinstance(index, int) and 0 <= index < len(tokens) else ""

        bos = named("bos")
        return cls(bos, named("eos"), bool(add_bos and bos), tuple(control))


def _strings(array: Any) -> list[bytes | str]:
    """Return the tokens, undecoded as far as they are: there may be 152,000, and few are needed."""
    return list(array.strings() if hasattr(array, "strings") else array or [])


def _numbers(array: Any) -> list[int]:
    return list(array.numbers().tolist() if hasattr(array, "numbers") else array or [])


def _text(token: bytes | str) -> str:
    return token.decode(errors="replace") if isinstance(token, bytes) else token

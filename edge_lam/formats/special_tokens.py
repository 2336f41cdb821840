"""The control tokens of a model, as far as a prompt needs them, from the metadata of its GGUF.

In come key-value pairs, out come token texts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

CONTROL_TYPE, USER_DEFINED_TYPE = 3, 4  # of tokenizer.ggml.token_type
# Pre-tokenizers with which llama.cpp adds the bos token where a file does not say; SentencePiece's models want it too.
ADDS_BOS = frozenset(
    "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano tekken chameleon".split()
)
# How tokens that begin or end a turn are spelled: <|im_end|>, also with DeepSeek's full-width bars, <turn|>, </s>,
# <end_of_turn>, <EOT>, [INST].
_BAR = r"[|\uff5c]"
_FRAME = re.compile(rf"_?<{_BAR}.+>|<.+{_BAR}>|</?s>|_?<(?i:[be]o[stu]|eom)>|<(?:start|end)_of_\w+>|\[/?[A-Z][A-Z_]+\]")


@dataclass(frozen=True)
class SpecialTokens:
    """What a model's vocabulary says of its control tokens.

    Attributes:
        bos: the token that begins a text; "" if there is none.
        eos: the token that ends one; "" if there is none.
        add_bos: whether a prompt has to begin with `bos`.
        control: all control tokens.
        user_defined: tokens that are found in any text, but are no control tokens: white space, tags, and in some files
            the end of a turn.
    """

    bos: str = ""
    eos: str = ""
    add_bos: bool = False
    control: tuple[str, ...] = ()
    user_defined: tuple[str, ...] = ()

    @classmethod
    def of(cls, metadata: Mapping[str, Any]) -> SpecialTokens:
        """Read them from a GGUF's key-value pairs."""
        tokens = _strings(metadata.get("tokenizer.ggml.tokens"))
        types = _numbers(metadata.get("tokenizer.ggml.token_type"))
        kind, pre = (metadata.get(f"tokenizer.ggml.{key}") for key in ("model", "pre"))
        add_bos = metadata.get("tokenizer.ggml.add_bos_token", kind == "llama" or pre in ADDS_BOS)

        def of_type(wanted: int) -> tuple[str, ...]:
            return tuple(_text(token) for token, type_ in zip(tokens, types, strict=False) if type_ == wanted and token)

        def named(key: str) -> str:
            index = metadata.get(f"tokenizer.ggml.{key}_token_id")
            return _text(tokens[index]) if isinstance(index, int) and 0 <= index < len(tokens) else ""

        bos = named("bos")
        return cls(bos, named("eos"), bool(add_bos and bos), of_type(CONTROL_TYPE), of_type(USER_DEFINED_TYPE))

    @property
    def written_bos(self) -> str:
        """What a template gets as `bos_token`: nothing, if the model wants no such token before its prompts."""
        return self.bos if self.add_bos else ""

    @property
    def frames(self) -> tuple[str, ...]:
        """The user-defined tokens that begin or end a turn, as far as their spelling tells."""
        return tuple(token for token in self.user_defined if token in (self.bos, self.eos) or _FRAME.fullmatch(token))

    def tags(self, template: str, known: Collection[str]) -> tuple[str, ...]:
        """Return the other user-defined tokens that mark something: they stand in a template, or are known marks."""
        others = set(self.user_defined).difference(self.frames)
        return tuple(sorted(token for token in others if token.strip() and (token in template or token in known)))


def _strings(array: Any) -> list[bytes | str]:
    """Return the tokens, undecoded as far as they are: there may be 152,000, and few are needed."""
    return list(array.strings() if hasattr(array, "strings") else array or [])


def _numbers(array: Any) -> list[int]:
    return list(array.numbers().tolist() if hasattr(array, "numbers") else array or [])


def _text(token: bytes | str) -> str:
    return token.decode(errors="replace") if isinstance(token, bytes) else token

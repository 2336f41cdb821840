"""`CheckpointVocabulary`: the tokens of a model by id, as GGUF holds them.

What a checkpoint's tokenizer files say goes in, one token after the other; contradictions are errors that name the
file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from edge_lam.errors import CheckpointError

if TYPE_CHECKING:
    from gguf import GGUFWriter

ADDED_SCORE = -1000.0
_PADDING_SCORE = -10000.0


class TokenType(IntEnum):
    """Values of tokenizer.ggml.token_type, which are those of a SentencePiece model."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass
class CheckpointVocabulary:
    """Tokens by id; rows of the embedding that no token has are "[PADn]".

    Attributes:
        tokens: text of each; of a byte-level tokenizer in GPT-2's byte alphabet.
        types: type of each.
        scores: of a SentencePiece tokenizer, the highest merged first; else empty.
        merges: of a byte-level tokenizer, "left right", the first merged first; else empty.
        pre: llama.cpp's name for how text is cut into words.
    """

    tokens: list[str]
    types: list[TokenType]
    scores: list[float] = field(default_factory=list)
    merges: list[str] = field(default_factory=list)
    pre: str = "default"

    @classmethod
    def of_size(cls, n_tokens: int, *, scored: bool = False) -> CheckpointVocabulary:
        """Return a vocabulary of padding only."""
        return cls(
            [f"[PAD{i}]" for i in range(n_tokens)],
            [TokenType.UNUSED] * n_tokens,
            [_PADDING_SCORE] * n_tokens if scored else [],
        )

    def put(self, token_id: int, text: str, kind: TokenType, score: float, file: str) -> None:
        """Set a token, in place of the one that has its id.

        Raises:
            CheckpointError: an id past the embedding; names `file`.
        """
        if not 0 <= token_id < len(self.tokens):
            raise CheckpointError(
                f"{file} has a token with id {token_id}, but the embedding has {len(self.tokens)} rows",
                hint="the tokenizer is of another model, or was enlarged without the embedding",
            )
        self.tokens[token_id], self.types[token_id] = text, kind
        if self.scores:
            self.scores[token_id] = score

    def put_added(self, token_id: int, text: str, file: str, *, is_special: bool) -> None:
        """Set a token that is found in a text before it is cut."""
        if is_special or looks_special(text):
            self.put(token_id, text, TokenType.CONTROL, ADDED_SCORE, file)
        else:
            # llama.cpp compares the text of such tokens as it is: a space must be a space.
            self.put(token_id, text.replace("\u2581", " "), TokenType.USER_DEFINED, ADDED_SCORE, file)

    def put_ordinary(self, entries: Iterable[tuple[int, str, TokenType, float]], file: str) -> None:
        """Set tokens whose ids must be different.

        Raises:
            CheckpointError: two of them have one id, or an id is past the embedding.
        """
        for token_id, text, kind, score in entries:
            if 0 <= token_id < len(self.types) and self.types[token_id] != TokenType.UNUSED:
                raise CheckpointError(f"{file} gives id {token_id} to both {self.tokens[token_id]!r} and {text!r}")
            self.put(token_id, text, kind, score, file)

    def write(self, writer: GGUFWriter) -> None:
        """Write all that is known of the tokens."""
        writer.add_tokenizer_model("llama" if self.scores else "gpt2")
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        if self.scores:
            writer.add_token_scores(self.scores)
        writer.add_token_types(self.types)
        if self.merges:
            writer.add_token_merges(self.merges)


def looks_special(text: str) -> bool:
    """Tell whether a token is a control token by its look: some checkpoints forget to mark theirs."""
    pairs = (("<|", "|>"), ("<\uff5c", "\uff5c>"), ("<unused", ">"))
    return text in ("<pad>", "<mask>") or any(text.startswith(first) and text.endswith(last) for first, last in pairs)

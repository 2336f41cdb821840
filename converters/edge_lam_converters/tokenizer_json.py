"""tokenizer.json, the file of the `tokenizers` library: opened, checked by the library, and its parts at hand.

A checkpoint goes in, a `TokenizerFile` comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from edge_lam.errors import CheckpointError
from edge_lam_converters.checkpoint import Checkpoint, read_json

if TYPE_CHECKING:
    import tokenizers

FILE = "tokenizer.json"


@dataclass(frozen=True)
class TokenizerFile:
    """A BPE tokenizer.

    Attributes:
        document: the whole file.
        tokenizer: the library's.
    """

    document: dict[str, Any]
    tokenizer: tokenizers.Tokenizer

    @classmethod
    def open(cls, checkpoint: Checkpoint) -> TokenizerFile | None:
        """Return the tokenizer of a checkpoint, None when it has no tokenizer.json.

        Raises:
            CheckpointError: the file is damaged, or no BPE tokenizer.
        """
        import tokenizers

        path = checkpoint.path / FILE
        if not path.is_file():
            return None
        document = read_json(path)
        try:
            tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception for whatever is wrong with the file
            raise CheckpointError(f"{FILE} is not a sound tokenizer: {str(error)[:200]}") from error
        kind = document["model"].get("type", "BPE")
        if kind != "BPE":
            raise CheckpointError(f"{FILE} holds a {kind} tokenizer; only BPE can be converted")
        return cls(document, tokenizer)

    @property
    def model(self) -> dict[str, Any]:
        """Vocabulary, merges and options."""
        model: dict[str, Any] = self.document["model"]
        return model

    @property
    def falls_back_to_bytes(self) -> bool:
        """Whether it is a SentencePiece tokenizer: what has no token is spelled in tokens such as "<0x0A>"."""
        return bool(self.model.get("byte_fallback"))

    @cached_property
    def merges(self) -> list[tuple[str, str]]:
        """Pairs of tokens, the first merged first; the old form of the file has them in one string."""
        pairs = (merge.split(" ", 1) if isinstance(merge, str) else merge for merge in self.model.get("merges") or [])
        return [(left, right) for left, right in pairs]

    @cached_property
    def added(self) -> list[dict[str, Any]]:
        """The tokens that are found in a text before it is cut into words, special or not."""
        return [token for token in self.document.get("added_tokens") or [] if token["content"]]

    @property
    def added_ids(self) -> dict[str, int]:
        """Their ids by text."""
        return {token["content"]: token["id"] for token in self.added}

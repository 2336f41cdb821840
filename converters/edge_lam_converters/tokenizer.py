"""The tokenizer of a checkpoint, as llama.cpp reads it from a GGUF.

A checkpoint goes in; its files say which kind it is, and that kind's module reads the vocabulary. What begins and ends
a text is in `special_tokens.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_lam.errors import CheckpointError
from edge_lam_converters import sentencepiece_bpe, sentencepiece_file, tokenizer_json
from edge_lam_converters.byte_level import read_byte_level
from edge_lam_converters.chat_template import ChatTemplate
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.sentencepiece_file import SentencePieceModel
from edge_lam_converters.special_tokens import CheckpointTokens
from edge_lam_converters.tokenizer_json import TokenizerFile
from edge_lam_converters.vocabulary import CheckpointVocabulary

if TYPE_CHECKING:
    from gguf import GGUFWriter


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer, ready to be written.

    Attributes:
        vocabulary: the tokens.
        special: the ids with a meaning.
        chat_template: how messages become a prompt.
        add_space_prefix: whether a text gets a space in front; None leaves it to llama.cpp.
    """

    vocabulary: CheckpointVocabulary
    special: CheckpointTokens
    chat_template: ChatTemplate
    add_space_prefix: bool | None

    @classmethod
    def read(cls, checkpoint: Checkpoint, vocab_size: int) -> Tokenizer:
        """Read the tokenizer of a checkpoint.

        Args:
            checkpoint: the folder.
            vocab_size: rows of the embedding; those without a token get an unused one.

        Raises:
            CheckpointError: no tokenizer, or one that llama.cpp would not reproduce.
        """
        file = TokenizerFile.open(checkpoint)
        path = checkpoint.path / sentencepiece_file.FILE
        config = checkpoint.optional_json("tokenizer_config.json")
        prefix, ends = config.get("add_prefix_space"), {}
        if path.is_file():
            model = SentencePieceModel.read(path)
            vocabulary, adds_prefix = _sentencepiece(model, file, checkpoint, vocab_size), model.adds_prefix
            ends = {"bos": model.bos_id, "eos": model.eos_id}
        elif file is None:
            raise CheckpointError(
                f"{checkpoint.path} holds neither {tokenizer_json.FILE} nor {sentencepiece_file.FILE}",
                hint="save the tokenizer: AutoTokenizer.from_pretrained(...).save_pretrained(folder)",
            )
        elif file.falls_back_to_bytes:
            vocabulary, adds_prefix = sentencepiece_bpe.read_json_only(file, vocab_size)
        else:
            vocabulary, adds_prefix = read_byte_level(checkpoint, file, vocab_size), True
        if not isinstance(prefix, bool):
            prefix = None if adds_prefix else False  # SentencePiece gets one by itself, byte-level BPE never
        special = CheckpointTokens.read(checkpoint, file, vocab_size, ends)
        return cls(vocabulary, special, ChatTemplate.read(checkpoint), prefix)

    def write(self, writer: GGUFWriter) -> None:
        """Write the vocabulary, the special tokens and the chat template."""
        # Only of the Llama family does the reference write it, and only SentencePiece heeds it.
        if self.add_space_prefix is not None and (writer.arch == "llama" or self.vocabulary.scores):
            writer.add_add_space_prefix(self.add_space_prefix)
        self.vocabulary.write(writer)
        self.special.write(writer)
        self.chat_template.write(writer)


def _sentencepiece(
    model: SentencePieceModel, file: TokenizerFile | None, checkpoint: Checkpoint, vocab_size: int
) -> CheckpointVocabulary:
    if file is not None and not file.falls_back_to_bytes:
        raise CheckpointError(
            f"{sentencepiece_file.FILE} is a SentencePiece model, but {tokenizer_json.FILE} a byte-level tokenizer",
            hint="take away the one that is not the model's",
        )
    vocabulary = sentencepiece_bpe.read_model(model, checkpoint, vocab_size)
    if file is not None:
        sentencepiece_bpe.add_tokens(vocabulary, file)
    return vocabulary

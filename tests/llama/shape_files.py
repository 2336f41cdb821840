"""Writes models of any shape without weights: the header, then a hole in the file, which reads as zeros."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from edge_lam.llama.gguf_pack import aligned, pack_header
from edge_lam.llama.gguf_types import TENSOR_TYPES

NUMBERS = {name: number for number, (name, _, _) in TENSOR_TYPES.items()}


def write_shape(
    path: Path,
    *,
    n_layer: int,
    n_embd: int,
    n_ff: int,
    n_head: int,
    n_head_kv: int,
    n_vocab: int,
    n_head_dim: int,
    n_ctx_train: int = 8192,
    kind: str = "Q4_0",
) -> Path:
    """Write a Llama model with matrices of one type."""
    kv, q = n_head_kv * n_head_dim, n_head * n_head_dim
    tokens = [*(f"<0x{byte:02X}>" for byte in range(256)), *(f"<{n}>" for n in range(256, n_vocab - 1)), "<|im_end|>"]
    metadata: dict[str, Any] = {
        "general.architecture": "llama",
        "general.name": path.stem,
        "llama.block_count": n_layer,
        "llama.context_length": n_ctx_train,
        "llama.embedding_length": n_embd,
        "llama.feed_forward_length": n_ff,
        "llama.attention.head_count": n_head,
        "llama.attention.head_count_kv": n_head_kv,
        "llama.attention.layer_norm_rms_epsilon": 1e-6,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.merges": [],
        "tokenizer.ggml.eos_token_id": n_vocab - 1,
    }
    shapes: dict[str, tuple[int, ...]] = {"token_embd": (n_embd, n_vocab), "output_norm": (n_embd,)}
    for layer in range(n_layer):
        of_layer = {
            "attn_norm": (n_embd,),
            "attn_q": (n_embd, q),
            "attn_k": (n_embd, kv),
            "attn_v": (n_embd, kv),
            "attn_output": (q, n_embd),
            "ffn_norm": (n_embd,),
            "ffn_gate": (n_embd, n_ff),
            "ffn_up": (n_embd, n_ff),
            "ffn_down": (n_ff, n_embd),
        }
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in of_layer.items()}
    tensors, offset = [], 0
    for name, shape in shapes.items():
        number = NUMBERS[kind if len(shape) > 1 else "F32"]
        tensors.append((f"{name}.weight", shape, number, offset))
        _, block, block_bytes = TENSOR_TYPES[number]
        offset += aligned(math.prod(shape) // block * block_bytes)
    header = pack_header(metadata, tensors)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + offset)
    return path

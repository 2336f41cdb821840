"""The child of the self-test: loads a one-layer model, lets it decode with every accelerated kernel, and exits with 0.

A faulty accelerator kills this process instead of the user's. The model is written here, without weights worth
mentioning: all zero, so that the file is a header and a hole, with a matrix of each type that has an AMX kernel.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from edge_lam.llama.gguf_pack import aligned, pack_header
from edge_lam.llama.gguf_types import TENSOR_TYPES

if TYPE_CHECKING:
    from edge_lam.llama.gguf_pack import Value

_WIDTH = 256  # the smallest that the kernels for K-quants take
_N_VOCAB = 288  # AMX wants rows in multiples of 32
_TENSORS = {
    "token_embd.weight": ((_WIDTH, _N_VOCAB), "Q8_0"),
    "output_norm.weight": ((_WIDTH,), "F32"),
    "output.weight": ((_WIDTH, _N_VOCAB), "Q8_0"),
    "blk.0.attn_norm.weight": ((_WIDTH,), "F32"),
    "blk.0.attn_q.weight": ((_WIDTH, _WIDTH), "Q4_0"),
    "blk.0.attn_k.weight": ((_WIDTH, _WIDTH), "Q4_1"),
    "blk.0.attn_v.weight": ((_WIDTH, _WIDTH), "F16"),
    "blk.0.attn_output.weight": ((_WIDTH, _WIDTH), "Q4_K"),
    "blk.0.ffn_norm.weight": ((_WIDTH,), "F32"),
    "blk.0.ffn_gate.weight": ((_WIDTH, _WIDTH), "Q5_K"),
    "blk.0.ffn_up.weight": ((_WIDTH, _WIDTH), "Q6_K"),
    "blk.0.ffn_down.weight": ((_WIDTH, _WIDTH), "IQ4_XS"),
}


def main(path: str) -> None:
    """Decode a prompt (matrix products) and one more token (matrix-vector products) with the model of the self-test."""
    _leave_no_core_file()
    from edge_lam.llama.context import Context
    from edge_lam.llama.model import Model

    write_model(Path(path))
    with Model(path, device="cpu") as model, Context(model, n_ctx=128) as context:
        context.decode(list(range(64)), start=0)
        context.decode([64], start=64)


def write_model(path: Path) -> None:
    """Write a one-layer Llama model of zeros (1 MB, mostly a hole in the file)."""
    numbers = {TENSOR_TYPES[number][0]: number for number in TENSOR_TYPES}
    tokens = [*(f"<0x{byte:02X}>" for byte in range(256)), *(f"<{n}>" for n in range(256, _N_VOCAB - 1)), "<|im_end|>"]
    metadata: dict[str, Value] = {
        "general.architecture": "llama",
        "general.name": "edge-lam self-test",
        "llama.block_count": 1,
        "llama.context_length": 512,
        "llama.embedding_length": _WIDTH,
        "llama.feed_forward_length": _WIDTH,
        "llama.attention.head_count": 4,
        "llama.attention.layer_norm_rms_epsilon": 1e-6,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.merges": [],
        "tokenizer.ggml.eos_token_id": _N_VOCAB - 1,
    }
    tensors, offset = [], 0
    for name, (shape, type_name) in _TENSORS.items():
        tensors.append((name, shape, numbers[type_name], offset))
        _, block, block_bytes = TENSOR_TYPES[numbers[type_name]]
        offset += aligned(math.prod(shape) // block * block_bytes)
    header = pack_header(metadata, tensors)
    path.write_bytes(header)
    with path.open("r+b") as file:
        file.truncate(len(header) + offset)


def _leave_no_core_file() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))

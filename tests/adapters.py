"""LoRA adapters with random weights for a GGUF, written with the gguf package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gguf
import numpy as np

from edge_lam.llama.gguf_file import GGUFHeader

RANK = 4


def write_lora(
    path: Path, base: Path, names: Sequence[str] = (), *, seed: int = 0, spread: float = 0.2, alpha: float = 2.0 * RANK
) -> Path:
    """Write an adapter that computes something else, and return its path.

    Args:
        path: the file to write.
        base: the model that it is for.
        names: the tensors that it adapts; by default the queries and the output of the attention of all layers.
        seed: other seeds are other adapters.
        spread: standard deviation of its factors.
        alpha: by default twice the rank, so that the product counts twice.
    """
    rng, header = np.random.default_rng(seed), GGUFHeader.read(base)
    writer = gguf.GGUFWriter(path, header.architecture)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    for tensor in header.tensors:
        if tensor.name in names or (not names and tensor.name.endswith(("attn_q.weight", "attn_output.weight"))):
            columns, rows = tensor.shape
            writer.add_tensor(f"{tensor.name}.lora_a", rng.normal(0, spread, (RANK, columns)).astype(np.float32))
            writer.add_tensor(f"{tensor.name}.lora_b", rng.normal(0, spread, (rows, RANK)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path

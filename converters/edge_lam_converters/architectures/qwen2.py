"""Qwen2: the base, plus biases on query, key and value.

The architecture of xLAM-2-1b/3b/32b and of tiny-lam.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge_lam.errors import CheckpointError
from edge_lam_converters import config as values
from edge_lam_converters.architectures.base import Architecture


class Qwen2(Architecture):
    """`Qwen2ForCausalLM`."""

    gguf_name = "qwen2"

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        window = config.get("sliding_window")
        if values.flag(config, "use_sliding_window") and isinstance(window, int) and window < self.n_ctx:
            raise CheckpointError(
                "config.json turns the sliding window on, which llama.cpp does not compute for qwen2",
                hint=f"set use_sliding_window to false, or max_position_embeddings to {window} at most",
            )

    def block(self) -> Iterator[tuple[str, str, tuple[int, ...]]]:
        """Yield the base's tensors of one layer, then the three biases."""
        yield from super().block()
        yield "attn_q.bias", "self_attn.q_proj.bias", (self.n_heads * self.head_dim,)
        yield "attn_k.bias", "self_attn.k_proj.bias", (self.n_kv_heads * self.head_dim,)
        yield "attn_v.bias", "self_attn.v_proj.bias", (self.n_kv_heads * self.head_dim,)

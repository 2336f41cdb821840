"""Qwen2: the base, plus biases on query, key and value.

The architecture of xLAM-2-1b/3b/32b and of tiny-lam.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge_lam_converters import config as values
from edge_lam_converters.architectures.base import Architecture, TensorPlan
from edge_lam_converters.architectures.window import refuse_window


class Qwen2(Architecture):
    """`Qwen2ForCausalLM`."""

    gguf_name = "qwen2"

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        if values.flag(config, "use_sliding_window"):
            refuse_window(config.get("sliding_window"), self.n_ctx, off="use_sliding_window to false")

    def attention(self) -> Iterator[TensorPlan]:
        """Yield the base's tensors, then the three biases."""
        yield from super().attention()
        yield from self.attention_biases()

"""Mistral: a Llama without biases, whose early releases attend to a sliding window.

The architecture of xLAM-7b-r.
"""

from __future__ import annotations

from typing import Any

from edge_lam_converters.architectures.llama import Llama
from edge_lam_converters.architectures.window import refuse_window


class Mistral(Llama):
    """`MistralForCausalLM`."""

    default_window: int | None = 4096  # what Transformers takes when config.json has no sliding_window

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        refuse_window(config.get("sliding_window", self.default_window), self.n_ctx, off="sliding_window to null")
        self.has_attention_bias = self.has_mlp_bias = False

"""Llama: rotates neighbours, may have biases, and stretches its context in Llama 3's way too.

The architecture of xLAM-1b-fc-r and xLAM-7b-fc-r (DeepSeek bases), Llama-xLAM-2-8b/70b, AgentLM and SmolLM2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edge_lam_converters import config as values
from edge_lam_converters.architectures.base import Architecture, TensorPlan

if TYPE_CHECKING:
    from gguf import GGUFWriter


class Llama(Architecture):
    """`LlamaForCausalLM`."""

    gguf_name = "llama"
    rope_kinds = ("linear", "yarn", "llama3")
    writes_head_dim = True
    permutes_heads = True

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.has_attention_bias = values.flag(config, "attention_bias")
        self.has_mlp_bias = values.flag(config, "mlp_bias")

    def attention(self) -> Iterator[TensorPlan]:
        """Yield the base's tensors, then the biases if config.json has them."""
        yield from super().attention()
        if self.has_attention_bias:
            yield from self.attention_biases()
            yield TensorPlan("attn_output.bias", ("self_attn.o_proj.bias",), (self.n_embd,))

    def feed_forward(self) -> Iterator[TensorPlan]:
        """Yield the base's tensors, then the biases if config.json has them."""
        yield from super().feed_forward()
        if self.has_mlp_bias:
            yield TensorPlan("ffn_gate.bias", ("mlp.gate_proj.bias",), (self.n_ff,))
            yield TensorPlan("ffn_up.bias", ("mlp.up_proj.bias",), (self.n_ff,))
            yield TensorPlan("ffn_down.bias", ("mlp.down_proj.bias",), (self.n_embd,))

    def write_metadata(self, writer: GGUFWriter) -> None:
        """Write the base's dimensions, then the Llama family's own."""
        super().write_metadata(writer)
        writer.add_vocab_size(self.vocab_size)
        writer.add_rope_dimension_count(self.head_dim)

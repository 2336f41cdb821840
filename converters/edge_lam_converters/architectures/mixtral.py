"""Mixtral: a Mistral whose feed-forward is a choice of experts, which llama.cpp keeps stacked in one tensor.

The architecture of xLAM-8x7b-r, xLAM-8x22b-r and xLAM-v0.1-r.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edge_lam_converters import config as values
from edge_lam_converters.architectures.base import TensorPlan
from edge_lam_converters.architectures.mistral import Mistral

if TYPE_CHECKING:
    from gguf import GGUFWriter

_MAX_EXPERTS = 512  # llama.cpp's own limit


class Mixtral(Mistral):
    """`MixtralForCausalLM`."""

    default_theta = 1000000.0
    default_window = None
    writes_head_dim = False

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.n_experts = values.count(config, "num_local_experts", default=8, most=_MAX_EXPERTS)
        self.n_experts_used = values.count(config, "num_experts_per_tok", default=2, most=self.n_experts)

    def feed_forward(self) -> Iterator[TensorPlan]:
        """Yield the norm, the three stacks of experts and the router that chooses among them."""
        yield TensorPlan("ffn_norm.weight", ("post_attention_layernorm.weight",), (self.n_embd,))
        up, down = (self.n_experts, self.n_ff, self.n_embd), (self.n_experts, self.n_embd, self.n_ff)
        yield TensorPlan("ffn_gate_exps.weight", self._experts("w1"), up)
        yield TensorPlan("ffn_down_exps.weight", self._experts("w2"), down)
        yield TensorPlan("ffn_up_exps.weight", self._experts("w3"), up)
        yield TensorPlan("ffn_gate_inp.weight", ("block_sparse_moe.gate.weight",), (self.n_experts, self.n_embd))

    def write_metadata(self, writer: GGUFWriter) -> None:
        """Write the base's dimensions, then how many experts there are and work on each token."""
        super().write_metadata(writer)
        writer.add_expert_count(self.n_experts)
        writer.add_expert_used_count(self.n_experts_used)

    def _experts(self, matrix: str) -> tuple[str, ...]:
        return tuple(f"block_sparse_moe.experts.{expert}.{matrix}.weight" for expert in range(self.n_experts))

"""What the decoder-only transformers of the xLAM line have in common.

config.json goes in; the list of tensors that the checkpoint must hold, with their GGUF names, and the model's
metadata come out. A subclass adds what its architecture does otherwise. Knows nothing of files and tokenizers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from edge_lam.errors import CheckpointError
from edge_lam_converters import config as values

if TYPE_CHECKING:
    from gguf import GGUFWriter

_MAX_LAYERS = 1024
_MAX_TOKENS = 2**22
_IGNORED = (".rotary_emb.inv_freq", ".attn.masked_bias", ".attn.bias")  # computed, not learned


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """One tensor of the GGUF and where it comes from.

    Attributes:
        name: its name in the GGUF.
        source: its name in the checkpoint.
        shape: its dimensions, rows first, as in the checkpoint.
    """

    name: str
    source: str
    shape: tuple[int, ...]

    @property
    def stays_f32(self) -> bool:
        """Norms and biases stay in F32 whatever the file's type, as llama.cpp's kernels expect."""
        return len(self.shape) == 1 or self.name.endswith("_norm.weight")


class Architecture:
    """A Llama-shaped decoder: RMS norms, rotary positions, grouped-query attention, gated feed-forward."""

    gguf_name: ClassVar[str]

    def __init__(self, config: dict[str, Any]) -> None:
        """Read the dimensions.

        Raises:
            CheckpointError: one is missing, impossible, or asks for what llama.cpp does not compute.
        """
        self.config = config
        self.n_layers = values.count(config, "num_hidden_layers", most=_MAX_LAYERS)
        self.n_embd = values.count(config, "hidden_size")
        self.n_ff = values.count(config, "intermediate_size")
        self.n_heads = values.count(config, "num_attention_heads")
        self.n_kv_heads = values.count(config, "num_key_value_heads", default=self.n_heads)
        if config.get("head_dim") is None and self.n_embd % self.n_heads:
            raise CheckpointError(f"config.json: hidden_size {self.n_embd} is no multiple of {self.n_heads} heads")
        self.head_dim = values.count(config, "head_dim", default=self.n_embd // self.n_heads)
        self.n_ctx = values.count(config, "max_position_embeddings")
        self.vocab_size = values.count(config, "vocab_size", most=_MAX_TOKENS)
        self.rms_eps = values.number(config, "rms_norm_eps")
        self.tied = values.flag(config, "tie_word_embeddings")
        if config.get("hidden_act", "silu") != "silu":
            raise CheckpointError(f"config.json: hidden_act {config['hidden_act']!r} is not supported, only silu")

    def tensors(self) -> Iterator[TensorPlan]:
        """Yield every tensor that the checkpoint must hold."""
        yield TensorPlan("token_embd.weight", "model.embed_tokens.weight", (self.vocab_size, self.n_embd))
        yield TensorPlan("output_norm.weight", "model.norm.weight", (self.n_embd,))
        if not self.tied:
            yield TensorPlan("output.weight", "lm_head.weight", (self.vocab_size, self.n_embd))
        for layer in range(self.n_layers):
            for name, source, shape in self.block():
                yield TensorPlan(f"blk.{layer}.{name}", f"model.layers.{layer}.{source}", shape)

    def block(self) -> Iterator[tuple[str, str, tuple[int, ...]]]:
        """Yield GGUF name, checkpoint name and shape of each tensor of one layer."""
        n_q, n_kv = self.n_heads * self.head_dim, self.n_kv_heads * self.head_dim
        yield "attn_norm.weight", "input_layernorm.weight", (self.n_embd,)
        yield "attn_q.weight", "self_attn.q_proj.weight", (n_q, self.n_embd)
        yield "attn_k.weight", "self_attn.k_proj.weight", (n_kv, self.n_embd)
        yield "attn_v.weight", "self_attn.v_proj.weight", (n_kv, self.n_embd)
        yield "attn_output.weight", "self_attn.o_proj.weight", (self.n_embd, n_q)
        yield "ffn_norm.weight", "post_attention_layernorm.weight", (self.n_embd,)
        yield "ffn_gate.weight", "mlp.gate_proj.weight", (self.n_ff, self.n_embd)
        yield "ffn_up.weight", "mlp.up_proj.weight", (self.n_ff, self.n_embd)
        yield "ffn_down.weight", "mlp.down_proj.weight", (self.n_embd, self.n_ff)

    def is_ignored(self, source: str) -> bool:
        """Tell whether a checkpoint may hold a tensor named `source` that the GGUF leaves out."""
        return source.endswith(_IGNORED) or (self.tied and source == "lm_head.weight")

    def write_metadata(self, writer: GGUFWriter) -> None:
        """Write the dimensions, as llama.cpp reads them."""
        writer.add_block_count(self.n_layers)
        writer.add_context_length(self.n_ctx)
        writer.add_embedding_length(self.n_embd)
        writer.add_feed_forward_length(self.n_ff)
        writer.add_head_count(self.n_heads)
        writer.add_head_count_kv(self.n_kv_heads)
        self._write_rope(writer)
        writer.add_layer_norm_rms_eps(self.rms_eps)
        if self.config.get("head_dim") is not None:
            writer.add_key_length(self.head_dim)
            writer.add_value_length(self.head_dim)

    def _write_rope(self, writer: GGUFWriter) -> None:
        from gguf import RopeScalingType

        # Transformers 5 keeps everything in rope_parameters; before, theta stood beside an optional rope_scaling.
        rope = self.config.get("rope_parameters") or self.config.get("rope_scaling") or {}
        if not isinstance(rope, dict):
            raise CheckpointError("config.json: rope_parameters is no object")
        kind = rope.get("rope_type", rope.get("type", "default"))
        if kind in ("linear", "yarn"):
            writer.add_rope_scaling_type(RopeScalingType(kind))
            writer.add_rope_scaling_factor(values.number(rope, "factor"))
        elif kind not in ("default", None):
            raise CheckpointError(f"config.json: rope scaling {kind!r} is not supported, only linear and yarn")
        if kind == "yarn":
            writer.add_rope_scaling_orig_ctx_len(values.count(rope, "original_max_position_embeddings"))
            for key, add in (
                ("extrapolation_factor", writer.add_rope_scaling_yarn_ext_factor),
                ("attention_factor", writer.add_rope_scaling_yarn_attn_factor),
                ("beta_fast", writer.add_rope_scaling_yarn_beta_fast),
                ("beta_slow", writer.add_rope_scaling_yarn_beta_slow),
            ):
                if rope.get(key) is not None:
                    add(values.number(rope, key))
        theta = values.number(self.config, "rope_theta", default=10000.0)
        writer.add_rope_freq_base(values.number(rope, "rope_theta", default=theta))

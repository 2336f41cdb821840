"""What the decoder-only transformers of the xLAM line have in common.

config.json goes in; the list of tensors that the checkpoint must hold, with their GGUF names, and the model's metadata
come out. A subclass adds what its architecture does otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from edge_lam.errors import CheckpointError
from edge_lam_converters import config as values
from edge_lam_converters.architectures.rope import Rope
from edge_lam_converters.dtypes import Array

if TYPE_CHECKING:
    from gguf import GGUFWriter

# Beyond every model there is; they bound what a hostile config.json can ask for.
_MAX_LAYERS = 1024
_MAX_TOKENS = 2**22
_MAX_HEADS = 2**16
_MAX_HEAD_DIM = 2**10
_MAX_WIDTH = 2**18

_IGNORED = (".rotary_emb.inv_freq", ".attn.masked_bias", ".attn.bias")  # computed, not learned
_F32_NAMES = ("_norm.weight", ".ffn_gate_inp.weight")


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """One tensor of the GGUF and where it comes from.

    Attributes:
        name: its name in the GGUF.
        sources: its name in the checkpoint; of experts their names, which are stacked; none if it is computed.
        shape: its dimensions, rows first.
        head_dim: rows of one head, where their order changes: (i, i + head_dim / 2) become neighbours; 0 elsewhere.
        values: of a computed tensor, float32.
    """

    name: str
    sources: tuple[str, ...]
    shape: tuple[int, ...]
    head_dim: int = 0
    values: Array | None = None

    @property
    def is_stack(self) -> bool:
        """Whether its sources, even a single one, are stacked."""
        return self.name.endswith("_exps.weight")

    @property
    def block(self) -> str:
        """The layer that it belongs to, such as "blk.3", or its first name."""
        return ".".join(self.name.split(".")[:2])

    @property
    def source_shape(self) -> tuple[int, ...]:
        """Dimensions of each source."""
        return self.shape[1:] if self.is_stack else self.shape

    @property
    def stays_f32(self) -> bool:
        """Norms, biases and routers stay in F32 whatever the file's type, as llama.cpp's kernels expect."""
        return len(self.shape) == 1 or self.name.endswith(_F32_NAMES)


class Architecture:
    """A Llama-shaped decoder: RMS norms, rotary positions, grouped-query attention, gated feed-forward."""

    gguf_name: ClassVar[str]
    rope_kinds: ClassVar[tuple[str, ...]] = ("linear", "yarn")
    default_theta: ClassVar[float] = 10000.0
    writes_head_dim: ClassVar[bool] = False
    """Whether the GGUF says how wide a head is though config.json doesn't."""
    permutes_heads: ClassVar[bool] = False
    """Whether llama.cpp rotates neighbouring rows of q and k, where the checkpoint rotates rows half a head apart."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Read the dimensions.

        Raises:
            CheckpointError: one is missing, impossible, or asks for what llama.cpp does not compute.
        """
        self.config = config
        self.n_layers = values.count(config, "num_hidden_layers", most=_MAX_LAYERS)
        self.n_embd = values.count(config, "hidden_size", most=_MAX_WIDTH)
        self.n_ff = values.count(config, "intermediate_size")
        self.n_heads = values.count(config, "num_attention_heads", most=_MAX_HEADS)
        self.n_kv_heads = values.count(config, "num_key_value_heads", default=self.n_heads, most=_MAX_HEADS)
        if config.get("head_dim") is None and self.n_embd % self.n_heads:
            raise CheckpointError(f"config.json: hidden_size {self.n_embd} is no multiple of {self.n_heads} heads")
        if self.n_heads % self.n_kv_heads:
            raise CheckpointError(
                f"config.json: {self.n_heads} attention heads are no multiple of {self.n_kv_heads} key-value heads"
            )
        default_dim = self.n_embd // self.n_heads
        self.head_dim = values.count(config, "head_dim", default=default_dim, most=_MAX_HEAD_DIM)
        if self.head_dim % 2:
            raise CheckpointError(f"config.json: a head dimension of {self.head_dim} is odd, so that it can't rotate")
        self.n_ctx = values.count(config, "max_position_embeddings")
        self.vocab_size = values.count(config, "vocab_size", most=_MAX_TOKENS)
        self.rms_eps = values.number(config, "rms_norm_eps")
        self.tied = values.flag(config, "tie_word_embeddings")
        self.rope = Rope.read(config, self.rope_kinds, self.default_theta)
        if config.get("hidden_act", "silu") != "silu":
            raise CheckpointError(f"config.json: hidden_act {config['hidden_act']!r} is not supported, only silu")

    def tensors(self) -> Iterator[TensorPlan]:
        """Yield every tensor of the GGUF."""
        factors = self.rope.factors(self.head_dim)
        if factors is not None:
            yield TensorPlan("rope_freqs.weight", (), factors.shape, values=factors)
        yield TensorPlan("token_embd.weight", ("model.embed_tokens.weight",), (self.vocab_size, self.n_embd))
        yield TensorPlan("output_norm.weight", ("model.norm.weight",), (self.n_embd,))
        if not self.tied:
            yield TensorPlan("output.weight", ("lm_head.weight",), (self.vocab_size, self.n_embd))
        block = [*self.attention(), *self.feed_forward()]
        for layer in range(self.n_layers):
            for plan in block:
                sources = tuple(f"model.layers.{layer}.{source}" for source in plan.sources)
                yield replace(plan, name=f"blk.{layer}.{plan.name}", sources=sources)

    def attention(self) -> Iterator[TensorPlan]:
        """Yield the attention's tensors of one layer, named within it."""
        n_q, n_kv = self.n_heads * self.head_dim, self.n_kv_heads * self.head_dim
        rotated = self.head_dim if self.permutes_heads else 0
        yield TensorPlan("attn_norm.weight", ("input_layernorm.weight",), (self.n_embd,))
        yield TensorPlan("attn_q.weight", ("self_attn.q_proj.weight",), (n_q, self.n_embd), rotated)
        yield TensorPlan("attn_k.weight", ("self_attn.k_proj.weight",), (n_kv, self.n_embd), rotated)
        yield TensorPlan("attn_v.weight", ("self_attn.v_proj.weight",), (n_kv, self.n_embd))
        yield TensorPlan("attn_output.weight", ("self_attn.o_proj.weight",), (self.n_embd, n_q))

    def attention_biases(self) -> Iterator[TensorPlan]:
        """Yield the biases of query, key and value of one layer, for architectures that have them."""
        n_q, n_kv = self.n_heads * self.head_dim, self.n_kv_heads * self.head_dim
        rotated = self.head_dim if self.permutes_heads else 0
        yield TensorPlan("attn_q.bias", ("self_attn.q_proj.bias",), (n_q,), rotated)
        yield TensorPlan("attn_k.bias", ("self_attn.k_proj.bias",), (n_kv,), rotated)
        yield TensorPlan("attn_v.bias", ("self_attn.v_proj.bias",), (n_kv,))

    def feed_forward(self) -> Iterator[TensorPlan]:
        """Yield the feed-forward's tensors of one layer, named within it."""
        yield TensorPlan("ffn_norm.weight", ("post_attention_layernorm.weight",), (self.n_embd,))
        yield TensorPlan("ffn_gate.weight", ("mlp.gate_proj.weight",), (self.n_ff, self.n_embd))
        yield TensorPlan("ffn_up.weight", ("mlp.up_proj.weight",), (self.n_ff, self.n_embd))
        yield TensorPlan("ffn_down.weight", ("mlp.down_proj.weight",), (self.n_embd, self.n_ff))

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
        self.rope.write(writer)
        writer.add_layer_norm_rms_eps(self.rms_eps)
        if self.writes_head_dim or self.config.get("head_dim") is not None:
            writer.add_key_length(self.head_dim)
            writer.add_value_length(self.head_dim)

"""The Qwen2 architecture in plain PyTorch, over flat batches of tree rows.

Parameter names are those of transformers' Qwen2ForCausalLM, so that a state dict is a checkpoint. It knows nothing of
text or training.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

from tiny_lam.rows import Batch, Layout


@dataclass(frozen=True)
class Config:
    """Shape of the model, under the names of config.json."""

    vocab_size: int = 4096
    hidden_size: int = 256
    intermediate_size: int = 768
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    max_position_embeddings: int = 4096
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-5

    @property
    def head_size(self) -> int:
        """Size of one attention head."""
        return self.hidden_size // self.num_attention_heads

    def to_hf(self) -> dict[str, Any]:
        """config.json as transformers and the converter read it."""
        return {
            "architectures": ["Qwen2ForCausalLM"],
            "model_type": "qwen2",
            **asdict(self),
            "attention_dropout": 0.0,
            "bos_token_id": None,
            "eos_token_id": self.vocab_size - 1,
            "hidden_act": "silu",
            "initializer_range": 0.02,
            "tie_word_embeddings": True,
            "torch_dtype": "bfloat16",
            "use_cache": True,
            "use_sliding_window": False,
        }


def rope_tables(config: Config, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines of shape (tokens, 1, head size), rotate-half layout."""
    half = torch.arange(0, config.head_size, 2, dtype=torch.float32, device=positions.device) / config.head_size
    angles = positions.float()[:, None] / config.rope_theta**half
    angles = torch.cat([angles, angles], dim=-1)[:, None]
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Apply rotary positions to x of shape (tokens, heads, head size)."""
    first, second = x.float().chunk(2, dim=-1)
    return (x.float() * cos + torch.cat([-second, first], dim=-1) * sin).to(x.dtype)


class RMSNorm(nn.Module):
    """Root-mean-square norm."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension."""
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)


class Attention(nn.Module):
    """Grouped-query attention in which a branch reads preamble, tool block and itself."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.size = config.num_attention_heads, config.num_key_value_heads, config.head_size
        hidden = config.hidden_size
        self.q_proj = nn.Linear(hidden, self.heads * self.size)
        self.k_proj = nn.Linear(hidden, self.kv_heads * self.size)
        self.v_proj = nn.Linear(hidden, self.kv_heads * self.size)
        self.o_proj = nn.Linear(self.heads * self.size, hidden, bias=False)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], preamble: int, rows: list[Layout]) -> Tensor:
        """Attend over a flat batch x of shape (tokens, hidden)."""
        n = x.shape[0]
        q = rotate(self.q_proj(x).view(n, self.heads, self.size), *rope)
        k = rotate(self.k_proj(x).view(n, self.kv_heads, self.size), *rope)
        v = self.v_proj(x).view(n, self.kv_heads, self.size)
        return self.o_proj(attend(q, k, v, preamble, rows))


def attend(q: Tensor, k: Tensor, v: Tensor, preamble: int, rows: list[Layout]) -> Tensor:
    """Attend over a flat batch: rotated q of shape (tokens, heads, head size), k and v with fewer heads or as many.

    q may begin behind the preamble, if nothing is asked of that. Returns (tokens of q, heads * head size).
    """
    n, heads, size = q.shape
    group = heads // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    q, k, v = (t.transpose(0, 1) for t in (q, k, v))  # (heads, tokens, size)
    q = q * size**-0.5
    # One split instead of many slices: the backward pass of a slice fills a tensor of the whole batch's size.
    sizes = [size for row in rows for size in (row.trunk, row.branches)]
    q_parts, k_parts, v_parts = (iter(t.split([t.shape[1] - sum(sizes), *sizes], 1)) for t in (q, k, v))
    first_k, first_v = next(k_parts), next(v_parts)
    first_q = next(q_parts)
    outputs = [_attend(first_q, first_k, first_v, 0)] if first_q.shape[1] else []
    for row in rows:
        keys, values = next(k_parts), next(v_parts)
        if row.shared:
            keys, values = torch.cat([first_k, keys], 1), torch.cat([first_v, values], 1)
        outputs.append(_attend(next(q_parts), keys, values, preamble if row.shared else 0))
        branches = next(q_parts), next(k_parts), next(v_parts)
        if row.place is not None and row.valid is not None:
            outputs.append(_attend_branches(branches, (keys, values), row.place, row.valid))
    return torch.cat(outputs, 1).transpose(0, 1).reshape(n, -1)


def _causal(size: int, before: int, like: Tensor) -> Tensor:
    """Additive mask: causal over the last `size` keys, open over the `before` earlier ones."""
    mask = torch.full((size, before + size), float("-inf"), dtype=like.dtype, device=like.device)
    return mask.triu(before + 1)


def _attend(q: Tensor, k: Tensor, v: Tensor, before: int) -> Tensor:
    """Causal attention of (heads, tokens, size) with `before` earlier keys; q is scaled already."""
    return (q @ k.mT + _causal(q.shape[1], before, q)).softmax(-1) @ v


def _attend_branches(
    branches: tuple[Tensor, Tensor, Tensor], shared: tuple[Tensor, Tensor], places: np.ndarray, valid: np.ndarray
) -> Tensor:
    """Attention of a row's branches (q, k, v one after the other) to the keys and values they share and to themselves.

    Plain matrix products: on a CPU they take less than half the time of the fused kernel, whose backward pass is
    slow for many short sequences. `places` and `valid` of shape (branches, longest) place the branch tokens.
    """
    q, k, v = branches
    keys, values = shared
    heads, _tokens, size = q.shape
    place = torch.from_numpy(places.reshape(-1)).to(q.device)
    real = torch.from_numpy(valid.reshape(-1).nonzero()[0]).to(q.device)
    shape = (heads, *places.shape, size)
    padded_q, padded_k, padded_v = (t.index_select(1, place).view(shape) for t in (q, k, v))
    longest = places.shape[1]
    to_itself = padded_q @ padded_k.mT + _causal(longest, 0, q)
    to_itself = to_itself.view(heads, -1, longest).index_select(1, real)
    weights = torch.cat([q @ keys.mT, to_itself], -1).softmax(-1)
    to_shared, to_itself = weights.split([keys.shape[1], longest], -1)
    spread = to_itself.new_zeros(heads, place.shape[0], longest).index_copy(1, real, to_itself)
    own = (spread.view(heads, *places.shape, longest) @ padded_v).view(heads, -1, size).index_select(1, real)
    return to_shared @ values + own


class MLP(nn.Module):
    """Gated feed-forward layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """SwiGLU."""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    """One transformer layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.mlp = MLP(config)
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], preamble: int, rows: list[Layout]) -> Tensor:
        """Add attention, then feed-forward."""
        x = x + self.self_attn(self.input_layernorm(x), rope, preamble, rows)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    """Embedding, layers and final norm."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)


class TinyLam(nn.Module):
    """Qwen2ForCausalLM with tied embeddings."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.model = Body(config)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)
        scale = 0.02 / (2 * config.num_hidden_layers) ** 0.5
        for layer in self.model.layers:
            assert isinstance(layer, Layer)
            nn.init.normal_(layer.self_attn.o_proj.weight, std=scale)
            nn.init.normal_(layer.mlp.down_proj.weight, std=scale)

    def loss(self, batch: Batch) -> Tensor:
        """Weighted mean cross-entropy of the batch, and nothing computed for tokens without weight."""
        device = self.model.embed_tokens.weight.device
        x = self.model.embed_tokens(torch.from_numpy(batch.ids).to(device))
        rope = rope_tables(self.config, torch.from_numpy(batch.positions).to(device))
        for layer in self.model.layers:
            x = layer(x, rope, batch.preamble, batch.rows)
        weights = torch.from_numpy(batch.weights).to(device)
        chosen = weights.nonzero()[:, 0]
        hidden = self.model.norm(x[chosen])
        logits = F.linear(hidden, self.model.embed_tokens.weight).float()
        losses = F.cross_entropy(logits, torch.from_numpy(batch.targets).to(device)[chosen], reduction="none")
        return (losses * weights[chosen]).sum() / weights.sum()

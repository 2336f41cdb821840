"""The decoders of the xLAM line in numpy, float32, straight from a checkpoint's tensors.

What llama.cpp must compute from our GGUF, written from the models' papers: RMS norms, rotary positions (plain, linear,
Llama 3's), grouped-query attention, gated feed-forward or a mixture of experts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Tensors = dict[str, np.ndarray]


def logits(tensors: Tensors, config: dict[str, Any], tokens: list[int]) -> np.ndarray:
    """Return the logits after each token, shape (len(tokens), vocab_size); `tensors` are float32."""
    eps = config["rms_norm_eps"]
    x = tensors["model.embed_tokens.weight"][tokens]
    for layer in range(config["num_hidden_layers"]):
        block = {key.split(f".layers.{layer}.")[-1]: value for key, value in tensors.items()}
        x = x + attention(norm(x, block["input_layernorm.weight"], eps), block, config)
        h = norm(x, block["post_attention_layernorm.weight"], eps)
        x = x + (experts(h, block, config) if "num_local_experts" in config else feed_forward(h, block))
    x = norm(x, tensors["model.norm.weight"], eps)
    return x @ tensors.get("lm_head.weight", tensors["model.embed_tokens.weight"]).T


def attention(x: np.ndarray, block: Tensors, config: dict[str, Any]) -> np.ndarray:
    """Return what a layer's attention adds."""
    n_heads, n_kv = config["num_attention_heads"], config.get("num_key_value_heads", config["num_attention_heads"])
    head_dim = config.get("head_dim", config["hidden_size"] // n_heads)
    n = len(x)
    q, k, v = (
        _linear(x, block, f"self_attn.{name}_proj").reshape(n, -1, head_dim).transpose(1, 0, 2) for name in "qkv"
    )
    angles = np.arange(n)[:, None] * frequencies(config, head_dim)
    q, k = _rotate(q, angles), _rotate(k, angles)
    k, v = (np.repeat(value, n_heads // n_kv, axis=0) for value in (k, v))
    causal = np.triu(np.full((n, n), -np.inf, np.float32), 1)
    scores = _softmax(q @ k.transpose(0, 2, 1) / np.sqrt(head_dim, dtype=np.float32) + causal)
    return _linear((scores @ v).transpose(1, 0, 2).reshape(n, -1), block, "self_attn.o_proj")


def feed_forward(x: np.ndarray, block: Tensors) -> np.ndarray:
    """Return what a layer's feed-forward adds."""
    gate, up = _linear(x, block, "mlp.gate_proj"), _linear(x, block, "mlp.up_proj")
    return _linear(silu(gate) * up, block, "mlp.down_proj")


def experts(x: np.ndarray, block: Tensors, config: dict[str, Any]) -> np.ndarray:
    """Return what a mixture of experts adds: the best few for each token, weighted so that the weights add up to 1."""
    weights = _softmax(_linear(x, block, "block_sparse_moe.gate"))
    out = np.zeros_like(x)
    for i, row in enumerate(weights):
        best = np.argsort(-row)[: config["num_experts_per_tok"]]
        for expert in best:
            w1, w2, w3 = (block[f"block_sparse_moe.experts.{expert}.w{n}.weight"] for n in (1, 2, 3))
            out[i] += row[expert] / row[best].sum() * (w2 @ (silu(w1 @ x[i]) * (w3 @ x[i])))
    return out


def frequencies(config: dict[str, Any], head_dim: int) -> np.ndarray:
    """Return by how much each pair of a head turns from one position to the next."""
    pairs = np.arange(head_dim // 2)
    plain = config.get("rope_theta", 10000.0) ** (-2 * pairs / head_dim)
    scaling = config.get("rope_scaling") or {}
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind == "linear":
        return plain / scaling["factor"]
    if kind != "llama3":
        return plain
    # How often a pair turns within the context that the model was first trained on decides what becomes of it.
    turns = scaling["original_max_position_embeddings"] * plain / (2 * np.pi)
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    kept = np.clip((turns - low) / (high - low), 0, 1)
    return plain * kept + plain / scaling["factor"] * (1 - kept)


def _linear(x: np.ndarray, block: Tensors, name: str) -> np.ndarray:
    return x @ block[f"{name}.weight"].T + block.get(f"{name}.bias", np.float32(0))


def norm(x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def _softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _rotate(x: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Rotate pairs (i, i + head_dim / 2)."""
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)

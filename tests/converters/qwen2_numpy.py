"""Qwen2 in numpy, float32, straight from a checkpoint's tensors: what llama.cpp must compute from our GGUF."""

from __future__ import annotations

from typing import Any

import numpy as np


def logits(tensors: dict[str, np.ndarray], config: dict[str, Any], tokens: list[int]) -> np.ndarray:
    """Return the logits after each token, shape (len(tokens), vocab_size); `tensors` are float32."""
    eps, n_heads, n_kv = config["rms_norm_eps"], config["num_attention_heads"], config["num_key_value_heads"]
    x = tensors["model.embed_tokens.weight"][tokens]
    n, head_dim = len(tokens), x.shape[1] // n_heads
    causal = np.triu(np.full((n, n), -np.inf, np.float32), 1)
    for layer in range(config["num_hidden_layers"]):
        block = {key.split(f".layers.{layer}.")[-1]: value for key, value in tensors.items()}
        h = _norm(x, block["input_layernorm.weight"], eps)
        q, k, v = (
            (h @ block[f"self_attn.{name}_proj.weight"].T + block[f"self_attn.{name}_proj.bias"])
            .reshape(n, -1, head_dim)
            .transpose(1, 0, 2)
            for name in "qkv"
        )
        q, k = _rotate(q, config["rope_theta"]), _rotate(k, config["rope_theta"])
        k, v = (np.repeat(value, n_heads // n_kv, axis=0) for value in (k, v))
        scores = _softmax(q @ k.transpose(0, 2, 1) / np.sqrt(head_dim) + causal)
        attended = (scores @ v).transpose(1, 0, 2).reshape(n, -1)
        x = x + attended @ block["self_attn.o_proj.weight"].T
        h = _norm(x, block["post_attention_layernorm.weight"], eps)
        gate = h @ block["mlp.gate_proj.weight"].T
        up = h @ block["mlp.up_proj.weight"].T
        x = x + (gate / (1 + np.exp(-gate)) * up) @ block["mlp.down_proj.weight"].T
    x = _norm(x, tensors["model.norm.weight"], eps)
    return x @ tensors.get("lm_head.weight", tensors["model.embed_tokens.weight"]).T


def _norm(x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight


def _softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _rotate(x: np.ndarray, theta: float) -> np.ndarray:
    """Rotate pairs (i, i + head_dim / 2) by their position."""
    half = x.shape[-1] // 2
    angles = np.arange(x.shape[1])[:, None] * theta ** (-np.arange(half) / half)
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    first, second = x[..., :half], x[..., half:]
    return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)

"""A frozen Llama with trainable LoRA factors, over tiny-lam's flat batches of tree rows.

Before each step the factors are added to the weights, so that a forward pass costs what the base's does; gradients are
taken for the factors and the activations alone. Weights and activations may be bfloat16, the factors are float32. It
knows nothing of text or training.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from smol_lam.base import Base, Shape
from tiny_lam.model import attend
from tiny_lam.rows import Batch, Layout

RANDOM_TOKENS = 8192  # of the vocabulary, beside those of the batch, that a loss is taken over


class _Adapted(torch.autograd.Function):
    """x W^T, where W holds the products of the factors already: their gradients need no gradient of W."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, merged: Tensor, a: Tensor, b: Tensor, rows: list[int]) -> Tensor:
        ctx.save_for_backward(x, merged, a, b)
        ctx.rows = rows
        return x @ merged.T

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, Tensor, Tensor, None]:  # type: ignore[override]
        x, merged, a, b = ctx.saved_tensors
        rank, a, b = b.shape[1], a.to(x.dtype), b.to(x.dtype)
        inner = (x @ a.T).split(rank, 1)
        parts = grad.split(ctx.rows, 1)
        grad_b = torch.cat([part.T @ ours for part, ours in zip(parts, inner, strict=True)])
        outer = torch.cat([part @ ours for part, ours in zip(parts, b.split(ctx.rows), strict=True)], 1)
        to_x = grad @ merged if ctx.needs_input_grad[0] else None
        return to_x, None, (outer.T @ x).float(), grad_b.float(), None


class AdaptedLinear(nn.Module):
    """Matrices that read the same input, one below the other, each with a pair of factors: W + B A."""

    base: Tensor
    merged: Tensor

    def __init__(self, weights: dict[str, Tensor], rank: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.names = list(weights)
        self.rows = [len(weight) for weight in weights.values()]
        self.register_buffer("base", torch.cat(list(weights.values())).to(dtype), persistent=False)
        self.register_buffer("merged", self.base.clone(), persistent=False)
        columns = self.base.shape[1]
        self.a = nn.Parameter(torch.randn(rank * len(weights), columns) * columns**-0.5)
        self.b = nn.Parameter(torch.zeros(len(self.base), rank))

    def factors(self) -> dict[str, tuple[Tensor, Tensor]]:
        """A of shape (rank, columns) and B of shape (rows, rank) of each matrix."""
        pairs = zip(self.a.split(self.b.shape[1]), self.b.split(self.rows), strict=True)
        return dict(zip(self.names, pairs, strict=True))

    @torch.no_grad()
    def merge(self) -> None:
        """Add the factors as they are now."""
        parts = zip(self.merged.split(self.rows), self.base.split(self.rows), self.factors().values(), strict=True)
        for merged, base, (a, b) in parts:
            merged.copy_(torch.addmm(base.float(), b, a))

    def forward(self, x: Tensor) -> Tensor:
        """Multiply x of shape (tokens, columns)."""
        return _Adapted.apply(x, self.merged, self.a, self.b, self.rows)  # type: ignore[no-any-return]


class _RMSNorm(torch.autograd.Function):
    """Root-mean-square norm that keeps nothing but its input."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        scale = (x.float().square().mean(-1, keepdim=True) + eps).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (x * scale).mul_(weight).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        x, weight, scale = ctx.saved_tensors
        grad = grad * weight
        normal = x * scale
        to_x = (grad - normal * (grad * normal).mean(-1, keepdim=True)).mul_(scale)
        return to_x.to(x.dtype), None, None


class _SwiGLU(torch.autograd.Function):
    """silu(gate) * up, that keeps nothing but its input."""

    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        ctx.save_for_backward(gate_up)
        gate, up = gate_up.chunk(2, 1)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        gate, up = ctx.saved_tensors[0].chunk(2, 1)
        to_gate = torch.ops.aten.silu_backward(grad * up, gate)
        return torch.cat([to_gate, F.silu(gate).mul_(grad)], 1)


class Layer(nn.Module):
    """One transformer layer."""

    def __init__(self, base: Base, index: int, rank: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.shape = base.shape
        self.preamble: tuple[Tensor, Tensor]  # keys and values, which all rows read

        def weights(*names: str) -> dict[str, Tensor]:
            full = [f"blk.{index}.{name}.weight" for name in names]
            return {name: torch.from_numpy(base.weight(name)) for name in full}

        for norm in ("attn_norm", "ffn_norm"):
            (weight,) = weights(norm).values()
            self.register_buffer(norm, weight, persistent=False)
        self.qkv = AdaptedLinear(weights("attn_q", "attn_k", "attn_v"), rank, dtype)
        self.output = AdaptedLinear(weights("attn_output"), rank, dtype)
        self.gate_up = AdaptedLinear(weights("ffn_gate", "ffn_up"), rank, dtype)
        self.down = AdaptedLinear(weights("ffn_down"), rank, dtype)

    def forward(self, x: Tensor, rotation: Tensor, rows: list[Layout]) -> Tensor:
        """Add attention, then feed-forward, to x of shape (tokens, hidden); without rows, x is the preamble."""
        qkv = self.qkv(_RMSNorm.apply(x, self.attn_norm, self.shape.eps))
        # Scores and weights would take four fifths of the memory; they are cheap to compute again.
        x = x + self.output(checkpoint(self._attend, qkv, rotation, rows, use_reentrant=False))
        return x + self.down(_SwiGLU.apply(self.gate_up(_RMSNorm.apply(x, self.ffn_norm, self.shape.eps))))

    def _attend(self, qkv: Tensor, rotation: Tensor, rows: list[Layout]) -> Tensor:
        heads, kv_heads = self.shape.heads, self.shape.kv_heads
        q, k, v = qkv.view(len(qkv), -1, self.shape.head_size).split([heads, kv_heads, kv_heads], 1)
        q, k = _rotate(q, rotation), _rotate(k, rotation)
        if rows:
            k, v = torch.cat([self.preamble[0], k]), torch.cat([self.preamble[1], v])
        else:
            self.preamble = k, v
        return attend(q, k, v, len(self.preamble[0]), rows)


class SmolLam(nn.Module):
    """The base with its factors; they alone are its state.

    Layers before `first_layer` have none: no gradient goes through them, which saves a sixth of the time if they are a
    third.
    """

    def __init__(self, base: Base, rank: int, first_layer: int = 0, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.shape = base.shape
        self.first_layer = first_layer
        self.register_buffer(
            "embedding", torch.from_numpy(base.weight("token_embd.weight")).to(dtype), persistent=False
        )
        self.register_buffer("norm", torch.from_numpy(base.weight("output_norm.weight")), persistent=False)
        self.layers = nn.ModuleList(Layer(base, index, rank, dtype) for index in range(self.shape.layers))

        for layer in self.layers[:first_layer]:
            layer.requires_grad_(False)

    def adapted(self) -> list[AdaptedLinear]:
        """All matrices with factors."""
        layers = self.layers[self.first_layer :]
        return [module for module in layers.modules() if isinstance(module, AdaptedLinear)]

    def merge(self) -> None:
        """Add the factors to the weights; call it whenever they changed."""
        for matrix in self.adapted():
            matrix.merge()

    @torch.no_grad()
    def read_preamble(self, batch: Batch) -> None:
        """Read what all rows begin with; after a few steps on the same keys and values are near enough."""
        self._run(batch.ids[: batch.preamble], batch.positions[: batch.preamble], [])

    def hidden(self, batch: Batch) -> Tensor:
        """The last layer's output behind the preamble, of shape (tokens, hidden)."""
        return self._run(batch.ids[batch.preamble :], batch.positions[batch.preamble :], batch.rows)

    def _run(self, ids: NDArray[np.int64], positions: NDArray[np.int64], rows: list[Layout]) -> Tensor:
        x = self.embedding[self._put(ids)]
        rotation = _rotation(self.shape, self._put(positions))
        for index, layer in enumerate(self.layers):
            with torch.set_grad_enabled(torch.is_grad_enabled() and index >= self.first_layer):
                x = layer(x, rotation, rows)
        return x

    def _put(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(values).to(self.embedding.device)

    def loss(self, batch: Batch) -> Tensor:
        """Weighted mean cross-entropy over a sample of the vocabulary, and no logits of tokens without weight.

        The sample holds every target, and others drawn anew for each batch: the base predicts few of them anyway.
        """
        weights = self._put(batch.weights[batch.preamble :])
        chosen = weights.nonzero()[:, 0]
        targets = self._put(batch.targets[batch.preamble :])[chosen]
        others = torch.randint(len(self.embedding), (RANDOM_TOKENS,), device=targets.device)
        sample, places = torch.unique(torch.cat([targets, others]), return_inverse=True)
        hidden = _RMSNorm.apply(self.hidden(batch)[chosen], self.norm, self.shape.eps)
        logits = (hidden @ self.embedding[sample].T).float()
        losses = F.cross_entropy(logits, places[: len(targets)], reduction="none")
        return (losses * weights[chosen]).sum() / weights.sum()

    def divergence(self, batch: Batch) -> Tensor:
        """Mean Kullback-Leibler divergence, in nats a token, from the base's predictions at tokens with weight."""
        chosen = self._put(batch.weights[batch.preamble :]).nonzero()[:, 0]

        def log_probabilities() -> Tensor:
            hidden = _RMSNorm.apply(self.hidden(batch)[chosen], self.norm, self.shape.eps)
            return (hidden @ self.embedding.T).float().log_softmax(-1)

        with torch.no_grad(), self._as_base():
            wanted = log_probabilities()
        return F.kl_div(log_probabilities(), wanted, reduction="batchmean", log_target=True)

    @contextmanager
    def _as_base(self) -> Iterator[None]:
        """Run without the factors."""

        def swap() -> None:
            for matrix in self.adapted():
                matrix.base, matrix.merged = matrix.merged, matrix.base

        swap()
        try:
            yield
        finally:
            swap()


def _rotation(shape: Shape, positions: Tensor) -> Tensor:
    """Rotary positions as complex numbers of shape (tokens, 1, head size / 2)."""
    half = torch.arange(0, shape.head_size, 2, dtype=torch.float64, device=positions.device) / shape.head_size
    angles = positions.double()[:, None] / shape.rope_theta**half
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)[:, None]


def _rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Rotate x of shape (tokens, heads, head size), whose pairs lie side by side."""
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:2], -1, 2))
    return torch.view_as_real(pairs * rotation).flatten(2).to(x.dtype)

"""An adapter merged into its base checkpoint: W + scale x B A, in float32, a bounded piece at a time.

A `Checkpoint` and a `LoraAdapter` go in and must fit; a `Checkpoint` with the changed tensors comes out. They are
float32 until they are written, so that each value is rounded once.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edge_lam.errors import CheckpointError
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.dtypes import Array, cast
from edge_lam_converters.lora import WEIGHTS, Factors, LoraAdapter, shown
from edge_lam_converters.source_tensor import SourceTensor

_EMBEDDING, _OUTPUT = "model.embed_tokens.weight", "lm_head.weight"
_HINT = "the adapter belongs to another base model{}"


@dataclass(frozen=True)
class MergedTensor(SourceTensor):
    """A tensor of the base with its change added; `path` is that of the base.

    Attributes:
        base: the tensor as it is in the base.
        factors: its change.
    """

    base: SourceTensor
    factors: Factors

    @classmethod
    def of(cls, base: SourceTensor, factors: Factors) -> MergedTensor:
        """Add a change to a tensor."""
        return cls(base.name, "F32", base.shape, base.path, base=base, factors=factors)

    def pieces(self, multiple: int = 1) -> Iterator[Array]:
        """Yield the changed values in float32; see `SourceTensor.pieces`."""
        left, right = self._matrices()
        n_columns, row = self.shape[1], 0
        for piece in self.base.pieces(math.lcm(multiple, n_columns)):
            n_rows = piece.size // n_columns
            change = left[row : row + n_rows] @ right
            yield cast(piece, self.base.dtype, "F32") + change.ravel()
            row += n_rows

    def _matrices(self) -> tuple[Array, Array]:
        """Return two float32 matrices whose product is the change, shapes (rows, rank) and (rank, columns)."""
        a, b = read_f32(self.factors.a), read_f32(self.factors.b)
        left, right = (a.T, b.T) if self.factors.of_embedding else (b, a)
        return np.ascontiguousarray(left * np.float32(self.factors.scale)), np.ascontiguousarray(right)


def read_f32(tensor: SourceTensor) -> Array:
    """Return all values of a small tensor as float32."""
    pieces = [cast(piece, tensor.dtype, "F32") for piece in tensor.pieces()]
    values: Array = np.concatenate(pieces).reshape(tensor.shape)
    return values


def merge(checkpoint: Checkpoint, adapter: LoraAdapter) -> Checkpoint:
    """Return the checkpoint with the adapter merged in.

    Where the output matrix is the embedding itself (tied) and the adapter changes one of the two, both are kept: PEFT
    computes with the changed one and the other as it was.

    Raises:
        CheckpointError: the adapter belongs to another base; names the tensor and the shapes.
    """
    tensors, config = dict(checkpoint.tensors), checkpoint.config
    touched = adapter.factors.keys() | adapter.replaced.keys()
    if config.get("tie_word_embeddings") is True and touched & {_EMBEDDING, _OUTPUT} and _EMBEDDING in tensors:
        config = config | {"tie_word_embeddings": False}
        tensors[_OUTPUT] = dataclasses.replace(tensors[_EMBEDDING], name=_OUTPUT)
    for name, whole in (adapter.copies | adapter.replaced).items():
        base = _find(tensors, name, whole, whole.shape, adapter)
        tensors[name] = dataclasses.replace(whole, name=base.name)
    for name, factors in adapter.factors.items():
        base = _find(tensors, name, factors.b, factors.shape, adapter)
        tensors[name] = MergedTensor.of(base, factors)
    return dataclasses.replace(checkpoint, config=config, tensors=tensors)


def _find(
    tensors: dict[str, SourceTensor], name: str, part: SourceTensor, shape: tuple[int, ...], adapter: LoraAdapter
) -> SourceTensor:
    hint = _HINT.format(f": {adapter.base[:100]}" if adapter.base else "")
    if name not in tensors:
        raise CheckpointError(f"{WEIGHTS} changes {name[:150]}, which the checkpoint does not hold", hint=hint)
    if tensors[name].shape != shape:
        raise CheckpointError(
            f"{WEIGHTS}: {part.name} makes {name} {shown(shape)}, but in the checkpoint it is "
            f"{shown(tensors[name].shape)}",
            hint=hint,
        )
    return tensors[name]

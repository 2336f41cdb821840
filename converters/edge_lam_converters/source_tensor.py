"""A tensor of a checkpoint, still on disk: what every kind of weight file gives and every conversion takes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_lam.errors import CheckpointError
from edge_lam_converters.dtypes import STORAGE, Array

PIECE_BYTES = 16 * 2**20
"""Size of the pieces in which values are read."""


@dataclass(frozen=True)
class SourceTensor(ABC):
    """A tensor of a checkpoint.

    Attributes:
        name: its name in the checkpoint.
        dtype: "BF16", "F16" or "F32".
        shape: its dimensions, rows first.
        path: the file that holds it.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    path: Path

    @property
    def n_values(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @abstractmethod
    def pieces(self, multiple: int = 1) -> Iterator[Array]:
        """Yield the values in order, flat, stored as `dtypes.STORAGE` says.

        Args:
            multiple: every piece has a multiple of so many values; `n_values` must be one, too. A piece is larger than
                `PIECE_BYTES` only where this asks for it.

        Raises:
            CheckpointError: the file can't be read, or ends early.
        """

    def piece_size(self, multiple: int) -> int:
        """Return how many values a piece has, the last one aside."""
        return max(1, PIECE_BYTES // (STORAGE[self.dtype].itemsize * multiple)) * multiple


def check_float(path: Path, name: str, dtype: str) -> str:
    """Return `dtype` if it is one that can be converted.

    Raises:
        CheckpointError: it is not; names the file and the tensor.
    """
    if dtype not in STORAGE:
        raise CheckpointError(
            f"{path.name}: tensor {name} is {dtype}; only {', '.join(STORAGE)} can be converted",
            hint="save the checkpoint unquantized, in bfloat16, float16 or float32",
        )
    return dtype

"""One safetensors file: its tensors' names, types, shapes and places, and their values piece by piece.

The `safetensors` library validates the header (bounds, overlaps, holes, sizes); values are then read from the file in
bounded pieces rather than through its memory map, so that a tensor of any size costs one piece of memory and a file
cut short under the run is an error, not a signal. Knows nothing of models.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_lam.errors import CheckpointError
from edge_lam_converters.dtypes import STORAGE, Array

PIECE_BYTES = 16 * 2**20
"""Size of the pieces in which values are read."""


@dataclass(frozen=True, slots=True)
class SourceTensor:
    """A tensor of a checkpoint, still on disk.

    Attributes:
        name: its name in the checkpoint.
        dtype: "BF16", "F16" or "F32".
        shape: its dimensions, rows first.
        path: the file that holds it.
        offset: where its values begin in that file, in bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    path: Path
    offset: int

    @property
    def n_values(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    def pieces(self) -> Iterator[Array]:
        """Yield the values in order, flat, at most `PIECE_BYTES` at a time, stored as `dtypes.STORAGE` says.

        Raises:
            CheckpointError: the file ends early.
        """
        storage = STORAGE[self.dtype]
        left = self.n_values
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                while left:
                    piece = np.fromfile(file, dtype=storage, count=min(left, PIECE_BYTES // storage.itemsize))
                    if not piece.size:
                        raise CheckpointError(f"{self.path.name}: the file ends in the middle of tensor {self.name}")
                    left -= piece.size
                    yield piece
        except OSError as error:
            raise CheckpointError(f"{self.path.name} can't be read: {error.strerror or error}") from error


def read_header(path: Path) -> dict[str, SourceTensor]:
    """Return the tensors of one safetensors file, by name, in the order of their names.

    Raises:
        CheckpointError: not a sound safetensors file, or one with values that are no BF16, F16 or F32.
    """
    from safetensors import SafetensorError, safe_open

    tensors: dict[str, SourceTensor] = {}
    try:
        with path.open("rb") as file:
            offset = 8 + int.from_bytes(file.read(8), "little")
        with safe_open(path, framework="numpy") as source:
            # The library has made sure that the values lie one after the other, without holes, in this order.
            for name in source.offset_keys():
                entry = source.get_slice(name)
                tensor = SourceTensor(
                    name, _float_type(path, name, entry.get_dtype()), tuple(entry.get_shape()), path, offset
                )
                offset += tensor.n_values * STORAGE[tensor.dtype].itemsize
                tensors[name] = tensor
    except SafetensorError as error:
        raise CheckpointError(
            f"{path.name} is not a sound safetensors file: {error}", hint="download or save the checkpoint again"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path.name} can't be read: {error.strerror or error}") from error
    return dict(sorted(tensors.items()))


def _float_type(path: Path, name: str, dtype: str) -> str:
    if dtype not in STORAGE:
        raise CheckpointError(
            f"{path.name}: tensor {name} is {dtype}; only {', '.join(STORAGE)} can be converted",
            hint="save the checkpoint unquantized, in bfloat16, float16 or float32",
        )
    return dtype

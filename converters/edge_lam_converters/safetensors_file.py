"""One safetensors file: its tensors' names, types, shapes and places, and their values piece by piece.

The `safetensors` library validates the header (bounds, overlaps, holes, sizes); values are then read from the file in
bounded pieces rather than through its memory map, so that a tensor of any size costs one piece of memory and a file cut
short under the run is an error, not a signal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_lam.errors import CheckpointError
from edge_lam_converters.dtypes import STORAGE, Array
from edge_lam_converters.source_tensor import SourceTensor, check_float


@dataclass(frozen=True)
class SafetensorsTensor(SourceTensor):
    """A tensor in a safetensors file; its values begin there at `offset` bytes."""

    offset: int

    def pieces(self, multiple: int = 1) -> Iterator[Array]:
        """Yield the values; shapes and errors are those of `SourceTensor.pieces`, which raises `CheckpointError`."""
        size, left = self.piece_size(multiple), self.n_values
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                while left:
                    piece = np.fromfile(file, dtype=STORAGE[self.dtype], count=min(left, size))
                    if piece.size < min(left, size):
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
                dtype = check_float(path, name, entry.get_dtype())
                tensor = SafetensorsTensor(name, dtype, tuple(entry.get_shape()), path, offset)
                offset += tensor.n_values * STORAGE[tensor.dtype].itemsize
                tensors[name] = tensor
    except SafetensorError as error:
        raise CheckpointError(
            f"{path.name} is not a sound safetensors file: {error}", hint="download or save the checkpoint again"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path.name} can't be read: {error.strerror or error}") from error
    return dict(sorted(tensors.items()))

"""The importance matrix: how strongly each input of each weight matrix is driven, and llama.cpp's file of it.

In go sums of squares and a path, out comes an `Imatrix` that the quantizer takes, or a file that llama.cpp's own
quantizer reads.

The file is a GGUF of ``general.type`` "imatrix". For each matrix it holds ``NAME.in_sum2`` with the sums of the squared
inputs, a row for each expert, and ``NAME.counts`` with how many inputs were summed, as llama.cpp
writes them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_lam._util.atomic_file import atomic_write
from edge_lam.errors import InvalidModelFile
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.gguf_pack import write_f32
from edge_lam.llama.gguf_types import GGUFArray, Tensor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK_SIZE = 512  # tokens, llama.cpp's default; it only counts in them
_SUMS, _COUNTS = ".in_sum2", ".counts"
_DATASETS, _CHUNK_COUNT, _CHUNK_SIZE = "imatrix.datasets", "imatrix.chunk_count", "imatrix.chunk_size"
_HINT = "make one with `edge-lam calibrate` or llama-imatrix"


class Sums(NamedTuple):
    """What was summed of one weight matrix, or of the stacked matrices of experts.

    Attributes:
        squares: sums of the squared inputs, shape (n_matrices, n_columns).
        counts: how many inputs were summed, shape (n_matrices,).
    """

    squares: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Imatrix:
    """An importance matrix.

    Attributes:
        sums: of each weight matrix, by its name.
        datasets: names of the files whose text was read.
        chunk_size: tokens in what llama.cpp calls a chunk.
        notes: more metadata of the file, such as what `edge-lam calibrate` records.
    """

    sums: Mapping[str, Sums]
    datasets: tuple[str, ...] = ()
    chunk_size: int = CHUNK_SIZE
    notes: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def chunk_count(self) -> int:
        """Chunks that were read, a begun one included."""
        most = max((int(sums.counts.max()) for sums in self.sums.values()), default=0)
        return -(-most // self.chunk_size)

    def importance(self) -> dict[str, NDArray[np.float32]]:
        """Return the mean square of each input, by the tensor's name; the shapes are those of `quantize.Recipe`.

        An expert that no token went to counts every input alike.
        """
        import numpy as np

        result = {}
        for name, (squares, counts) in self.sums.items():
            means = squares / np.maximum(counts, 1)[:, None]
            means[counts == 0] = 1.0
            result[name] = means.astype(np.float32).ravel()
        return result

    def metadata(self, name: str) -> dict[str, str | int]:
        """Return what the metadata of a quantized file say of it: llama.cpp's own keys, and the notes.

        Args:
            name: of the file that it was read from, "" if it never was in one.
        """
        return {
            **({"quantize.imatrix.file": name} if name else {}),
            **({"quantize.imatrix.dataset": self.datasets[0]} if self.datasets else {}),
            "quantize.imatrix.entries_count": len(self.sums),
            "quantize.imatrix.chunks_count": self.chunk_count,
            **self.notes,
        }

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file, whole or not at all.

        Raises:
            OSError: the folder or the disk refuses.
        """
        import numpy as np

        metadata = {
            "general.type": "imatrix",
            _DATASETS: list(self.datasets),
            _CHUNK_COUNT: self.chunk_count,
            _CHUNK_SIZE: self.chunk_size,
            **self.notes,
        }
        tensors = {}
        for name in sorted(self.sums):
            squares, counts = self.sums[name]
            tensors[name + _SUMS] = squares.astype(np.float32)
            tensors[name + _COUNTS] = counts.astype(np.float32)[:, None]
        with atomic_write(Path(path)) as file:
            write_f32(file, metadata, tensors)


def read_imatrix(path: str | os.PathLike[str]) -> Imatrix:
    """Read an importance matrix, ours or llama.cpp's.

    Raises:
        ModelNotFound: no such file.
        InvalidModelFile: it is no importance matrix in GGUF, or contradicts itself; names the tensor.
    """
    header = GGUFHeader.read(path)
    if header.metadata.get("general.type") != "imatrix":
        kind = header.metadata.get("general.type", "a model")
        raise InvalidModelFile(f"{header.path} is no importance matrix, but {str(kind)[:60]!r}", hint=_HINT)
    tensors = {tensor.name: tensor for tensor in header.tensors}
    names = [name.removesuffix(_SUMS) for name in tensors if name.endswith(_SUMS)]
    strays = [name for name in tensors if not name.endswith((_SUMS, _COUNTS))]
    if strays or not names or len(tensors) != 2 * len(names):
        what = f"the tensor {strays[0]!r}" if strays else "sums without counts" if names else "no sums"
        raise InvalidModelFile(f"{header.path} is no importance matrix: it holds {what}", hint=_HINT)
    sums = {name: _sums(header.path, name, tensors) for name in names}
    datasets = header.metadata.get(_DATASETS)
    known = isinstance(datasets, GGUFArray) and datasets.kind == "string"
    chunk_size = header.metadata.get(_CHUNK_SIZE)
    return Imatrix(
        sums,
        tuple(text.decode(errors="replace") for text in datasets.strings()) if known and datasets else (),
        chunk_size if isinstance(chunk_size, int) and chunk_size > 0 else CHUNK_SIZE,
        {key: value for key, value in header.metadata.items() if key.startswith("edge_lam.") and _is_note(value)},
    )


def _sums(path: Path, name: str, tensors: Mapping[str, Tensor]) -> Sums:
    import numpy as np

    if name + _COUNTS not in tensors:
        raise InvalidModelFile(f"{path} has no counts for {name}", hint=_HINT)
    squares, counts = (_values(path, tensors[name + suffix]) for suffix in (_SUMS, _COUNTS))
    n_matrices = counts.size
    if squares.size % n_matrices:
        raise InvalidModelFile(f"{path} has {n_matrices} counts for {squares.size} sums of {name}", hint=_HINT)
    for values in (squares, counts):
        if not np.isfinite(values).all() or (values < 0).any():
            raise InvalidModelFile(f"{path} holds sums of {name} that are negative or not finite", hint=_HINT)
    return Sums(squares.reshape(n_matrices, -1), np.rint(counts).astype(np.int64))


def _values(path: Path, tensor: Tensor) -> NDArray[np.float64]:
    import numpy as np

    if tensor.type != "F32":
        raise InvalidModelFile(f"{path} stores {tensor.name} as {tensor.type}, not F32", hint=_HINT)
    return np.fromfile(path, dtype="<f4", count=tensor.n_elements, offset=tensor.offset).astype(np.float64)


def _is_note(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)

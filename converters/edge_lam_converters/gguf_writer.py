"""Writes a GGUF piece by piece, and puts files in place whole or not at all.

The `gguf` package lays out header, metadata and tensor descriptions; the values follow as they come, so that no tensor
is ever whole in memory.
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edge_lam._util.atomic_file import is_linked, partial_path, remove_abandoned, try_lock
from edge_lam.errors import CheckpointError, InvalidRequest
from edge_lam_converters.dtypes import STORAGE, Array

if TYPE_CHECKING:
    from gguf import GGUFWriter

ALIGNMENT = 32


@dataclass(frozen=True)
class OutputTensor:
    """A tensor to be written.

    Attributes:
        name: its name in the GGUF.
        shape: its dimensions, rows first.
        dtype: "BF16", "F16" or "F32".
        pieces: its values in order, flat, stored as `dtypes.STORAGE` says.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    pieces: Iterable[Array]

    @property
    def n_bytes(self) -> int:
        """Size of its values in the file, without padding."""
        return math.prod(self.shape) * STORAGE[self.dtype].itemsize


def write_gguf(path: Path, writer: GGUFWriter, tensors: Sequence[OutputTensor]) -> None:
    """Write `writer`'s metadata and `tensors` to `path`, which is overwritten.

    Raises:
        CheckpointError: metadata that GGUF can't hold.
        OSError: the file can't be written.
    """
    with _opened(path, writer, tensors) as file:
        for tensor in tensors:
            writer.write_padding(file, file.tell())
            for piece in tensor.pieces:
                file.write(piece.data)
        writer.write_padding(file, file.tell())


def write_outline(path: Path, writer: GGUFWriter, tensors: Sequence[OutputTensor]) -> int:
    """Write a GGUF with a hole where the values would be: of full length, but on disk only its header.

    Returns:
        The length of the header in bytes, without padding.

    Raises:
        CheckpointError: metadata that GGUF can't hold.
        OSError: the file can't be written.
    """
    with _opened(path, writer, tensors) as file:
        header = int(file.tell())
        file.truncate(gguf_bytes(header, [tensor.n_bytes for tensor in tensors]))
    return header


def gguf_bytes(header: int, tensors: Iterable[int]) -> int:
    """Return the size of a GGUF: of its header and of its tensors, each padded."""
    return sum(-(-n_bytes // ALIGNMENT) * ALIGNMENT for n_bytes in (header, *tensors))


@contextmanager
def _opened(path: Path, writer: GGUFWriter, tensors: Sequence[OutputTensor]) -> Iterator[BinaryIO]:
    """Write the header and yield the file, positioned after it."""
    from gguf import GGMLQuantizationType

    for tensor in tensors:
        kind = GGMLQuantizationType[tensor.dtype]
        writer.add_tensor_info(tensor.name, tensor.shape, STORAGE[tensor.dtype], tensor.n_bytes, raw_dtype=kind)
    try:
        writer.write_header_to_file(path)
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        yield writer.fout[0]  # type: ignore[index]  # open since the header was written
    except (OverflowError, TypeError, UnicodeEncodeError, struct.error) as error:
        raise CheckpointError(f"the checkpoint's metadata can't be written to a GGUF: {error}") from error
    finally:
        writer.close()


@contextmanager
def partial_file(path: Path) -> Iterator[Path]:
    """Reserve a file beside `path`, yield it for writing, and put it in place of `path` when all went well.

    On any error, Ctrl-C included, it is removed and `path` is left as it was. What a kill leaves is not `path`, and
    the next file that is written to the folder removes it.

    Raises:
        InvalidRequest: another process is writing it.
        OSError: the folder can't be written.
    """
    with scratch_file(path) as partial:
        yield partial
        _sync(partial)
        partial.replace(path)
    _sync(path.parent)


@contextmanager
def scratch_file(path: Path) -> Iterator[Path]:
    """Reserve a file beside `path`, yield it for writing, and remove it at the end, whatever happened."""
    remove_abandoned(path.parent)
    try:
        with _locked(path) as scratch:
            yield scratch
    finally:
        # It asks the lock, not a flag of ours: Ctrl-C may come between the making of the file and what is done next.
        remove_abandoned(path.parent)


@contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """Yield the partial file of `path`, locked; one name for each, so that two processes don't write the same."""
    partial = partial_path(path, hashlib.sha256(path.name.encode(errors="surrogateescape")).hexdigest()[:16])
    while True:
        descriptor = os.open(partial, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            if not try_lock(descriptor):
                hint = "wait for it to end"
                raise InvalidRequest(f"another process is writing {path.name}", hint=hint, param="out")
            if is_linked(descriptor):
                yield partial
                return
        finally:
            os.close(descriptor)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, would last through a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

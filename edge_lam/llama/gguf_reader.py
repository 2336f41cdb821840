"""Walks through the header of one GGUF and checks every count, length and offset against the size of the file.

In goes a mapped file, out come metadata and tensors. Every count and length is held against what it is for before
anything is read by it, so that a hostile header can neither exhaust memory nor run for long, here or in llama.cpp.
"""

from __future__ import annotations

import math
import mmap
import struct
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from edge_lam.errors import InvalidModelFile
from edge_lam.llama.gguf_types import ARRAY, SCALARS, STRING, TENSOR_TYPES, GGUFArray, Tensor

DOWNLOAD_HINT = "download or convert it again"
MAX_KEYS = MAX_TENSORS = 65_536  # models in circulation have 40 keys and some thousand tensors
LONGEST_NAME = 1024  # bytes of a key
MAX_TEXT = 16 << 20  # bytes of all texts but those in arrays: chat templates are the longest, of 20 KB
MAX_ELEMENTS = 8 << 20  # of all arrays together: vocabularies have up to 300,000 tokens, and twice as many merges
MAX_ARRAY_BYTES = 128 << 20
_HEAD = 8  # how many elements of an array are kept in memory


class Reader:
    """Walks through one file; every method reads at `position` and moves it on.

    Args:
        path: the file, for messages.
        data: what is mapped of it.
        size: bytes of the whole file.
    """

    def __init__(self, path: Path, data: mmap.mmap, size: int) -> None:
        self._path, self._data, self._size, self._position = path, data, size, 0
        self._text_left, self._elements_left, self._array_bytes_left = MAX_TEXT, MAX_ELEMENTS, MAX_ARRAY_BYTES

    def header(self) -> tuple[int, dict[str, Any], tuple[Tensor, ...]]:
        """Read the header and check it against itself and the file.

        Returns:
            The version of the format, the metadata, the tensors.

        Raises:
            InvalidModelFile: it is no GGUF, is cut off, or contradicts itself.
        """
        self._check_magic()
        version, n_tensors, n_values = self._unpack("IQQ")
        if version not in (2, 3):
            raise self._error(_describe_version(version), hint="convert it again")
        # A value takes at least 13 bytes and a tensor 24: a count that can't be true is refused before the loop.
        if 13 * n_values + 24 * n_tensors > self._size or n_values > MAX_KEYS or n_tensors > MAX_TENSORS:
            raise self._error(f"claims {n_values} values and {n_tensors} tensors in {self._size} bytes")
        metadata: dict[str, Any] = {}
        for _ in range(n_values):
            key = self._string("a key", LONGEST_NAME)
            if not key or key in metadata:
                raise self._error(f"repeats the key {key!r}" if key else "has a key without a name")
            (kind,) = self._unpack("I")
            metadata[key] = self._value(kind, key)
        tensors = tuple(self._tensor() for _ in range(n_tensors))
        refuse_duplicates(self._path, [tensor.name for tensor in tensors])
        start = self._check_data(tensors, metadata.get("general.alignment", 32))
        return version, metadata, tuple(replace(tensor, offset=start + tensor.offset) for tensor in tensors)

    def _error(self, message: str, hint: str = DOWNLOAD_HINT) -> InvalidModelFile:
        return InvalidModelFile(f"{self._path} {message}", hint=hint)

    def _unpack(self, codes: str) -> tuple[Any, ...]:
        layout = struct.Struct(f"<{codes}")
        if self._position + layout.size > self._size:
            raise self._error(f"ends within its header, after {self._size} bytes")
        values = layout.unpack_from(self._data, self._position)
        self._position += layout.size
        return values

    def _string(self, what: str, longest: int = MAX_TEXT) -> str:
        (length,) = self._unpack("Q")
        if length > self._size - self._position:
            raise self._error(f"ends within {what} of {length} bytes")
        self._text_left -= length
        if length > longest or self._text_left < 0:
            raise self._error(f"has {what} of {length} bytes, which no model needs")
        start, self._position = self._position, self._position + length
        return self._data[start : self._position].decode("utf-8", "replace")

    def _value(self, kind: int, key: str) -> object:
        if kind == STRING:
            return self._string(f"the value of {key}")
        if kind == ARRAY:
            return self._array(key)
        if kind not in SCALARS:
            raise self._error(f"has a value of unknown type {kind} at {key}")
        return self._unpack(SCALARS[kind][0])[0]

    def _array(self, key: str) -> GGUFArray:
        kind, count = self._unpack("IQ")
        smallest = 8 if kind == STRING else struct.calcsize(SCALARS[kind][0]) if kind in SCALARS else 0
        if not smallest:
            raise self._error(f"has an array of unknown type {kind} at {key}")
        start = self._position
        if count * smallest > self._size - start:
            raise self._error(f"ends within the array {key} of {count} elements")
        self._elements_left -= count
        if self._elements_left < 0:
            raise self._error(f"has the array {key} of {count} elements, which no model needs")
        head = tuple(self._value(kind, key) for _ in range(min(count, _HEAD)))
        if kind == STRING:
            self._skip_strings(count - len(head), key)
        else:
            self._position = start + count * smallest
        self._array_bytes_left -= self._position - start
        if self._array_bytes_left < 0:
            raise self._error(f"has the array {key} of {self._position - start} bytes, which no model needs")
        name = "string" if kind == STRING else SCALARS[kind][1]
        return GGUFArray(name, count, head, self._path, start, self._position)

    def _skip_strings(self, count: int, key: str) -> None:
        position, data, length_at = self._position, self._data, struct.Struct("<Q").unpack_from
        try:
            for _ in range(count):
                position += 8 + length_at(data, position)[0]
        except (struct.error, OverflowError):  # behind the end: the error follows
            position = self._size + 1
        if position > self._size:
            raise self._error(f"ends within the strings of {key}")
        self._position = position

    def _tensor(self) -> Tensor:
        name = self._string("the name of a tensor", LONGEST_NAME)
        (n_dimensions,) = self._unpack("I")
        if not 1 <= n_dimensions <= 4 or not 1 <= len(name.encode()) < 64:
            raise self._error(f"has a tensor {name[:64]!r} with {n_dimensions} dimensions")
        shape = self._unpack(f"{n_dimensions}Q")
        kind, offset = self._unpack("IQ")
        if kind not in TENSOR_TYPES:
            raise self._error(f"has a tensor {name} of unknown type {kind}", hint="convert it again")
        type_name, block, block_bytes = TENSOR_TYPES[kind]
        if 0 in shape or shape[0] % block or math.prod(shape) >= 2**60:
            raise self._error(f"has a tensor {name} of impossible shape {shape} for {type_name}")
        return Tensor(name, shape, type_name, math.prod(shape) // block * block_bytes, offset)

    def _check_data(self, tensors: tuple[Tensor, ...], alignment: object) -> int:
        """Check where the tensors are, and return where the first one begins."""
        if not isinstance(alignment, int) or not 8 <= alignment <= 2**20 or alignment & (alignment - 1):
            raise self._error(f"has an impossible alignment of {alignment!r}")
        start = -(-self._position // alignment) * alignment
        ordered = sorted(tensors, key=lambda tensor: tensor.offset)
        for tensor in ordered:
            if tensor.offset % alignment:
                raise self._error(f"has a tensor {tensor.name} at {tensor.offset}, not a multiple of {alignment}")
        for before, after in pairwise(ordered):
            if before.offset + before.n_bytes > after.offset:
                raise self._error(f"has overlapping tensors {before.name} and {after.name}")
        end = max((start + tensor.offset + tensor.n_bytes for tensor in tensors), default=start)
        if end > self._size and tensors:
            raise self._error(f"is cut off: {self._size} bytes of {end}")
        return start

    def _check_magic(self) -> None:
        magic, self._position = self._data[:4], 4
        if magic == b"GGUF":
            return
        if magic == b"FUGG" or magic[::-1] == b"GGUF":
            raise self._error("is a big-endian GGUF", hint="convert it again on a little-endian machine")
        if self._data[8:9] == b"{" and b'"dtype"' in self._data[: 2**16]:
            raise self._error("is a safetensors file, not a GGUF", hint="convert its folder with `edge-lam convert`")
        if self._data[:64].startswith((b"<!DOCTYPE", b"<html", b"version https://git-lfs")):
            raise self._error("is a web page or a Git LFS pointer, not a GGUF", hint=DOWNLOAD_HINT)
        raise self._error("is not a GGUF file", hint="")


def _describe_version(version: int) -> str:
    if version & 0xFFFF == 0:
        return "is a big-endian GGUF"
    return f"is a GGUF of version {version}; versions 2 and 3 can be read"


def refuse_duplicates(path: Path, names: list[str]) -> None:
    """Refuse a file with two tensors of one name.

    Raises:
        InvalidModelFile: names it.
    """
    if len(set(names)) < len(names):
        repeated, _ = Counter(names).most_common(1)[0]
        raise InvalidModelFile(f"{path} has two tensors called {repeated}", hint=DOWNLOAD_HINT)

"""Writes small GGUFs: texts, numbers and lists of texts as metadata, and tensors in F32.

In go plain values and arrays, out comes a file.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from typing import TypeAlias

    import numpy as np
    from numpy.typing import NDArray

    Value: TypeAlias = str | int | float | Sequence[str]

ALIGNMENT = 32
_VERSION = 3
_UINT32, _FLOAT32, _STRING, _ARRAY = 4, 6, 8, 9  # gguf_type
_F32 = 0  # ggml_type


def pack_text(text: str) -> bytes:
    """Return a text as GGUF stores names and strings: its length, then UTF-8."""
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def pack_value(value: Value) -> bytes:
    """Return a value with its type: texts, numbers of 32 bits, lists of texts."""
    if isinstance(value, str):
        return struct.pack("<I", _STRING) + pack_text(value)
    if isinstance(value, int):
        return struct.pack("<II", _UINT32, value)
    if isinstance(value, float):
        return struct.pack("<If", _FLOAT32, value)
    return struct.pack("<IIQ", _ARRAY, _STRING, len(value)) + b"".join(map(pack_text, value))


def pack_header(
    metadata: Mapping[str, Value],
    tensors: Sequence[tuple[str, tuple[int, ...], int, int]],
) -> bytes:
    """Return a header.

    Args:
        metadata: keys and values.
        tensors: name, shape with the row length first, number of the type, and where the values begin behind the
            header, in bytes.
    """
    header = struct.pack("<4sIQQ", b"GGUF", _VERSION, len(tensors), len(metadata))
    header += b"".join(pack_text(key) + pack_value(value) for key, value in metadata.items())
    for name, shape, kind, offset in tensors:
        header += pack_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    return header + bytes(-len(header) % ALIGNMENT)


def write_f32(
    file: BinaryIO,
    metadata: Mapping[str, Value],
    tensors: Mapping[str, NDArray[np.float32]],
) -> None:
    """Write a whole GGUF of F32 tensors of any shape, rows first as numpy has them.

    Raises:
        OSError: the file can't be written.
    """
    described, offset = [], 0
    for name, values in tensors.items():
        described.append((name, values.shape[::-1], _F32, offset))
        offset += aligned(values.nbytes)
    file.write(pack_header(metadata, described))
    for values in tensors.values():
        file.write(values.astype("<f4").tobytes())
        file.write(bytes(aligned(values.nbytes) - values.nbytes))


def aligned(n_bytes: int) -> int:
    """Return the room that values take in the file, padding included."""
    return -(-n_bytes // ALIGNMENT) * ALIGNMENT

"""Writes GGUF files byte by byte, sound ones and ones that no proper writer would write."""

from __future__ import annotations

import math
import struct
from typing import Any

from edge_lam.llama.gguf_types import TENSOR_TYPES

NUMBERS = {name: number for number, (name, _, _) in TENSOR_TYPES.items()}


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(item: Any) -> bytes:
    """Encode a value with its type; bytes are taken as already encoded."""
    if isinstance(item, bytes):
        return item
    for kind, number, layout in ((bool, 7, "?"), (int, 4, "I"), (float, 6, "f")):
        if isinstance(item, kind):
            return struct.pack(f"<I{layout}", number, item)
    if isinstance(item, str):
        return struct.pack("<I", 8) + text(item)
    if all(isinstance(element, str) for element in item):
        return struct.pack("<IIQ", 9, 8, len(item)) + b"".join(map(text, item))
    return struct.pack(f"<IIQ{len(item)}i", 9, 5, len(item), *item)


def tensor_bytes(shape: tuple[int, ...], kind: str) -> int:
    _, block, block_bytes = TENSOR_TYPES[NUMBERS[kind]]
    return math.prod(shape) // block * block_bytes


def gguf(
    metadata: dict[str, Any] | list[tuple[str, Any]],
    tensors: list[tuple[str, tuple[int, ...], str]] | None = None,
    *,
    version: int = 3,
    n_values: int | None = None,
    n_tensors: int | None = None,
    offsets: list[int] | None = None,
) -> bytes:
    """Build a file; `offsets` and the counts may lie. All weights are zero."""
    items = list(metadata.items()) if isinstance(metadata, dict) else metadata
    tensors = tensors or []
    counts = (len(tensors) if n_tensors is None else n_tensors, len(items) if n_values is None else n_values)
    data = b"GGUF" + struct.pack("<IQQ", version, *counts)
    data += b"".join(text(key) + value(item) for key, item in items)
    end = 0
    for index, (name, shape, kind) in enumerate(tensors):
        offset = end if offsets is None else offsets[index]
        data += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, NUMBERS[kind], offset)
        end += -(-tensor_bytes(shape, kind) // 32) * 32
    return data + bytes(-len(data) % 32) + bytes(end)

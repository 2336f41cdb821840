"""What a GGUF is made of: types of tensors, files and metadata values, with their numbers; arrays and tensors."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

# ggml type: (name, elements per block, bytes per block). Files also hold numbers of types that were removed.
TENSOR_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18), 42: ("Q2_0", 64, 18),
}  # fmt: skip

# general.file_type: the label of the whole file (llama_ftype).
FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE", 39: "NVFP4",
    40: "Q1_0", 41: "Q2_0",
}  # fmt: skip

# GGUF value type: struct code and numpy's name; 8 is a string, 9 an array.
SCALARS = {
    0: ("B", "u1"), 1: ("b", "i1"), 2: ("H", "<u2"), 3: ("h", "<i2"), 4: ("I", "<u4"), 5: ("i", "<i4"), 6: ("f", "<f4"),
    7: ("?", "?"), 10: ("Q", "<u8"), 11: ("q", "<i8"), 12: ("d", "<f8"),
}  # fmt: skip
STRING, ARRAY = 8, 9


@dataclass(frozen=True, slots=True)
class GGUFArray:
    """An array of the metadata, left in the file: a vocabulary of 152,000 tokens costs nothing until it is read.

    Attributes:
        kind: "string", or numpy's name of the element type.
        count: how many elements.
        head: the first few of them.
        path, start, end: where the elements are, in bytes.
    """

    kind: str
    count: int
    head: tuple[Any, ...]
    path: Path
    start: int
    end: int

    def numbers(self) -> NDArray[Any]:
        """Read all elements of a numeric array, shape (count,)."""
        import numpy as np

        return np.fromfile(self.path, dtype=self.kind, count=self.count, offset=self.start)

    def strings(self) -> list[bytes]:
        """Read all elements of an array of strings, undecoded."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            data = file.read(self.end - self.start)
        strings, position = [], 0
        length_at = struct.Struct("<Q").unpack_from
        while position < len(data):
            first = position + 8
            position = first + length_at(data, position)[0]
            strings.append(data[first:position])
        return strings


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as described in the header.

    `shape` is in GGUF's order, the row length first; `offset` is where its values begin in its file, in bytes.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    n_bytes: int
    offset: int

    @property
    def n_elements(self) -> int:
        """How many weights it holds."""
        return math.prod(self.shape)

"""What keys and values can be kept as: f16, or quantized in blocks of 32.

In goes a name, out comes a `KVType` that fits a model.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_lam.errors import InvalidRequest
from edge_lam.llama.gguf_types import TENSOR_TYPES

DEFAULT_KV_TYPE = "f16"


@dataclass(frozen=True, slots=True)
class KVType:
    """A type of keys and values.

    Attributes:
        name: such as "q8_0".
        number: ggml's own of the type.
        block: values that are stored together.
        block_bytes: bytes of a block.
    """

    name: str
    number: int
    block: int
    block_bytes: int

    @property
    def is_quantized(self) -> bool:
        """Whether values are rounded to fewer bits than f16 has; llama.cpp then needs flash attention."""
        return self.block > 1

    @property
    def is_coarse(self) -> bool:
        """Whether it has fewer bits than q8_0, which is known to change what a model copies into a call."""
        return self.block_bytes < KV_TYPES["q8_0"].block_bytes and self.is_quantized

    def bytes_of(self, n_values: int) -> int:
        """Return the bytes of that many values, a multiple of `block`."""
        return n_values // self.block * self.block_bytes


def _kv_type(name: str) -> KVType:
    number, (_, block, block_bytes) = next(item for item in TENSOR_TYPES.items() if item[1][0] == name.upper())
    return KVType(name, number, block, block_bytes)


KV_TYPES = {name: _kv_type(name) for name in ("f16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0")}


def kv_type_of(name: str, n_head_dim: int) -> KVType:
    """Return the type of a name, if the heads of a model can be kept in it.

    Args:
        name: of `KV_TYPES`.
        n_head_dim: values of a head.

    Raises:
        InvalidRequest: no such type, or its blocks don't divide the heads.
    """
    found = KV_TYPES.get(name) if isinstance(name, str) else None
    if found is None:
        raise InvalidRequest(f"kv_type must be one of {', '.join(KV_TYPES)}, not {name!r}", param="kv_type")
    if n_head_dim % found.block:
        raise InvalidRequest(
            f"kv_type {name} stores {found.block} values together, but heads of this model have {n_head_dim}",
            hint="use f16",
            param="kv_type",
        )
    return found

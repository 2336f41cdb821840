"""The three float types of checkpoints: BF16, F16 and F32.

Arrays of one type go in, arrays of another come out, a bounded piece at a time. numpy has no bfloat16, so BF16 values
are held as their 16 raw bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

STORAGE: dict[str, np.dtype[Any]] = {"BF16": np.dtype("<u2"), "F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
"""What an array of each type is stored as, in files and in memory."""

# All bits of the exponent: set in NaN and infinity, never in a finite number.
_BF16_EXPONENT = np.uint16(0x7F80)


def all_finite(values: Array, dtype: str) -> bool:
    """Tell whether no value of `values`, stored as `dtype`, is NaN or infinite."""
    if dtype == "BF16":
        return not bool(np.any((values & _BF16_EXPONENT) == _BF16_EXPONENT))
    return bool(np.all(np.isfinite(values)))


def cast(values: Array, source: str, target: str) -> Array:
    """Return `values`, stored as `source`, stored as `target`: exact when widening, to the nearest when narrowing.

    A value that `target` has no room for becomes infinite; `all_finite` tells.
    """
    if source == target:
        return values
    wide = _bf16_to_f32(values) if source == "BF16" else values.astype(np.float32, copy=False)
    if target == "BF16":
        return _f32_to_bf16(wide)
    with np.errstate(over="ignore"):
        return wide.astype(STORAGE[target], copy=False)


def _bf16_to_f32(values: Array) -> Array:
    widened: Array = (values.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return widened


def _f32_to_bf16(values: Array) -> Array:
    bits = values.view(np.uint32)
    # Half of the last kept bit, plus one when that bit is odd: ties go to even, as in ggml.
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    high: Array = (rounded >> np.uint32(16)).astype(np.uint16)
    nan = np.isnan(values)
    if nan.any():  # rounding would carry through a NaN's bits and make it a number
        high[nan] = (bits[nan] >> np.uint32(16)).astype(np.uint16) | np.uint16(0x40)
    return high

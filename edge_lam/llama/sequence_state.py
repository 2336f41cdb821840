"""The keys and values of one sequence as bytes: copied out of llama.cpp's context, and put back into one.

llama.cpp takes bytes on trust, and some that it takes it can't let go again: they are looked at first. Its layout is
that of `llama_kv_cache::state_write` in llama-kv-cache.cpp.
"""

from __future__ import annotations

import ctypes
from types import ModuleType
from typing import TYPE_CHECKING

from edge_lam.errors import BackendError
from edge_lam.llama.library import log

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def copy_state(llama: ModuleType, context: int, sequence: int) -> NDArray[np.uint8]:
    """Return a copy of the state of a sequence, shape (bytes,).

    Args:
        llama: llama.cpp's functions.
        context: the address of its context.
        sequence: the number of the sequence.

    Raises:
        BackendError: llama.cpp can't copy it.
    """
    import numpy as np

    size = llama.llama_state_seq_get_size(context, sequence)
    state = np.empty(size, dtype=np.uint8)
    target = state.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
    if not size or llama.llama_state_seq_get_data(context, target, size, sequence) != size:
        raise BackendError("llama.cpp could not copy the keys and values")
    return state


def put_state(llama: ModuleType, context: int, state: NDArray[np.uint8], sequence: int) -> str | None:
    """Put a state into an empty sequence.

    Args:
        llama: llama.cpp's functions.
        context: the address of its context.
        state: as `copy_state` returned it, of this context or one like it.
        sequence: the number of the sequence.

    Returns:
        Why it does not fit, or None; if it does not, the sequence may hold a part of it.
    """
    import numpy as np

    data = np.ascontiguousarray(state, dtype=np.uint8)
    if not _has_consecutive_positions(data):
        return "its tokens don't stand one after the other"
    source = data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
    with log.capture():
        done = llama.llama_state_seq_set_data(context, source, len(data), sequence)
        return None if done == len(data) else log.last_error() or "no reason given"


def _has_consecutive_positions(state: NDArray[np.uint8]) -> bool:
    """Tell whether the tokens of a state are at 0, 1, 2...; llama.cpp takes others too, and can't forget them again.

    The state begins with 12 bytes, the number of cells and for each cell its position, the number of its sequences (1)
    and the first of them. Another layout, of another llama.cpp, is left to it.
    """
    import numpy as np

    n_cells = int.from_bytes(state[12:16].tobytes(), "little")
    cells = state[16 : 16 + 12 * n_cells]
    if len(cells) < 12 * n_cells:
        return True
    positions, n_sequences, _ = cells.view("<i4").reshape(-1, 3).T
    return not (n_sequences == 1).all() or np.array_equal(positions, np.arange(n_cells))

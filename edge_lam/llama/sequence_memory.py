"""`SequenceMemory`: the keys and values that the sequences of a context hold; cut, shared, copied out and put back.

llama.cpp takes copied bytes on trust, and some that it takes it can't let go again: they are looked at first. Their
layout is that of `llama_kv_cache::state_write` in llama-kv-cache.cpp.
"""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any

from edge_lam.errors import BackendError, Closed, InvalidRequest
from edge_lam.llama.library import log

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SequenceMemory:
    """What the sequences of one context of llama.cpp hold.

    Attributes:
        n_ctx: tokens that each sequence holds.
        n_sequences: sequences, numbered from 0.

    Args:
        llama: llama.cpp's functions.
        pointer: the address of its context.
        n_ctx, n_sequences: the context's.
    """

    def __init__(self, llama: Any, pointer: int, *, n_ctx: int, n_sequences: int) -> None:
        self.n_ctx, self.n_sequences = n_ctx, n_sequences
        self._llama = llama
        self._pointer: int | None = pointer
        self._memory = llama.llama_get_memory(pointer)
        self._process = os.getpid()

    def length(self, sequence: int = 0) -> int:
        """Return how many tokens the sequence holds.

        Raises:
            InvalidRequest: no such sequence.
            Closed: after `close()`.
        """
        self._open()
        if not 0 <= sequence < self.n_sequences:
            raise InvalidRequest(f"there is no sequence {sequence}", param="sequence")
        return int(self._llama.llama_memory_seq_pos_max(self._memory, sequence)) + 1

    def truncate(self, position: int, *, sequence: int = 0) -> None:
        """Forget the tokens from a position on.

        Raises:
            InvalidRequest: no such position or sequence.
            BackendError: llama.cpp can't.
            Closed: after `close()`.
        """
        held = self.length(sequence)
        if position < 0:
            raise InvalidRequest(f"there is no position {position}", param="position")
        if position < held and not self._llama.llama_memory_seq_rm(self._memory, sequence, position, -1):
            raise BackendError(f"llama.cpp can't forget the tokens from {position} on with this model")

    def clear(self) -> None:
        """Forget the tokens of all sequences, and put zeros in the place of their keys and values.

        Raises:
            Closed: after `close()`.
        """
        self._open()
        self._llama.llama_memory_clear(self._memory, True)

    def copy(self, source: int, target: int, length: int) -> None:
        """Let a sequence hold the first tokens of another one, and nothing else; they share the memory.

        Args:
            source: the sequence that holds them.
            target: another one.
            length: how many tokens.

        Raises:
            InvalidRequest: no such sequences, or fewer tokens are held.
            Closed: after `close()`.
        """
        if source == target or not 0 < length <= self.length(source):
            raise InvalidRequest(f"sequence {source} can't give {length} tokens to {target}", param="length")
        self.truncate(0, sequence=target)
        self._llama.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def state(self, *, sequence: int = 0) -> NDArray[np.uint8]:
        """Return a copy of the keys and values of a sequence, shape (bytes,), as `restore` takes them.

        Raises:
            InvalidRequest: no such sequence.
            BackendError: llama.cpp can't copy them.
            Closed: after `close()`.
        """
        import numpy as np

        self.length(sequence)
        pointer = self._open()
        size = self._llama.llama_state_seq_get_size(pointer, sequence)
        state = np.empty(size, dtype=np.uint8)
        target = state.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        if not size or self._llama.llama_state_seq_get_data(pointer, target, size, sequence) != size:
            raise BackendError("llama.cpp could not copy the keys and values")
        return state

    def restore(self, state: NDArray[np.uint8], *, sequence: int = 0) -> int:
        """Replace what a sequence holds by a copied state.

        Args:
            state: shape (bytes,), of a context with the same model and the same types of keys and values.
            sequence: which sequence.

        Returns:
            How many tokens it holds now.

        Raises:
            InvalidRequest: no such sequence.
            BackendError: the state does not fit; the sequence is empty then.
            Closed: after `close()`.
        """
        self.truncate(0, sequence=sequence)
        reason = self._put(state, sequence)
        if reason is None and self.length(sequence) > self.n_ctx:
            reason = f"it holds {self.length(sequence)} tokens, the context {self.n_ctx}"
        if reason is not None:
            self._llama.llama_memory_seq_rm(self._memory, sequence, 0, -1)
            raise BackendError(f"the state does not fit this context: {reason}")
        return self.length(sequence)

    def _put(self, state: NDArray[np.uint8], sequence: int) -> str | None:
        """Put a state into an empty sequence; return why it does not fit, after which a part of it may be there."""
        import numpy as np

        data = np.ascontiguousarray(state, dtype=np.uint8)
        if not _has_consecutive_positions(data):
            return "its tokens don't stand one after the other"
        source = data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
        with log.capture():
            done = self._llama.llama_state_seq_set_data(self._open(), source, len(data), sequence)
            return None if done == len(data) else log.last_error() or "no reason given"

    def _open(self) -> int:
        if self._pointer is None:
            raise Closed("the context is closed")
        if os.getpid() != self._process:
            raise BackendError("the context belongs to another process", hint="load the model after the fork")
        return self._pointer


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

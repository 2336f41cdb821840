"""`Batch`: the tokens of one pass, of one sequence or of several, as llama.cpp takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from edge_lam.errors import InvalidRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Part:
    """What one sequence has in a pass.

    Attributes:
        sequence: its number.
        tokens: ids, at least one; an array has the shape (tokens,).
        start: position of the first one: how many tokens the sequence holds.
        rows: after which of them logits are wanted, by their indices, ascending.
    """

    sequence: int
    tokens: Sequence[int] | NDArray[np.int64]
    start: int
    rows: Sequence[int] = ()


def token_ids(tokens: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Return tokens as an array, shape (n_tokens,).

    Raises:
        InvalidRequest: they are no whole numbers, or none.
    """
    import numpy as np

    try:
        ids = np.asarray(tokens, dtype=np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidRequest(f"tokens must be whole numbers: {error}", param="tokens") from error
    if ids.ndim != 1 or not len(ids):
        raise InvalidRequest("decode needs at least one token", param="tokens")
    return ids


def logit_rows(n_tokens: int, logits: str | Sequence[int], *, n_logits: int, n_batch: int) -> Sequence[int]:
    """Return the indices of the tokens that are to give logits, all of them in the last pass.

    Args:
        n_tokens: how many tokens are read.
        logits: "last", "all", "none" or indices, ascending.
        n_logits: most rows of a pass.
        n_batch: most tokens of a pass.

    Raises:
        InvalidRequest: another word, too many, or tokens of an earlier pass.
    """
    words: dict[str, Sequence[int]] = {"last": [n_tokens - 1], "all": range(n_tokens), "none": []}
    wanted = words.get(logits) if isinstance(logits, str) else logits
    if wanted is None:
        raise InvalidRequest(f"logits must be last, all, none or indices, not {logits!r}", param="logits")
    if len(wanted) > n_logits:
        raise InvalidRequest(f"{len(wanted)} tokens are more than n_logits={n_logits}", param="logits")
    last_pass = (n_tokens - 1) // n_batch * n_batch
    if len(wanted) and not last_pass <= min(wanted) <= max(wanted) < n_tokens:
        raise InvalidRequest(f"logits of tokens outside {last_pass} to {n_tokens - 1}", param="logits")
    return wanted


class Batch:
    """llama.cpp's batch, allocated once, with its arrays as numpy sees them.

    Attributes:
        struct: what `llama_decode` takes.
    """

    def __init__(self, llama: ModuleType, n_tokens: int) -> None:
        import numpy as np

        self.struct = llama.llama_batch_init(n_tokens, 0, 1)
        view = np.ctypeslib.as_array
        self._tokens = view(self.struct.token, shape=(n_tokens,))
        self._positions = view(self.struct.pos, shape=(n_tokens,))
        self._outputs = view(self.struct.logits, shape=(n_tokens,))
        self._offsets = np.arange(n_tokens, dtype=np.int32)
        view(self.struct.n_seq_id, shape=(n_tokens,))[:] = 1
        # llama.cpp keeps an address for each token's list of sequences; here every list has one number.
        self._sequences = np.zeros(n_tokens, dtype=np.int32)
        for index in range(n_tokens):
            self.struct.seq_id[index][0] = 0

    def fill(self, parts: Sequence[Part]) -> None:
        """Take the tokens of a pass; they must fit."""
        end = 0
        for part in parts:
            begin, end = end, end + len(part.tokens)
            self._tokens[begin:end] = part.tokens
            self._positions[begin:end] = self._offsets[: end - begin] + part.start
            self._outputs[begin:end] = 0
            for row in part.rows:
                self._outputs[begin + row] = 1
            self._put(part.sequence, begin, end)
        self.struct.n_tokens = end

    def _put(self, sequence: int, begin: int, end: int) -> None:
        """Note whose tokens these are; only what changes is written, one address at a time."""
        held = self._sequences
        for index in (held[begin:end] != sequence).nonzero()[0].tolist():
            self.struct.seq_id[begin + index][0] = sequence
        held[begin:end] = sequence

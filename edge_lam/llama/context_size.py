"""The numbers that a context is made with: what they are by default, and how large they may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_lam.errors import InvalidRequest
from edge_lam.llama.threads import default_threads

if TYPE_CHECKING:
    from edge_lam.llama.shape import ModelShape

DEFAULT_N_CTX = 4096  # tokens, unless the model was trained for fewer
MAX_SEQUENCES = 64
CELLS = 256  # tokens that a context grows by
_MAX_SCORES = 128 << 20  # bytes


@dataclass(frozen=True, slots=True)
class ContextSize:
    """The numbers of one context.

    Attributes:
        n_ctx: tokens that each sequence holds.
        n_sequences: sequences side by side.
        n_batch: tokens of one pass, at most `n_ctx`.
        n_logits: tokens of one pass that can give logits, at most `n_batch`.
        n_threads: threads that compute.
    """

    n_ctx: int
    n_sequences: int
    n_batch: int
    n_logits: int
    n_threads: int

    @classmethod
    def of(
        cls,
        shape: ModelShape,
        device: str,
        *,
        n_ctx: int | None,
        n_sequences: int,
        n_batch: int | None,
        n_logits: int | None,
        n_threads: int | None,
    ) -> ContextSize:
        """Check the numbers that are given, and choose those that are None for a model of that shape on a device.

        Raises:
            InvalidRequest: one is out of range; `param` names it.
        """
        n_ctx = min(shape.n_ctx_train, DEFAULT_N_CTX) if n_ctx is None else n_ctx
        n_threads = default_threads().n if n_threads is None else n_threads
        check_number("n_sequences", n_sequences, MAX_SEQUENCES)
        n_logits = default_n_logits(n_sequences) if n_logits is None else n_logits
        check_number("n_ctx", n_ctx, shape.n_ctx_train)
        if n_batch is None:
            n_cells = cells_of(n_ctx, n_sequences)
            n_batch = default_n_batch(device, n_cells=n_cells, n_head=shape.n_head)
        check_number("n_batch", n_batch, 2**16)
        check_number("n_threads", n_threads, 512)
        check_number("n_logits", n_logits, 2**16)
        n_batch = min(n_batch, n_ctx)
        return cls(n_ctx, n_sequences, n_batch, min(n_logits, n_batch), n_threads)


def cells_of(n_ctx: int, n_sequences: int) -> int:
    """Return the tokens that sequences hold together; llama.cpp rounds them up."""
    return -(-n_ctx * n_sequences // CELLS) * CELLS


def default_n_batch(device: str, *, n_cells: int, n_head: int) -> int:
    """Return the tokens of one pass.

    A processor is kept busy by few tokens; what it takes to hold the scores of attention grows with them, and is kept
    within bounds.

    Args:
        device: "cpu", or a GPU's label.
        n_cells: tokens of context, of all sequences.
        n_head: heads of attention.
    """
    if device != "cpu":
        return 512
    most = _MAX_SCORES // (4 * n_cells * n_head)
    return min(128, max(32, most // 32 * 32))


def default_n_logits(n_sequences: int) -> int:
    """Return the tokens whose logits a pass can give: of drafts, those of all sequences."""
    return max(32, 10 * n_sequences)


def check_number(name: str, value: int, largest: int) -> None:
    """Refuse what is no whole number from 1 to `largest`.

    Raises:
        InvalidRequest: `param` is `name`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
        raise InvalidRequest(f"{name} must be a whole number from 1 to {largest}, not {value!r}", param=name)

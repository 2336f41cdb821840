"""The numbers that a context is made with: what they are by default, and how large they may be."""

from __future__ import annotations

from edge_lam.errors import InvalidRequest

DEFAULT_N_CTX = 4096  # tokens, unless the model was trained for fewer
MOST_SEQUENCES = 64
CELLS = 256  # tokens that a context grows by
_MOST_SCORES = 128 << 20  # bytes


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
    most = _MOST_SCORES // (4 * n_cells * n_head)
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

"""The sliding window: attention to the last so many tokens only, which llama.cpp does not compute for these models."""

from __future__ import annotations

from edge_lam.errors import CheckpointError


def refuse_window(window: object, n_ctx: int, *, off: str) -> None:
    """Refuse a window that is narrower than the context, for then it changes what the model computes.

    Args:
        window: the width in tokens, None for no window.
        n_ctx: the longest context.
        off: how config.json turns the window off, for the hint.

    Raises:
        CheckpointError: the window is narrower.
    """
    if isinstance(window, int) and window < n_ctx:
        raise CheckpointError(
            f"config.json turns the sliding window on ({window} tokens), which llama.cpp does not compute here",
            hint=f"set {off}, or max_position_embeddings to {window} at most",
        )

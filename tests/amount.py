"""How much the tests try: a little at each change, thirty times as much in `make test-thorough`."""

from __future__ import annotations

import os

IS_THOROUGH = bool(os.environ.get("EDGE_LAM_TEST_THOROUGH"))


def many(n: int) -> int:
    """Return how often to do what is done `n` times at each change."""
    return 30 * n if IS_THOROUGH else n

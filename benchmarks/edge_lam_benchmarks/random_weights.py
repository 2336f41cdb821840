"""How a GGUF says of itself that its weights are random. Imports nothing: processes that are timed read it too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WEIGHTS_KEY = "edge_lam.weights"
"""In a GGUF's metadata; "random" in a shape."""

LABEL = "random weights, replayed answers"
"""What stands beside every result of a shape."""


def is_shape(metadata: Mapping[str, Any]) -> bool:
    """Tell from its metadata whether a GGUF holds random weights."""
    return metadata.get(WEIGHTS_KEY) == "random"

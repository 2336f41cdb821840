"""A model for agents, and a lamp to switch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from edge_lam import LAM, load


@pytest.fixture(scope="module")
def log_path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("log") / "calls.jsonl"


@pytest.fixture(scope="module")
def lam(tiny_lam_path: Path, log_path: Path) -> Iterator[LAM]:
    with load(tiny_lam_path, n_ctx=1024, log=log_path) as lam:
        yield lam


@pytest.fixture
def lamp():
    """A tool that keeps count of how it was called."""
    calls = []

    def switch_lamp(state: Literal["on", "off"]) -> dict[str, object]:
        """Switch the lamp.

        Args:
            state: What the lamp should be
        """
        calls.append(state)
        return {"lamp": state, "count": len(calls)}

    switch_lamp.calls = calls
    return switch_lamp

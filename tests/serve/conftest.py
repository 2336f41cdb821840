"""The embedded model behind a server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import edge_lam
from edge_lam.serve import app
from tests.serve.served import serving


@pytest.fixture(scope="session")
def lam(tiny_lam_path: Path) -> Iterator[edge_lam.LAM]:
    with edge_lam.load(tiny_lam_path, n_parallel=2, log="off", prefix_cache=False) as lam:
        yield lam


@pytest.fixture(scope="session")
def url(lam: edge_lam.LAM) -> Iterator[str]:
    with serving(lam) as url:
        yield url


@pytest.fixture
def client(lam: edge_lam.LAM) -> TestClient:
    """A client that needs no socket."""
    return TestClient(app(lam), raise_server_exceptions=False)


@pytest.fixture
def narrow(tiny_lam_path: Path, tmp_path: Path) -> Iterator[tuple[edge_lam.LAM, Callable[[], dict[str, Any]]]]:
    """A model for one request at a time, with no line to wait in; and what waits for the next line of its log."""
    path, n_read = tmp_path / "calls.jsonl", 0

    def next_line() -> dict[str, Any]:
        nonlocal n_read
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            lines = path.read_text().splitlines() if path.exists() else []
            if len(lines) > n_read:
                n_read += 1
                return dict(json.loads(lines[n_read - 1]))
            time.sleep(0.01)
        pytest.fail("the call was not logged")

    with edge_lam.load(tiny_lam_path, queue_limit=0, log=path, prefix_cache=False) as lam:
        yield lam, next_line

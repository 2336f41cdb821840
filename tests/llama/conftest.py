"""A tiny sound model that needs no training, and the embedded one, loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_lam.llama import Context, GGUFHeader, Model
from edge_lam.llama.probe import write_model


@pytest.fixture(scope="session")
def probe_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one-layer model of the self-test."""
    path = tmp_path_factory.mktemp("probe") / "probe.gguf"
    write_model(path)
    return path


@pytest.fixture(scope="session")
def probe_header(probe_path: Path) -> GGUFHeader:
    return GGUFHeader.read(probe_path)


@pytest.fixture(scope="session")
def model(tiny_lam_path: Path) -> Iterator[Model]:
    with Model(tiny_lam_path, device="cpu") as model:
        yield model


@pytest.fixture
def context(model: Model) -> Iterator[Context]:
    with Context(model, n_ctx=512, n_batch=64) as context:
        yield context

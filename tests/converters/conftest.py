"""A random checkpoint, written once and copied for the tests that break it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.converters.random_checkpoint import write_checkpoint


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BF16 checkpoint, which no test may change."""
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny-random"
    write_checkpoint(folder)
    return folder


@pytest.fixture
def checkpoint(original: Path, tmp_path: Path) -> Path:
    """A checkpoint of the test's own."""
    return Path(shutil.copytree(original, tmp_path / "tiny-random"))

"""An engine on the embedded model, and its log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_lam.decoding import Vocabulary
from edge_lam.engine import Engine
from edge_lam.formats import XLam2Qwen
from edge_lam.llama import Context, Model
from edge_lam.metrics import CallLog


@pytest.fixture
def log_path(tmp_path: Path) -> Path:
    return tmp_path / "calls.jsonl"


@contextmanager
def opened(model: Path, log: Path) -> Iterator[Engine]:
    context = Context(Model(model, device="cpu"), n_ctx=1024)
    engine = Engine(context, XLam2Qwen(), CallLog(log, log_prompts=False), load_seconds=0.5)
    yield engine
    engine.close()


@pytest.fixture
def engine(tiny_lam_path: Path, log_path: Path) -> Iterator[Engine]:
    """An engine that was asked nothing yet."""
    with opened(tiny_lam_path, log_path) as engine:
        yield engine


@pytest.fixture(scope="module")
def shared_engine(tiny_lam_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine for tests that don't mind what it was asked before: tools are read once for all of them."""
    with opened(tiny_lam_path, tmp_path_factory.mktemp("log") / "calls.jsonl") as engine:
        yield engine


@pytest.fixture(scope="session")
def vocabulary(tiny_lam_path: Path) -> Iterator[Vocabulary]:
    with Model(tiny_lam_path, device="cpu") as model:
        yield Vocabulary(model)


@pytest.fixture
def wordy() -> Callable[[int], dict]:
    """Make a tool whose call opens with a constant of so many words, all of which is forced, and ends with a choice."""

    def make(n_words: int) -> dict:
        words = " ".join(f"item{number}" for number in range(n_words))
        fields = {"text": {"const": words}, "n": {"type": "integer", "minimum": 1, "maximum": 9}}
        return {"name": "save", "parameters": {"type": "object", "properties": fields, "required": ["text", "n"]}}

    return make


@pytest.fixture
def logged(log_path: Path) -> Callable[[], list[dict]]:
    return lambda: [json.loads(line) for line in log_path.read_text().splitlines()]

"""An engine on the embedded model, and its log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
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


@pytest.fixture
def engine(tiny_lam_path: Path, log_path: Path) -> Iterator[Engine]:
    context = Context(Model(tiny_lam_path, device="cpu"), n_ctx=1024)
    engine = Engine(context, XLam2Qwen(), CallLog(log_path, log_prompts=False), load_seconds=0.5)
    yield engine
    engine.close()


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

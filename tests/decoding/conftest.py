"""The embedded model, its vocabulary, and grammars over the demo's tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_lam.cache import LiveSequence
from edge_lam.decoding import Constraint, Vocabulary
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.formats import ChatFormat, XLam2Qwen
from edge_lam.llama import Context, Model
from edge_lam.tools import Tool, as_tools


@pytest.fixture(scope="session")
def model(tiny_lam_path: Path) -> Iterator[Model]:
    with Model(tiny_lam_path, device="cpu") as model:
        yield model


@pytest.fixture(scope="session")
def vocabulary(model: Model) -> Vocabulary:
    return Vocabulary(model)


@pytest.fixture(scope="session")
def chat_format() -> ChatFormat:
    return XLam2Qwen()


@pytest.fixture(scope="session")
def tools() -> list[Tool]:
    return as_tools(DEMO_TOOLS)


@pytest.fixture
def sequence(model: Model) -> Iterator[LiveSequence]:
    with Context(model, n_ctx=2048, n_batch=256) as context:
        yield LiveSequence(context)


@pytest.fixture(scope="session")
def prompt(model: Model, chat_format: ChatFormat, tools: list[Tool]) -> list[int]:
    return model.tokenize(chat_format.render("What time is it in Tokyo?", tools[:2]))


@pytest.fixture
def constrain(vocabulary: Vocabulary, chat_format: ChatFormat, tools: list[Tool]) -> Callable[..., Constraint]:
    """Make a constraint as the engine does: of a tool choice."""

    def make(choice: str = "auto", *, parallel: bool = True, of: type[Constraint] = Constraint) -> Constraint:
        kind = {"auto": None, "none": "text"}.get(choice, "calls")
        grammar = chat_format.grammar(tools, choice, parallel=parallel)
        return of(vocabulary, grammar, kind=kind, opening=chat_format.syntax.first)

    return make

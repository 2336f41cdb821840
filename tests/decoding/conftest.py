"""The embedded model, its vocabulary, grammars over the demo's tools, and an engine core that runs decoders."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge_lam.cache import Slots
from edge_lam.decoding import Detokenizer, GrammarConstraint, PassCosts, Sampler, Unconstrained, Vocabulary
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine import Decoder, EngineCore, Sequence
from edge_lam.formats import ChatFormat, XLam2Qwen
from edge_lam.llama import Context, Model
from edge_lam.tools import Tool, as_tools


@pytest.fixture(scope="session")
def model(tiny_lam_path: Path) -> Iterator[Model]:
    with Model(tiny_lam_path, device="cpu") as model:
        yield model


@pytest.fixture(scope="session", params=["llguidance", "gbnf"])
def vocabulary(request: pytest.FixtureRequest, model: Model) -> Vocabulary:
    """The model's tokens, once with each engine of grammars; `FORCING` is for what only llguidance does."""
    return Vocabulary(model, engine=request.param)


FORCING = pytest.mark.parametrize("vocabulary", ["llguidance"], indirect=True)
NO_GRAMMAR = FORCING  # what no grammar is part of is the same with each engine, and tried with one


@pytest.fixture(scope="session")
def chat_format() -> ChatFormat:
    return XLam2Qwen()


@pytest.fixture(scope="session")
def tools() -> list[Tool]:
    return as_tools(DEMO_TOOLS)


class Written:
    """Runs a decoder, and holds the text that it wrote; its end is waited for."""

    def __init__(self, decoder: Decoder, writer: Detokenizer) -> None:
        self.text = ""
        self.error: BaseException | None = None
        self._decoder, self._writer, self._ended = decoder, writer, threading.Event()

    def begin(self, slot) -> None:
        self._write(self._decoder.begin())

    def advance(self, logits, n_others: int) -> None:
        self._write(self._decoder.step(logits, n_others))

    def end(self, error: BaseException | None) -> None:
        self.text += self._writer.finish()
        self.error = error
        self._ended.set()

    def wait(self) -> str:
        assert self._ended.wait(120)
        if self.error is not None:
            raise self.error
        return self.text

    def _write(self, tokens: list[int]) -> None:
        self.text += self._writer.write(tokens, self._decoder.constraint.kind)
        if self._writer.stopped:
            self.sequence.finish_reason = "stop"


@contextmanager
def open_core(model: Model) -> Iterator[EngineCore]:
    context = Context(model, n_ctx=2048, n_batch=256)
    core = EngineCore(context, Slots(context), PassCosts(), queue_limit=0, release=context.close)
    yield core
    core.close()


@pytest.fixture(scope="module")
def core(model: Model) -> Iterator[EngineCore]:
    """One for all tests of a file: a prompt is read once, unless a test lets go of it (`slot.keep(0)`)."""
    with open_core(model) as core:
        yield core


@pytest.fixture
def slot(core: EngineCore):
    return core.slots.all[0]


@pytest.fixture
def fresh_core(model: Model) -> Callable:
    """Make another core, with nothing in its context."""
    return lambda: open_core(model)


@pytest.fixture
def run(core: EngineCore, vocabulary: Vocabulary) -> Callable:
    """Write a reply to its end, and return the text and the finished sequence."""

    def run(prompt, constraint=None, sampler=None, speculator=None, *, max_tokens=40, stop=(), trace=None, core=core):
        sequence = Sequence(max_tokens, list(prompt))
        decoder = Decoder(
            sequence,
            constraint or Unconstrained(),
            sampler or Sampler(),
            speculator,
            end_tokens=vocabulary.end_tokens,
            trace=trace,
        )
        sequence.consumer = written = Written(decoder, Detokenizer(vocabulary, stop))
        written.sequence = sequence
        if hasattr(sampler, "leave"):
            sampler.leave = lambda: core.stop(sequence, "cancelled")
        core.reserve()
        core.submit(sequence)
        return written.wait(), sequence

    return run


@pytest.fixture(scope="session")
def prompt(model: Model, chat_format: ChatFormat, tools: list[Tool]) -> list[int]:
    return model.tokenize(chat_format.render("What time is it in Tokyo?", tools[:2]))


@pytest.fixture
def constrain(vocabulary: Vocabulary, chat_format: ChatFormat, tools: list[Tool]) -> Callable[..., GrammarConstraint]:
    """Make a constraint as the engine does: of a tool choice."""

    def make(choice: str = "auto", *, parallel: bool = True, of=GrammarConstraint) -> GrammarConstraint:
        kind = {"auto": None, "none": "text"}.get(choice, "calls")
        grammar = chat_format.grammar(tools, choice, parallel=parallel)
        return of(vocabulary, grammar, kind=kind, opening=chat_format.syntax.first)

    return make

"""Holding a reply to its tools: compile, mask, forced tokens."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from edge_lam.decoding import Sampler
from edge_lam.engine.binding import constraint_of, grammar_of


@pytest.fixture
def constraint(request_of, chat_format, vocabulary):
    """A constraint at the first token that the model chooses."""
    grammar = grammar_of(request_of, chat_format, vocabulary)
    constraint = constraint_of(request_of, grammar, chat_format, vocabulary)
    constraint.accept(constraint.forced())
    return constraint


def test_compile(benchmark, request_of, chat_format, vocabulary):
    numbers = count()

    def compile_fresh():  # under another text each time: what was compiled is kept
        return vocabulary.matcher(f"{chat_format.grammar(request_of.tools, 'required')}\n// {next(numbers)}\n")

    benchmark(compile_fresh)


def test_mask(benchmark, constraint):
    allowed = benchmark(constraint.allowed)
    benchmark.extra_info["allowed"] = len(allowed)


def test_choose(benchmark, constraint, model):
    logits = np.random.default_rng(0).standard_normal(model.n_vocab, dtype=np.float32)
    benchmark(Sampler().choose, logits, constraint)


def test_forced(benchmark, request_of, chat_format, vocabulary):
    grammar = grammar_of(request_of, chat_format, vocabulary)

    def fresh():
        return (constraint_of(request_of, grammar, chat_format, vocabulary),), {}

    forced = benchmark.pedantic(lambda constraint: constraint.forced(), setup=fresh, rounds=200)
    benchmark.extra_info["tokens"] = len(forced)

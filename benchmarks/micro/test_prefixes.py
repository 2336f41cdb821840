"""Prefix states: out of the context, to disk and back."""

from __future__ import annotations

import pytest

from edge_lam.cache import read_prefix, state_key, write_prefix

N_TOKENS = 1000


@pytest.fixture
def state(benchmark, context):
    """A context that holds tokens, and their state."""
    context.decode([1] * N_TOKENS, start=0)
    state = context.state()
    benchmark.extra_info["MB"] = state.nbytes / 1e6
    return state


def test_state(benchmark, context, state):
    benchmark(context.state)


def test_restore(benchmark, context, state):
    assert benchmark(context.restore, state) == N_TOKENS


def test_save_to_disk(benchmark, context, state, tmp_path):
    benchmark(write_prefix, tmp_path / "a.prefix", state_key(context), [1] * N_TOKENS, state)


def test_read_from_disk(benchmark, context, state, tmp_path):
    key = state_key(context)
    write_prefix(tmp_path / "a.prefix", key, [1] * N_TOKENS, state)
    assert len(benchmark(read_prefix, tmp_path / "a.prefix", key).tokens) == N_TOKENS

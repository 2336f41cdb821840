"""A restored prefix is the prefix: the same logits as reading it, and none of it where it does not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_lam.cache import PrefixStore, Slot, fingerprint, prefix_files, state_key, write_prefix
from edge_lam.errors import BackendError
from edge_lam.llama import Context, Model


@pytest.fixture(scope="module")
def model(tiny_lam_path):
    with Model(tiny_lam_path, device="cpu") as model:
        yield model


@pytest.fixture
def context(model):
    with Context(model, n_ctx=512, n_batch=128) as context:
        yield context


@pytest.fixture(scope="module")
def tokens(model):
    return model.tokenize("You are a helpful assistant that can use tools, and the tools are these. " * 12)[:200]


def test_a_restored_state_gives_the_same_logits(model, context, tokens):
    context.decode(tokens[:150], start=0)
    state = context.state()
    context.decode(tokens[150:160], start=150)
    expected = context.logits().copy()
    with Context(model, n_ctx=256, n_batch=128) as other:
        assert other.restore(state) == 150
        other.decode(tokens[150:160], start=150)
        assert np.array_equal(other.logits(), expected)
        assert other.restore(state) == 150  # over what is there


@pytest.mark.parametrize("spoil", [lambda s: s[:-9], lambda s: s[:40], lambda s: np.zeros(1000, dtype=np.uint8)])
def test_a_state_that_does_not_fit_is_refused(context, tokens, spoil):
    context.decode(tokens[:20], start=0)
    state = context.state()
    with pytest.raises(BackendError, match="does not fit"):
        context.restore(spoil(state))
    assert context.length() == 0
    context.decode(tokens[:20], start=0)


def test_a_context_too_small_for_it_refuses(model, context, tokens):
    context.decode(tokens, start=0)
    state = context.state()
    with Context(model, n_ctx=128, n_batch=128) as small, pytest.raises(BackendError, match="does not fit"):
        small.restore(state)


@pytest.fixture
def store(tmp_path, context):
    return PrefixStore(state_key(context), tmp_path / "prefixes")


def test_a_slot_stores_and_restores(model, context, store, tokens):
    slot = Slot(context, store)
    slot.extend(tokens[:150])
    slot.save()
    with Context(model, n_ctx=512, n_batch=128) as other:
        second = Slot(other, PrefixStore(store.key, store.folder))
        prompt = tokens[:180]
        assert second.reuse(prompt) == 0
        assert second.restore(prompt) == 150
        assert second.tokens == tokens[:150]
        assert other.length() == 150
        assert second.restore(prompt) == 0  # nothing stored is longer than what is held


def test_a_lying_file_is_a_miss(context, store, tokens, tmp_path, caplog):
    """The checksum holds, the key too, but the state is of fewer tokens, or no state at all."""
    slot = Slot(context, store)
    slot.extend(tokens[:100])
    shorter = context.state()
    slot.extend(tokens[100:150])
    slot.save()
    (path,) = prefix_files(tmp_path / "prefixes")
    for state, count in ((np.zeros(500, dtype=np.uint8), 0), (shorter, 100)):
        write_prefix(path, store.key, tokens[:150], state)
        fresh = Slot(context, PrefixStore(store.key, store.folder))
        with caplog.at_level("DEBUG", "edge_lam.cache"):
            assert fresh.restore(tokens[:180]) == 0
        assert caplog.messages[-1] == f"a stored prefix of 150 tokens gave {count}, and is dropped"
        assert (fresh.tokens, context.length()) == ([], 0)


def test_short_prefixes_are_not_stored(context, store, tokens):
    slot = Slot(context, store)
    slot.extend(tokens[:63])
    slot.save()
    assert not store.has(tokens[:63])


def test_the_fingerprint_follows_the_content(tmp_path: Path, tiny_lam_path: Path):
    data = bytearray(tiny_lam_path.read_bytes())
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(data)
    first = fingerprint(copy)
    assert first == fingerprint(tiny_lam_path)
    data[-1] ^= 1
    copy.write_bytes(data)
    assert fingerprint(copy) != first
    copy.write_bytes(data[:-1])
    assert fingerprint(copy) != first


def test_the_key_is_the_models_and_the_builds(context):
    key = state_key(context)
    assert key["model"] == fingerprint(context.model.path)
    assert set(key) >= {"model", "llama_cpp", "device", "kv_type", "kv_layout"}


@pytest.mark.parametrize(
    "position",
    {
        "beyond the context": lambda n: n + 10_000,
        "the last far away": lambda n: n if n < 149 else 2**30,
        "the first at the end": lambda n: n or 2**31 - 1,
        "negative": lambda n: -5 - n,
        "the last negative": lambda n: n if n < 149 else -7,
        "all the same": lambda n: 3,
        "backwards": lambda n: 149 - n,
    }.values(),
)
def test_a_file_with_positions_that_no_context_has_is_a_miss_and_goes(model, context, store, tokens, position):
    sequence = Slot(context, store)
    sequence.extend(tokens[:150])
    state = sequence.state().copy()
    cells = state[16 : 16 + 12 * 150].view("<i4").reshape(-1, 3)
    assert cells[:, 0].tolist() == list(range(150))
    cells[:, 0] = [position(n) for n in range(150)]
    store.save(tokens[:150], state)
    with Context(model, n_ctx=512, n_batch=128) as other:
        second = Slot(other, PrefixStore(store.key, store.folder))
        assert second.restore(tokens[:180]) == 0
        assert prefix_files(store.folder) == []
        assert second.tokens == []
        second.extend(tokens[:150])
        second.save()
    with Context(model, n_ctx=512, n_batch=128) as third:
        assert Slot(third, PrefixStore(store.key, store.folder)).restore(tokens[:180]) == 150

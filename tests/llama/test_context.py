"""`Context` on the embedded model: the same logits whichever way tokens go in, and no native crash on wrong use."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

import numpy as np
import pytest

from edge_lam.errors import BackendError, Closed, EdgeLamError, InvalidRequest
from edge_lam.llama import Context, Model, library
from edge_lam.llama.library import log

TEXT = "<|im_start|>user\nWhat's the weather like in London?<|im_end|><|im_start|>assistant\n" * 6


@pytest.fixture(scope="module")
def tokens(model: Model) -> list[int]:
    return model.tokenize(TEXT)[:150]


@pytest.fixture(scope="module")
def expected(model: Model, tokens: list[int]) -> np.ndarray:
    """The logits after each token, one token at a time."""
    with Context(model, n_ctx=512) as context:
        rows = []
        for position, token in enumerate(tokens):
            assert context.decode([token], start=position) == 1
            rows.append(context.logits().copy())
        return np.stack(rows)


def close(found: np.ndarray, expected: np.ndarray) -> bool:
    """Batched products round differently; what counts is the distribution: their KL divergence, in nats."""
    log_found, log_expected = (row - row.max() - np.log(np.exp(row - row.max()).sum()) for row in (found, expected))
    return bool((np.exp(log_expected) * (log_expected - log_found)).sum() < 0.01)


@pytest.mark.parametrize("n_batch", [1, 7, 64, 512])
def test_any_batch_size_gives_the_same_logits(
    model: Model, tokens: list[int], expected: np.ndarray, n_batch: int
) -> None:
    with Context(model, n_ctx=512, n_batch=n_batch) as context:
        assert context.decode(tokens, start=0) == -(-len(tokens) // n_batch)
        assert context.length() == len(tokens)
        assert close(context.logits(), expected[-1])


@pytest.mark.parametrize("start", [0, 20])
def test_logits_of_all_tokens(context: Context, tokens: list[int], expected: np.ndarray, start: int) -> None:
    if start:
        context.decode(tokens[:start], start=0)
    context.decode(tokens[start : start + 32], start=start, logits="all")
    for index in (0, 1, 30, 31, -1, -32):
        assert close(context.logits(index), expected[start : start + 32][index]), index
    for index in (32, -33):
        with pytest.raises(InvalidRequest, match=f"no logits {index}: the last decode left 32"):
            context.logits(index)


def test_logits_of_some_tokens(context: Context, tokens: list[int], expected: np.ndarray) -> None:
    context.decode(tokens[:20], start=0, logits=[3, 4, 19])
    for row, index in enumerate([3, 4, 19]):
        assert context.logits(row).argmax() == expected[index].argmax()
    with pytest.raises(InvalidRequest, match="no logits 3"):
        context.logits(3)


def test_logits_are_a_view(context: Context, model: Model, tokens: list[int]) -> None:
    context.decode(tokens[:5], start=0)
    logits = context.logits()
    assert (logits.shape, logits.dtype) == ((model.n_vocab,), np.float32)
    assert np.shares_memory(logits, context.logits())


def test_no_logits_unless_asked_for(context: Context, tokens: list[int]) -> None:
    with pytest.raises(InvalidRequest, match="the last decode left 0"):
        context.logits()
    context.decode(tokens[:5], start=0)
    context.logits()
    context.decode(tokens[5:9], start=5, logits="none")
    with pytest.raises(InvalidRequest, match="the last decode left 0"):
        context.logits()


def test_truncating_and_going_on_differently(context: Context, tokens: list[int], expected: np.ndarray) -> None:
    context.decode([*tokens[:40], 5, 6, 7], start=0)
    context.truncate(40)
    assert context.length() == 40
    context.decode(tokens[40:60], start=40)
    assert close(context.logits(), expected[59])
    context.truncate(60)
    assert context.length() == 60
    context.truncate(0)
    assert context.length() == 0
    context.decode(tokens[:3], start=0)
    assert close(context.logits(), expected[2])


def test_two_contexts_of_one_model(model: Model, tokens: list[int], expected: np.ndarray) -> None:
    with Context(model, n_ctx=256) as one, Context(model, n_ctx=256) as other:
        one.decode(tokens[:20], start=0)
        other.decode(tokens[:30], start=0)
        assert close(one.logits(), expected[19])
        assert close(other.logits(), expected[29])


def test_numpy_tokens(context: Context, tokens: list[int], expected: np.ndarray) -> None:
    context.decode(np.array(tokens[:10], dtype=np.uint16), start=0)  # type: ignore[arg-type]
    assert close(context.logits(), expected[9])


WRONG: dict[str, tuple[Callable[[Context], object], type[EdgeLamError], str]] = {
    "no tokens": (lambda c: c.decode([], start=0), InvalidRequest, "at least one token"),
    "negative token": (lambda c: c.decode([1, -1], start=0), InvalidRequest, "token -1 is outside"),
    "large token": (lambda c: c.decode([2**31], start=0), InvalidRequest, "token 2147483648 is outside"),
    "huge token": (lambda c: c.decode([2**80], start=0), InvalidRequest, "tokens must be whole numbers"),
    "text": (lambda c: c.decode(["a"], start=0), InvalidRequest, "tokens must be whole numbers"),  # type: ignore[list-item]
    "gap": (lambda c: c.decode([1], start=5), InvalidRequest, "starts at 5, but the context holds 0 tokens"),
    "negative start": (lambda c: c.decode([1], start=-1), InvalidRequest, "starts at -1"),
    "overfull": (lambda c: c.decode([1] * 513, start=0), BackendError, "the context is full: 0 of 512"),
    "too many logits": (lambda c: c.decode([1] * 33, start=0, logits="all"), InvalidRequest, "more than n_logits=32"),
    "logits out of range": (lambda c: c.decode([1, 2], start=0, logits=[2]), InvalidRequest, "outside 0 to 1"),
    "unknown logits": (lambda c: c.decode([1], start=0, logits="some"), InvalidRequest, "last, all, none or indices"),  # type: ignore[arg-type]
    "sequence": (lambda c: c.decode([1], start=0, sequence=1), InvalidRequest, "there is no sequence 1"),
    "negative position": (lambda c: c.truncate(-1), InvalidRequest, "there is no position -1"),
}


@pytest.mark.parametrize(("use", "kind", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_use_is_refused_and_harmless(
    context: Context, use: Callable[[Context], object], kind: type[EdgeLamError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        use(context)
    assert context.length() == 0
    assert context.decode([1, 2, 3], start=0) == 1


def test_the_context_fills_to_the_last_token(model: Model) -> None:
    """llama.cpp rounds n_ctx up to 256 cells; ours is what was asked for."""
    with Context(model, n_ctx=100, n_batch=512) as context:
        assert (context.n_ctx, context.n_batch) == (100, 100)
        context.decode([1] * 99, start=0)
        context.decode([1], start=99)
        with pytest.raises(BackendError, match="the context is full: 100 of 100 tokens are taken, 1 more don't fit"):
            context.decode([1], start=100)
        assert context.length() == 100


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_ctx", 0),
        ("n_ctx", -1),
        ("n_ctx", 10**7),
        ("n_ctx", 1.5),
        ("n_batch", 0),
        ("n_threads", 0),
        ("n_threads", True),
    ],
)
def test_impossible_numbers(model: Model, name: str, value: int) -> None:
    with pytest.raises(InvalidRequest, match=f"{name} must be a whole number from 1 to") as caught:
        Context(model, **{name: value})
    assert caught.value.param == name


def test_more_context_than_trained_for(model: Model) -> None:
    with pytest.raises(InvalidRequest, match=f"from 1 to {model.n_ctx_train}, not {model.n_ctx_train + 1}"):
        Context(model, n_ctx=model.n_ctx_train + 1)


def test_memory_agrees_with_llama_cpp(model: Model, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "edge_lam.llama"):
        context = Context(model, n_ctx=1024)
    lines = [line for line in caplog.messages if "KV buffer size" in line]
    printed = sum(float(line.split("=")[1].split()[0]) for line in lines)
    assert printed > 0
    assert context.kv_bytes == pytest.approx(printed * 2**20, abs=0.01 * 2**20)
    assert context.compute_bytes > model.n_vocab * 4
    context.close()


def test_default_context_is_bounded(model: Model) -> None:
    with Context(model) as context:
        assert context.n_ctx == min(model.n_ctx_train, 4096)
        assert context.n_threads >= 1


def decode_forever(context: Context, tokens: list[int], started: threading.Event) -> None:
    while True:
        context.truncate(0)
        started.set()
        context.decode(tokens, start=0)


def test_interrupting_leaves_a_usable_context(model: Model, tokens: list[int], expected: np.ndarray) -> None:
    """SIGINT in the middle of many passes: no logits remain, what is held is told, and decoding goes on after it."""
    with Context(model, n_ctx=512, n_batch=1) as context:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        started, ended = threading.Event(), threading.Event()

        def interrupt() -> None:
            started.wait()
            # Once more if it was lost: Python drops what is raised amid its garbage collection, in callbacks of it that
            # hypothesis installs.
            while True:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                if ended.wait(1):
                    return

        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                decode_forever(context, tokens, started)
        finally:
            ended.set()
            signal.signal(signal.SIGINT, before)
            thread.join()
        held = context.length()
        assert 0 <= held <= len(tokens)
        context.truncate(min(held, 10))
        context.decode(tokens[min(held, 10) : 50], start=min(held, 10))
        assert close(context.logits(), expected[49])


def test_a_forked_child_is_refused_and_the_parent_goes_on(context: Context) -> None:
    context.decode([1, 2, 3], start=0)
    child = os.fork()
    if child == 0:
        try:
            context.length()
        except BackendError as error:
            os._exit(0 if "belongs to another process" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert context.decode([4], start=3) == 1


def test_closed(model: Model) -> None:
    context = Context(model, n_ctx=64)
    context.close()
    context.close()
    for use in (lambda: context.decode([1], start=0), context.logits, context.length, lambda: context.truncate(0)):
        with pytest.raises(Closed):
            use()


def test_few_rows_of_logits_are_reserved(model: Model) -> None:
    """With llama.cpp's default, memory for logits would grow with n_batch times the vocabulary."""
    with Context(model, n_ctx=512, n_batch=512) as ours:
        params = library().llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = 512
        with log.capture():
            pointer = library().llama_init_from_model(model.pointer, params)
            theirs = log.buffer_bytes("compute")
        library().llama_free(pointer)
        assert ours.compute_bytes < theirs
    with Context(model, n_ctx=512, n_batch=512, n_logits=512) as wide:
        wide.decode([1] * 512, start=0, logits="all")
        assert wide.logits(-512).shape == (model.n_vocab,)

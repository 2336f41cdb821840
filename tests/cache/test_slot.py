"""Which tokens stay in the context from one prompt to the next."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_lam.cache import Slot
from edge_lam.llama import Context, Model


@pytest.fixture(scope="module")
def model(tiny_lam_path: Path) -> Iterator[Model]:
    with Model(tiny_lam_path, device="cpu") as model:
        yield model


@pytest.fixture
def slot(model: Model) -> Iterator[Slot]:
    with Context(model, n_ctx=256, n_batch=32) as context:
        yield Slot(context)


@pytest.mark.parametrize(
    ("held", "prompt", "kept"),
    [
        ([], [1, 2, 3], 0),
        ([1, 2, 3], [1, 2, 3, 4, 5], 3),
        ([1, 2, 3, 9, 9], [1, 2, 3, 4, 5], 3),
        ([1, 2, 3], [1, 2, 3], 2),
        ([1, 2, 3, 4], [1, 2, 3], 2),
        ([7, 8], [1, 2], 0),
        ([1], [1], 0),
    ],
)
def test_the_longest_common_prefix_is_kept_but_for_the_last_token(slot, held, prompt, kept):
    if held:
        slot.extend(held)
    assert slot.reuse(prompt) == kept
    assert slot.tokens == prompt[:kept]
    assert slot.context.length() == kept


def test_a_reused_prefix_gives_the_logits_of_a_fresh_one(slot, model):
    prompt = model.tokenize("The quick brown fox jumps over the lazy dog, and then it sleeps.")
    slot.extend(prompt)
    fresh = slot.logits().copy()
    slot.reuse([*prompt[:5], 77, 78])
    slot.extend([77, 78])
    kept = slot.reuse(prompt)
    assert kept == 5
    slot.extend(prompt[kept:])
    assert np.allclose(slot.logits(), fresh, atol=0.05 * float(np.ptp(fresh)))
    assert slot.logits().argmax() == fresh.argmax()


def test_passes_are_counted(slot):
    assert slot.extend(list(range(70))) == 3
    assert slot.extend([5]) == 1


def test_tokens_are_a_beginning_of_what_the_context_holds_after_a_failure(slot):
    slot.extend([1, 2, 3])
    with pytest.raises(Exception, match="outside the vocabulary"):
        slot.extend([4, 10**6])
    assert slot.tokens == [1, 2, 3]
    assert slot.reuse([1, 2, 3, 4]) == 3
    assert slot.context.length() == 3

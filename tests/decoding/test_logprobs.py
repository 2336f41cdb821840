"""Log probabilities of logits: against float64, and in the order that is promised."""

from __future__ import annotations

import numpy as np
import pytest

from edge_lam.decoding import TokenLogprob, TopLogprob
from edge_lam.decoding.logprobs import log_of_sum, most_likely


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0])
@pytest.mark.parametrize("shift", [-1000.0, 0.0, 1000.0])
def test_the_log_of_the_sum_is_that_of_float64(scale, shift):
    logits = (np.random.default_rng(0).normal(scale=scale, size=150_000) + shift).astype(np.float32)
    exact = logits.astype(np.float64)
    expected = exact.max() + np.log(np.exp(exact - exact.max()).sum())
    assert log_of_sum(logits) == pytest.approx(expected, abs=1e-4)


def test_what_can_never_be_chosen_adds_nothing():
    logits = np.array([1.0, -np.inf, 1.0], dtype=np.float32)
    assert log_of_sum(logits) == pytest.approx(1 + np.log(2))


def test_the_most_likely_come_first_and_of_equals_the_lower_id(vocabulary):
    logits = np.zeros(4096, dtype=np.float32)
    logits[[70, 30, 50]] = 2.0
    logits[[9, 8]] = 3.0
    total = log_of_sum(logits)
    top = most_likely(logits, total, 4, vocabulary)
    assert [one.id for one in top] == [8, 9, 30, 50]
    assert [one.logprob for one in top] == pytest.approx([3 - total, 3 - total, 2 - total, 2 - total])
    assert [one.bytes for one in top] == [vocabulary.text(one.id) for one in top]
    assert most_likely(logits, total, 0, vocabulary) == ()
    assert len(most_likely(logits[:3], total, 20, vocabulary)) == 3


def test_half_a_character_is_shown_and_its_bytes_are_kept():
    top = TopLogprob(7, b"\xf0\x9f", -0.5)
    token = TokenLogprob(7, b"\xf0\x9f", -0.5, "sampled", (top,))
    assert token.to_openai() == {
        "token": "�",
        "logprob": -0.5,
        "bytes": [0xF0, 0x9F],
        "top_logprobs": [{"token": "�", "logprob": -0.5, "bytes": [0xF0, 0x9F]}],
    }
    forced = TokenLogprob(8, b"x", None, "forced").to_openai()
    assert forced == {"token": "x", "logprob": 0.0, "bytes": [120], "top_logprobs": [], "forced": True}

"""KL divergence, agreement and perplexity of given logits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge_lam_converters.quality.divergence import DivergenceSums


def measured(logits: np.ndarray, reference: np.ndarray, tokens: list[int]):
    sums = DivergenceSums()
    sums.add(logits.astype(np.float32), reference.astype(np.float32), np.array(tokens))
    return sums.result()


def test_two_coins() -> None:
    """KL(p || q) with p = (1/2, 1/2) and q = (1/4, 3/4) is 0.5 log 2 + 0.5 log(2/3)."""
    found = measured(np.log([[0.25, 0.75]]), np.log([[0.5, 0.5]]), [0])
    assert found.kl_mean == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    assert found.perplexity == pytest.approx(4)
    assert found.reference_perplexity == pytest.approx(2)


def test_the_direction_is_from_the_reference() -> None:
    one, other = np.log([[0.9, 0.1]]), np.log([[0.5, 0.5]])
    assert measured(one, other, [0]).kl_mean != pytest.approx(measured(other, one, [0]).kl_mean)
    assert measured(one, other, [0]).kl_mean == pytest.approx(0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1))


def test_equal_logits_do_not_diverge() -> None:
    logits = np.random.default_rng(0).normal(0, 5, (20, 300))
    found = measured(logits, logits, [0] * 20)
    assert (found.kl_mean, found.kl_p99, found.kl_max, found.agreement) == (0.0, 0.0, 0.0, 1.0)
    assert measured(logits, logits + 7, [0] * 20).kl_max < 1e-9  # a shift of all logits changes nothing


def test_many_positions() -> None:
    """Against the definition, over more rows than are computed at once; extreme logits don't overflow."""
    random = np.random.default_rng(1)
    logits, reference = (random.normal(0, scale, (201, 50)).astype(np.float32) for scale in (3, 4))
    logits[0, 0] = 5000
    tokens = random.integers(0, 50, 201).tolist()
    found = measured(logits, reference, tokens)
    q, p = (log_softmax(one.astype(np.float64)) for one in (logits, reference))
    kl = (np.exp(p) * (p - q)).sum(axis=1)
    assert found.n_positions == 201
    assert found.kl_mean == pytest.approx(kl.mean())
    assert found.kl_median == pytest.approx(np.median(kl))
    assert found.kl_p99 == pytest.approx(np.percentile(kl, 99))
    assert found.kl_max == pytest.approx(kl.max())
    assert found.agreement == (q.argmax(axis=1) == p.argmax(axis=1)).mean()
    assert found.reference_perplexity == pytest.approx(math.exp(-p[range(201), tokens].mean()))


def log_softmax(x: np.ndarray) -> np.ndarray:
    return x - np.logaddexp.reduce(x, axis=1, keepdims=True)


def test_nothing_measured() -> None:
    assert DivergenceSums().result() is None

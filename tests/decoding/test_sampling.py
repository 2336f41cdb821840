"""How the next token is chosen from logits."""

from __future__ import annotations

import numpy as np
import pytest

from edge_lam.decoding import Sampler, Unconstrained
from edge_lam.errors import BackendError, InvalidRequest
from edge_lam.params import SamplingParams

DRAWS = 6_000  # so many that shares are within 0.02 of their odds: three standard errors
LOGITS = np.log(np.array([0.1, 0.5, 0.15, 0.25], dtype=np.float32))


def draw(sampler: Sampler, count: int, logits=LOGITS) -> list[int]:
    return [sampler.choose(logits, Unconstrained()) for _ in range(count)]


def shares(tokens: list[int]) -> np.ndarray:
    return np.bincount(tokens, minlength=len(LOGITS)) / len(tokens)


def test_greedy_takes_the_most_likely():
    assert draw(Sampler(), 3) == [1, 1, 1]


def test_temperature_one_samples_the_distribution():
    found = shares(draw(Sampler(SamplingParams(temperature=1, seed=1)), DRAWS))
    assert found == pytest.approx([0.1, 0.5, 0.15, 0.25], abs=0.02)


def test_a_vocabulary_of_many_blocks_is_sampled_as_one():
    logits = np.random.default_rng(1).normal(size=1800).astype(np.float32)
    logits[[3, 700, 1799]] += 5
    weights = np.exp(logits.astype(np.float64))
    drawn = np.bincount(draw(Sampler(SamplingParams(temperature=1, seed=1)), DRAWS, logits), minlength=1800) / DRAWS
    expected = weights / weights.sum()
    likely = expected > 0.01
    assert likely.sum() >= 3
    assert drawn[likely] == pytest.approx(expected[likely], abs=0.02)
    assert np.add.reduceat(drawn, [0, 512, 1024, 1536]) == pytest.approx(
        np.add.reduceat(expected, [0, 512, 1024, 1536]), abs=0.02
    )


@pytest.mark.parametrize("count", [1, 3, 7])
def test_top_k_finds_the_largest_of_many_blocks(count):
    logits = np.random.default_rng(count).normal(size=5000).astype(np.float32)
    logits[-2:] = logits.max() + 1  # two equals, in a block that is not full
    kept = set(draw(Sampler(SamplingParams(temperature=100, top_k=count, seed=1)), 40 * count, logits))
    assert len(kept) == count
    assert min(logits[list(kept)]) == np.sort(logits)[-count]


def test_temperature_two_flattens_it():
    expected = np.sqrt([0.1, 0.5, 0.15, 0.25])
    found = shares(draw(Sampler(SamplingParams(temperature=2, seed=1)), DRAWS))
    assert found == pytest.approx(expected / expected.sum(), abs=0.02)


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.4, {1}), (0.5, {1}), (0.6, {1, 3}), (0.8, {1, 2, 3}), (0.95, {0, 1, 2, 3})]
)
def test_top_p_keeps_the_smallest_set_that_reaches_it(top_p, kept):
    assert set(draw(Sampler(SamplingParams(temperature=1, top_p=top_p, seed=1)), 2000)) == kept


def test_top_p_keeps_the_proportions():
    assert shares(draw(Sampler(SamplingParams(temperature=1, top_p=0.6, seed=2)), DRAWS)) == pytest.approx(
        [0, 2 / 3, 0, 1 / 3], abs=0.02
    )


@pytest.mark.parametrize(
    ("top_k", "kept"), [(1, {1}), (2, {1, 3}), (3, {1, 2, 3}), (4, {0, 1, 2, 3}), (9, {0, 1, 2, 3})]
)
def test_top_k_keeps_that_many(top_k, kept):
    assert set(draw(Sampler(SamplingParams(temperature=1, top_k=top_k, seed=1)), 2000)) == kept


@pytest.mark.parametrize(("min_p", "kept"), [(0.1, {0, 1, 2, 3}), (0.25, {1, 2, 3}), (0.4, {1, 3}), (1, {1})])
def test_min_p_keeps_what_is_likely_enough(min_p, kept):
    assert set(draw(Sampler(SamplingParams(temperature=1, min_p=min_p, seed=1)), 2000)) == kept


def test_top_p_sees_what_top_k_left():
    # Of the two most likely, 0.5 and 0.25, the first has two thirds: enough for 0.6, which of all four it isn't.
    assert set(draw(Sampler(SamplingParams(temperature=1, top_k=2, top_p=0.6, seed=1)), 500)) == {1}


def test_temperature_comes_before_top_p_and_min_p():
    # Hot enough, all four are about equally likely.
    assert set(draw(Sampler(SamplingParams(temperature=100, top_p=0.5, seed=1)), 500)) == {1, 3}
    assert set(draw(Sampler(SamplingParams(temperature=100, min_p=0.9, seed=1)), 500)) == {0, 1, 2, 3}


def test_what_is_left_out_does_not_change_the_rest():
    logits = np.random.default_rng(0).normal(scale=3, size=1000).astype(np.float32)
    everything = draw(Sampler(SamplingParams(temperature=1, seed=3)), 300, logits)
    few = draw(Sampler(SamplingParams(temperature=1, top_k=200, seed=3)), 300, logits)
    assert sum(one == other for one, other in zip(everything, few, strict=True)) > 250


def test_a_bias_is_added_to_the_logits():
    assert draw(Sampler(logit_bias={0: 2.0}), 1) == [0]
    assert draw(Sampler(logit_bias={1: -100}), 1) == [3]
    expected = np.array([0.1, 0.5, 0.15 * np.e, 0.25])
    biased = draw(Sampler(SamplingParams(temperature=1, seed=1), logit_bias={2: 1}), DRAWS)
    assert shares(biased) == pytest.approx(expected / expected.sum(), abs=0.02)


def test_a_bias_leaves_the_logits_and_the_grammar_alone(constrain):
    constraint = constrain("required")
    constraint.accept(constraint.forced())
    allowed = set(constraint.allowed().tolist())
    logits = np.random.default_rng(3).normal(size=4096).astype(np.float32)
    before, outside = logits.copy(), next(token for token in range(4096) if token not in allowed)
    assert Sampler(logit_bias={outside: 100}).choose(logits, constraint) in allowed
    assert (logits == before).all()


def test_a_bias_of_a_token_that_is_not_there_is_refused():
    with pytest.raises(InvalidRequest, match="token 4, but the model has 4"):
        draw(Sampler(logit_bias={4: 1.0}), 1)


def test_same_seed_same_tokens():
    logits = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    first, again, other = (draw(Sampler(SamplingParams(temperature=1, seed=seed)), 50, logits) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_an_unseeded_sampler_tells_its_seed():
    logits = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    sampler = Sampler(SamplingParams(temperature=1))
    assert draw(sampler, 50, logits) == draw(Sampler(SamplingParams(temperature=1, seed=sampler.seed)), 50, logits)
    assert Sampler().seed is None


def test_temperature_close_to_zero_is_greedy():
    assert draw(Sampler(SamplingParams(temperature=1e-300, seed=1)), 5) == [1] * 5


def test_masked_choices_stay_within_the_grammar(constrain):
    constraint = constrain("required")
    constraint.accept(constraint.forced())
    allowed = constraint.allowed()
    logits = np.random.default_rng(3).normal(size=constraint.allowed().max() + 4000).astype(np.float32)[:4096]
    best = int(allowed[logits[allowed].argmax()])
    assert not constraint.allows(int(logits.argmax()))
    assert Sampler().choose(logits, constraint) == best
    logits[best] = 100
    assert Sampler().choose(logits, constraint) == best
    sampler = Sampler(SamplingParams(temperature=50, seed=1))
    drawn = {sampler.choose(logits, constraint) for _ in range(300)}
    assert len(drawn) > 1
    assert drawn <= set(allowed.tolist())


def test_logits_are_left_as_they_are(constrain):
    constraint = constrain("required")
    logits = np.random.default_rng(3).normal(size=4096).astype(np.float32)
    before = logits.copy()
    Sampler(SamplingParams(temperature=1, top_p=0.9, seed=1)).choose(logits, constraint)
    assert (logits == before).all()


@pytest.mark.parametrize("logits", [[np.nan, 1.0], [np.inf, 1.0], [-np.inf, -np.inf]])
def test_unusable_logits_are_an_error(logits):
    with pytest.raises(BackendError, match="no usable logits"):
        Sampler().choose(np.array(logits, dtype=np.float32), Unconstrained())


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", "hot"),
        ("temperature", None),
        ("temperature", True),
        ("top_p", 0),
        ("top_p", 1.01),
        ("top_p", "0.9"),
        ("top_k", -1),
        ("top_k", 1.5),
        ("top_k", True),
        ("min_p", -0.1),
        ("min_p", 1.5),
        ("min_p", float("nan")),
        ("seed", -1),
        ("seed", 1.5),
        ("seed", False),
    ],
)
def test_settings_out_of_range_are_refused(setting, value):
    with pytest.raises(InvalidRequest) as caught:
        Sampler(SamplingParams(**{setting: value}))
    assert caught.value.param == setting

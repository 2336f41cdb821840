"""Drafts: what is guessed, when it pays, and that replies are the same with and without them."""

from __future__ import annotations

import pytest

from edge_lam.decoding import (
    Draft,
    Guess,
    NgramCache,
    PassCosts,
    PromptLookup,
    ReplaySampler,
    Sampler,
    Speculator,
    Unconstrained,
)
from edge_lam.decoding.speculator import MAX_NGRAMS, PRIOR_RATES
from edge_lam.params import SamplingParams
from tests.amount import IS_THOROUGH

QUESTIONS = (
    "What time is it in Tokyo?",
    "Convert 12 miles to kilometers and 3 pounds to kilograms",
    "Add the note buy oat milk and bread",
    "Set a timer for five minutes called pasta",
    "What is 17 * 23 and what is 4 + 5?",
    "List the folder /home/anna/pictures",
    "What time is it in Paris and in Buenos Aires?",
    "Hello! Who are you?",
    "Tell me a joke about Tokyo",
    "Remember that the gate code is 4471, and that the plumber comes on Friday",
)


def cheap() -> PassCosts:
    """A pass of one token was so dear that every guess pays, whatever is measured in the test."""
    costs = PassCosts()
    costs.record(1, 1e6)
    for size in (2, 64):
        costs.record(size, 1e-6)
    return costs


def dear() -> PassCosts:
    """Each token of a pass costs as much as a pass of its own: no guess pays."""
    costs = PassCosts()
    for size in (1, 2, 64):
        costs.record(size, float(size))
    return costs


def test_costs_are_measured_interpolated_and_continued():
    costs = PassCosts()
    assert costs.of(3) == 0
    costs.record(1, 1.0)
    assert costs.of(1) == 1.0
    assert 1.0 < costs.of(2) < 2.0
    costs.record(5, 3.0)
    assert costs.of(3) == pytest.approx(2.0)
    assert costs.of(9) > 3.0
    assert costs.added(1, 4) == pytest.approx(2.0)
    costs.record(5, 2.0)
    assert 2.0 < costs.of(5) < 3.0


def test_a_larger_pass_that_happened_to_be_faster_is_not_taken_for_free():
    costs = PassCosts()
    for size, seconds in ((1, 1.0), (40, 12.0), (44, 9.0), (61, 16.0)):
        costs.record(size, seconds)
    assert costs.of(44) < costs.of(40)
    assert costs.added(40, 4) == pytest.approx(4 * 0.5 * 15 / 60)
    assert costs.added(1, 43) == pytest.approx(8.0)


def test_one_slow_pass_changes_little_and_prompts_are_left_out():
    costs = PassCosts()
    costs.record(1, 1.0)
    costs.record(1, 1000.0)
    assert costs.of(1) <= 1.2
    costs.record(1000, 50.0)
    assert costs.of(1000) != 50.0


def test_lookup_prefers_the_longest_then_the_latest_match():
    lookup = PromptLookup([1, 2, 3, 7, 2, 3, 8, 9, 3, 5, 2, 3], 8)
    assert list(lookup.candidates()) == [(8, 2), (7, 2), (5, 1)]
    lookup.add([7])
    assert list(lookup.candidates()) == [(2, 3)]
    lookup.cut(12)
    lookup.add([42])
    assert not list(lookup.candidates())
    assert lookup.last(2) == (3, 42)


def test_a_draft_copies_what_followed_and_leaves_lookup_and_constraint_alone():
    lookup = PromptLookup([5, 6, 7, 8, 9, 5, 6], 20)
    draft = Speculator(cheap()).draft(lookup, Unconstrained(), 1, 10)
    assert draft.tokens[:3] == [7, 8, 9]
    assert draft.offsets == list(range(len(draft.tokens)))
    assert [guess.token for guess in draft.guesses] == draft.tokens
    assert lookup.length == 7
    assert len(Speculator(cheap()).draft(lookup, Unconstrained(), 1, 2).tokens) == 2


def test_nothing_is_drafted_where_it_does_not_pay():
    lookup = PromptLookup([5, 6, 7, 8, 9, 5, 6], 20)
    draft = Speculator(dear()).draft(lookup, Unconstrained(), 1, 10)
    assert (draft.tokens, draft.spared) == ([], Guess(7, 2, PRIOR_RATES[1]))
    assert Speculator(PassCosts()).draft(lookup, Unconstrained(), 1, 10).tokens == []


def test_rates_follow_what_the_model_confirms():
    speculator, lookup = Speculator(cheap()), PromptLookup([5, 6], 8)
    before = speculator.rate(2)
    for _ in range(50):
        speculator.learn(lookup, Draft([1, 2], [0, 1], [Guess(1, 2, 0.5), Guess(2, 3, 0.5)]), [9], confirmed=0)
    assert speculator.rate(2) < 0.1 < before
    untried = speculator.rate(3)
    for _ in range(50):
        speculator.learn(lookup, Draft(spared=Guess(7, 2, 0.5)), [7], confirmed=0)
    assert speculator.rate(2) > 0.5
    assert speculator.rate(3) == untried


def test_a_token_that_the_grammar_forbids_gives_way_to_the_next_best():
    class NoSevens(Unconstrained):
        def allows(self, token: int) -> bool:
            return token != 7

        def fork(self) -> NoSevens:
            return self

    lookup = PromptLookup([6, 8, 5, 6, 7, 9, 5, 6], 20)
    assert Speculator(cheap()).draft(lookup, Unconstrained(), 1, 1).tokens == [7]
    assert Speculator(cheap()).draft(lookup, NoSevens(), 1, 1).tokens == [8]


def test_what_is_chosen_again_and_again_is_guessed():
    speculator, lookup = Speculator(cheap()), PromptLookup([5, 6], 8)
    assert not speculator.draft(lookup, Unconstrained(), 1, 4).tokens
    for _ in range(20):
        speculator.learn(lookup, Draft(), [7, 8], confirmed=0)  # 8 was forced: no choice
    draft = speculator.draft(lookup, Unconstrained(), 1, 4)
    assert (draft.tokens, draft.guesses[0].match) == ([7], 0)
    assert draft.guesses[0].rate > 0.9
    speculator.learn(lookup, Draft([7, 8], [0, 1], [Guess(7, 0, 0.9), Guess(8, 0, 0.9)]), [7, 9], confirmed=1)
    assert speculator.ngrams.next([6, 7])[0] == 9
    for _ in range(40):
        speculator.learn(lookup, Draft(), [3], confirmed=0)
    assert speculator.draft(lookup, Unconstrained(), 1, 4).tokens[0] == 3


def test_ngrams_doubt_single_sights_and_forget_what_was_not_seen_for_long():
    ngrams = NgramCache()
    ngrams.add([1, 2], 3)
    assert ngrams.next([1, 2]) == ngrams.next([9, 2]) == (3, 0.5 / 1.5)
    assert ngrams.next([2, 1]) is None
    for token in range(10, MAX_NGRAMS + 10):
        ngrams.add([token], 3)
    assert ngrams.next([1, 2]) is None
    assert ngrams.next([MAX_NGRAMS]) is not None


def test_drafts_stay_within_the_grammar(model, prompt, constrain):
    constraint = constrain("get_time", parallel=False)
    opening = constraint.forced()
    begun = model.detokenize(opening).decode()
    said = model.tokenize('[{"name": "get_time", "arguments": {"city": "Tokyo'[len(begun) :])[:-1]
    lookup = PromptLookup(prompt, 100)
    for tokens in (opening, said):
        constraint.accept(tokens)
        lookup.add(tokens)
    draft = Speculator(cheap()).draft(lookup, constraint, 1, 50)
    assert draft.guesses
    for index, token in enumerate(draft.tokens):
        assert constraint.allows(token)
        if index not in draft.offsets:
            assert constraint.forced()[0] == token
        constraint.accept([token])


@pytest.fixture(scope="module")
def prompts(model, chat_format, tools):
    """Five prompts, and all ten in `make test-thorough`."""
    questions = QUESTIONS if IS_THOROUGH else QUESTIONS[::2]
    return [model.tokenize(chat_format.render(question, tools)) for question in questions]


@pytest.mark.thorough
@pytest.mark.parametrize("choice", ["auto", "required", "none"])
def test_greedy_replies_are_the_same_with_and_without_drafts(run, prompts, constrain, choice):
    speculator, accepted = Speculator(cheap()), 0
    for tokens in prompts if IS_THOROUGH else prompts[:3]:
        plain, steps = run(tokens, constrain(choice))
        drafted, report = run(tokens, constrain(choice), speculator=speculator)
        assert drafted == plain
        assert report.counts.generated == steps.counts.generated
        assert report.finish_reason == steps.finish_reason
        accepted += report.counts.accepted
        assert report.counts.drafted >= report.counts.accepted
        assert report.passes.decode <= steps.passes.decode
    assert accepted or choice == "none"


@pytest.mark.thorough
def test_sampled_replies_of_one_seed_are_the_same_with_and_without_drafts(run, prompts, constrain):
    for seed, tokens in enumerate(prompts):
        run(tokens, constrain("required"), max_tokens=1)  # cached from here on, as in both of what follows
        cuts = ({}, {"top_k": 20}, {"top_p": 0.9}, {"min_p": 0.02}, {})
        params = SamplingParams(temperature=0.7, seed=seed, **cuts[seed % len(cuts)])
        bias = {seed: 5.0} if seed % len(cuts) == 4 else None
        plain, _ = run(tokens, constrain("required"), Sampler(params, logit_bias=bias))
        drafted, _ = run(tokens, constrain("required"), Sampler(params, logit_bias=bias), Speculator(cheap()))
        assert drafted == plain


def test_what_the_user_said_is_copied_in_few_passes(run, model, chat_format, tools):
    said = "the river Teifi by Llanfair Clydogau in western Wales"
    tokens = model.tokenize(chat_format.render(f"Tell me about {said}!", tools[:2]))
    reply = [*model.tokenize(f"I know nothing of {said}."), model.eos_token]
    plain, steps = run(tokens, Unconstrained(), ReplaySampler(reply))
    drafted, report = run(tokens, Unconstrained(), ReplaySampler(reply), Speculator(cheap()))
    assert plain == drafted == f"I know nothing of {said}."
    assert steps.counts.sampled == report.counts.sampled + report.counts.accepted == len(reply)
    assert report.passes.decode <= steps.passes.decode / 2


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 15])
def test_the_token_limit_is_exact_with_drafts(run, prompt, constrain, limit):
    plain, _ = run(prompt, constrain("required"), max_tokens=limit)
    drafted, report = run(prompt, constrain("required"), speculator=Speculator(cheap()), max_tokens=limit)
    assert drafted == plain
    assert report.counts.generated == limit


def test_what_is_rejected_leaves_no_trace(run, slot, model, prompt):
    text = model.tokenize("one two three four one two three five one two three six")
    run(prompt, Unconstrained(), ReplaySampler(text), Speculator(cheap()), max_tokens=len(text))
    held = len(prompt) + len(text) - 1
    assert slot.tokens[: len(prompt)] == prompt
    assert slot.tokens[len(prompt) :] == text[: len(slot.tokens) - len(prompt)]
    assert held - 1 <= len(slot.tokens) <= held + 1
    assert slot.context.length() == len(slot.tokens)

"""The decoder on the embedded model, run by the engine's core."""

from __future__ import annotations

import math

import pytest

from edge_lam.decoding import GrammarConstraint, ReplaySampler, Sampler
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.errors import Cancelled
from edge_lam.params import SamplingParams
from edge_lam.tools import as_tools
from tests.decoding.conftest import FORCING, NO_GRAMMAR


class Unforced(GrammarConstraint):
    """Masks every token, forces none."""

    def forced(self):
        return []


@FORCING
def test_forced_tokens_need_no_passes_of_their_own(run, slot, prompt, constrain):
    slot.keep(0)
    text, report = run(prompt, constrain("get_time", parallel=False))
    n_prompt, n_opening = len(prompt), len(constrain("get_time", parallel=False).forced())
    assert text.startswith('[{"name": "get_time", "arguments": {"city": "')
    assert report.counts.forced >= n_opening
    assert report.passes.prefill == math.ceil((n_prompt + n_opening) / slot.context.n_batch)
    assert report.passes.decode == report.counts.sampled - 1
    assert report.passes.decode < report.counts.generated


@FORCING
@pytest.mark.parametrize("choice", ["required", "get_time", "convert_units", "get_status"])
def test_forced_runs_and_single_steps_give_the_same_reply(run, prompt, constrain, choice):
    stepwise, steps = run(prompt, constrain(choice, parallel=False, of=Unforced))
    text, report = run(prompt, constrain(choice, parallel=False))
    assert text == stepwise
    assert report.counts.generated == steps.counts.generated
    assert steps.counts.forced == 0
    assert report.passes.decode < steps.passes.decode


@FORCING
def test_a_reply_without_any_choice_needs_no_pass(run, prompt, constrain):
    text, report = run(prompt, constrain("read_notes", parallel=False))
    assert text == '[{"name": "read_notes", "arguments": {}}]'
    assert (report.passes.prefill, report.passes.decode, report.counts.sampled) == (0, 0, 0)
    assert report.finish_reason == "stop"


@NO_GRAMMAR
def test_greedy_replies_repeat_and_what_is_held_is_not_read_again(run, slot, prompt):
    slot.keep(0)
    first, fresh = run(prompt)
    again, cached = run(prompt)
    assert (first, fresh.counts.generated) == (again, cached.counts.generated)
    assert (fresh.counts.cached, cached.counts.cached) == (0, len(prompt) - 1)
    assert fresh.passes.prefill == math.ceil(len(prompt) / slot.context.n_batch)
    assert cached.passes.prefill == 1


@NO_GRAMMAR
def test_seeds_repeat_a_sampled_reply(run, prompt):
    run(prompt, max_tokens=1)  # the prompt is cached now: the same passes compute the same logits, to the last digit
    samplers = (Sampler(SamplingParams(temperature=5, seed=seed)) for seed in (1, 1, 2))
    first, again, other = (run(prompt, sampler=sampler)[0] for sampler in samplers)
    assert first == again
    assert first != other


@NO_GRAMMAR
@pytest.mark.parametrize("limit", [1, 5, 20])
def test_the_token_limit_is_exact(run, model, prompt, limit):
    reply = model.tokenize("one two three four five six seven eight nine ten eleven twelve thirteen")
    text, report = run(prompt, sampler=ReplaySampler(reply), max_tokens=limit)
    assert text.encode() == model.detokenize(reply[:limit])
    assert report.counts.sampled == limit
    assert report.finish_reason == "length"


@pytest.mark.parametrize("limit", [1, 3, 12])
def test_the_token_limit_cuts_forced_tokens_too(run, prompt, constrain, limit):
    _, report = run(prompt, constrain("get_time"), max_tokens=limit)
    assert report.counts.generated == limit
    assert report.finish_reason == "length"


@NO_GRAMMAR
def test_the_end_token_ends_the_reply(run, model, prompt):
    text, report = run(prompt, sampler=ReplaySampler([*model.tokenize("Hello"), model.eos_token, 0]))
    assert (text, report.finish_reason) == ("Hello", "stop")
    assert report.counts.sampled == len(model.tokenize("Hello")) + 1


@NO_GRAMMAR
def test_a_stop_string_ends_the_reply(run, model, prompt):
    reply = model.tokenize("one STOP two three")
    text, report = run(prompt, sampler=ReplaySampler(reply), stop=("STOP",))
    assert (text, report.finish_reason) == ("one ", "stop")
    assert report.counts.sampled < len(reply)


@FORCING
def test_stop_strings_leave_calls_alone(run, model, prompt, constrain):
    call = '[{"name": "get_time", "arguments": {"city": "Oslo"}}]'
    opening = model.detokenize(constrain("get_time").forced()).decode()
    rest = model.tokenize(call[len(opening) :])
    constraint = constrain("get_time", parallel=False, of=Unforced)
    text, report = run(prompt, constraint, ReplaySampler(model.tokenize(opening) + rest), stop=("Oslo", ":"))
    assert (text, report.finish_reason) == (call, "stop")


@pytest.mark.parametrize("reply", ["The time is 12:04.", "[Note] I can't.", "[1, 2]", "\n[x]", "[]"])
def test_text_under_auto_is_what_the_model_wrote(run, model, prompt, constrain, reply):
    tokens = model.tokenize(reply)
    text, report = run(prompt, constrain("auto"), ReplaySampler([*tokens, model.eos_token]))
    assert text == reply
    assert (report.counts.forced, report.counts.sampled) == (0, len(tokens) + 1)


def test_auto_makes_no_call_more_likely(run, chat_format, model, tools, constrain):
    """Whatever the model begins with, text is the same with and without the constraint."""
    for question in ("Hello!", "Tell me a joke", "What time is it in Tokyo?", "remind me", "[1, 2] sums to?"):
        tokens = model.tokenize(chat_format.render(question, tools[:2]))
        free, _ = run(tokens, max_tokens=12)
        bound, _ = run(tokens, constrain("auto"), max_tokens=12)
        if not free.startswith('[{"'):
            assert bound == free
        else:
            assert bound.startswith('[{"name": "')


@FORCING
def test_a_call_under_auto_is_bound_from_its_opening(run, model, prompt, constrain):
    opening = model.tokenize('[{"')
    _, report = run(prompt, constrain("auto"), ReplaySampler(opening), max_tokens=len(opening) + 3)
    assert report.counts.forced == 3


class Recorded(GrammarConstraint):
    """Remembers the tokens of the reply, forced ones too."""

    def accept(self, tokens):
        self.taken = [*getattr(self, "taken", []), *tokens]
        super().accept(tokens)


class ReplayAll(Sampler):
    """Chooses the token that a known reply has where the reply is now."""

    def __init__(self, tokens):
        super().__init__()
        self._tokens = tokens

    def choose(self, logits, constraint):
        return self._tokens[len(getattr(constraint, "taken", []))]


@FORCING
def test_calls_under_auto_stay_bound_to_their_end(run, model, prompt, constrain):
    call = '[{"name": "get_time", "arguments": {"city": "Oslo"}}]'
    tokens = [*model.tokenize(call), model.eos_token]
    text, report = run(prompt, constrain("auto", of=Recorded), ReplayAll(tokens))
    assert (text, report.finish_reason) == (call, "stop")
    assert report.counts.generated == len(tokens) - 1  # nothing but the end can follow: it is not asked for
    assert report.counts.forced > report.counts.sampled


def test_times_and_tokens_add_up(run, prompt, constrain):
    _, report = run(prompt, constrain("required"))
    times, tokens = report.times, report.counts
    assert tokens.prompt == len(prompt)
    assert tokens.generated == tokens.sampled + tokens.forced
    assert min(times.prefill, times.decode, times.mask, times.sample) > 0
    assert times.prefill < times.first_token < report.elapsed()
    assert times.prefill + times.decode + times.mask + times.sample < report.elapsed()


class Interrupted(Sampler):
    """Gets Ctrl-C while it chooses the third token."""

    def choose(self, logits, constraint):
        self.chosen = getattr(self, "chosen", 0) + 1
        if self.chosen == 3:
            raise KeyboardInterrupt
        return super().choose(logits, constraint)


class Leaving(ReplaySampler):
    """Leaves its reply while it chooses the second token."""

    leave = None  # set by who runs it

    def choose(self, logits, constraint):
        self.chosen = getattr(self, "chosen", 0) + 1
        if self.chosen == 2:
            self.leave()
        return super().choose(logits, constraint)


@NO_GRAMMAR
def test_leaving_a_reply_loses_nothing(run, slot, model, prompt):
    expected, _ = run(prompt)
    with pytest.raises(Cancelled):
        run(prompt, sampler=Leaving(model.tokenize("one two three four")), max_tokens=9)
    assert slot.context.length() == len(slot.tokens) == len(prompt) + 1
    after, report = run(prompt)
    assert after == expected
    assert report.counts.cached == len(prompt) - 1


@NO_GRAMMAR
def test_ctrl_c_loses_nothing(run, slot, prompt):
    expected, _ = run(prompt)
    with pytest.raises(KeyboardInterrupt):
        run(prompt, sampler=Interrupted())
    assert slot.context.length() == len(slot.tokens) == len(prompt) + 2
    after, report = run(prompt)
    assert after == expected
    assert report.counts.cached == len(prompt) - 1


def test_cached_and_fresh_prompts_give_the_same_reply(run, fresh_core, chat_format, vocabulary, constrain):
    model, tools = vocabulary.model, as_tools(DEMO_TOOLS)
    first = chat_format.render("What time is it in Tokyo?", tools[:3])
    second = chat_format.render("Set a timer for five minutes, please.", tools[:3])
    run(model.tokenize(first), constrain("required", parallel=False))
    tokens = model.tokenize(second)
    cached, report = run(tokens, constrain("required", parallel=False))
    with fresh_core() as other:
        fresh, _ = run(tokens, constrain("required", parallel=False), core=other)
    assert report.counts.cached > 300
    assert cached == fresh

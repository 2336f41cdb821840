"""The decode loop on the embedded model."""

from __future__ import annotations

import math

import pytest
from replay import Replay

from edge_lam.cache import LiveSequence
from edge_lam.decoding import Constraint, Sampler, Unconstrained, decode
from edge_lam.llama import Context
from edge_lam.metrics import CallReport


@pytest.fixture
def run(sequence, vocabulary):
    """Decode to the end, and return the text and the report."""

    def run(prompt, constraint=None, sampler=None, **options):
        report = CallReport(id="test")
        options = {"sequence": sequence, "max_tokens": 40, "report": report} | options
        pieces = decode(
            options.pop("sequence"), vocabulary, prompt, constraint or Unconstrained(), sampler or Sampler(), **options
        )
        return "".join(pieces), report

    return run


class Unforced(Constraint):
    """Masks every token, forces none."""

    def forced(self):
        return []


def test_forced_tokens_need_no_passes_of_their_own(run, sequence, prompt, constrain):
    text, report = run(prompt, constrain("get_time", parallel=False))
    n_prompt, n_opening = len(prompt), len(constrain("get_time", parallel=False).forced())
    assert text.startswith('[{"name": "get_time", "arguments": {"city": "')
    assert report.tokens.forced >= n_opening
    assert report.passes.prefill == math.ceil((n_prompt + n_opening) / sequence.context.n_batch)
    assert report.passes.decode == report.tokens.sampled - 1
    assert report.passes.decode < report.tokens.generated


@pytest.mark.parametrize("choice", ["required", "get_time", "convert_units", "get_status"])
def test_forced_runs_and_single_steps_give_the_same_reply(run, prompt, constrain, choice):
    stepwise, steps = run(prompt, constrain(choice, parallel=False, of=Unforced))
    text, report = run(prompt, constrain(choice, parallel=False))
    assert text == stepwise
    assert report.tokens.generated == steps.tokens.generated
    assert steps.tokens.forced == 0
    assert report.passes.decode < steps.passes.decode


def test_a_reply_without_any_choice_needs_no_pass(run, prompt, constrain):
    text, report = run(prompt, constrain("read_notes", parallel=False))
    assert text == '[{"name": "read_notes", "arguments": {}}]'
    assert (report.passes.prefill, report.passes.decode, report.tokens.sampled) == (0, 0, 0)
    assert report.finish_reason == "stop"


def test_greedy_replies_repeat_and_what_is_held_is_not_read_again(run, sequence, prompt):
    first, fresh = run(prompt)
    again, cached = run(prompt)
    assert (first, fresh.tokens.generated) == (again, cached.tokens.generated)
    assert (fresh.tokens.cached, cached.tokens.cached) == (0, len(prompt) - 1)
    assert fresh.passes.prefill == math.ceil(len(prompt) / sequence.context.n_batch)
    assert cached.passes.prefill == 1


def test_seeds_repeat_a_sampled_reply(run, prompt):
    run(prompt, max_tokens=1)  # the prompt is cached now: the same passes compute the same logits, to the last digit
    first, again, other = (run(prompt, sampler=Sampler(temperature=5, seed=seed))[0] for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("limit", [1, 5, 20])
def test_the_token_limit_is_exact(run, model, prompt, limit):
    reply = model.tokenize("one two three four five six seven eight nine ten eleven twelve thirteen")
    text, report = run(prompt, sampler=Replay(reply), max_tokens=limit)
    assert text.encode() == model.detokenize(reply[:limit])
    assert report.tokens.sampled == limit
    assert report.finish_reason == "length"


@pytest.mark.parametrize("limit", [1, 3, 12])
def test_the_token_limit_cuts_forced_tokens_too(run, prompt, constrain, limit):
    _, report = run(prompt, constrain("get_time"), max_tokens=limit)
    assert report.tokens.generated == limit
    assert report.finish_reason == "length"


def test_the_end_token_ends_the_reply(run, model, prompt):
    text, report = run(prompt, sampler=Replay([*model.tokenize("Hello"), model.eos_token, 0]))
    assert (text, report.finish_reason) == ("Hello", "stop")
    assert report.tokens.sampled == len(model.tokenize("Hello")) + 1


def test_a_stop_string_ends_the_reply(run, model, prompt):
    reply = model.tokenize("one STOP two three")
    text, report = run(prompt, sampler=Replay(reply), stop=("STOP",))
    assert (text, report.finish_reason) == ("one ", "stop")
    assert report.tokens.sampled < len(reply)


def test_stop_strings_leave_calls_alone(run, model, prompt, constrain):
    call = '[{"name": "get_time", "arguments": {"city": "Oslo"}}]'
    opening = model.detokenize(constrain("get_time").forced()).decode()
    rest = model.tokenize(call[len(opening) :])
    constraint = constrain("get_time", parallel=False, of=Unforced)
    text, report = run(prompt, constraint, Replay(model.tokenize(opening) + rest), stop=("Oslo", ":"))
    assert (text, report.finish_reason) == (call, "stop")


@pytest.mark.parametrize("reply", ["The time is 12:04.", "[Note] I can't.", "[1, 2]", "\n[x]", "[]"])
def test_text_under_auto_is_what_the_model_wrote(run, model, prompt, constrain, reply):
    tokens = model.tokenize(reply)
    text, report = run(prompt, constrain("auto"), Replay([*tokens, model.eos_token]))
    assert text == reply
    assert (report.tokens.forced, report.tokens.sampled) == (0, len(tokens) + 1)


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


def test_a_call_under_auto_is_bound_from_its_opening(run, model, prompt, constrain):
    opening = model.tokenize('[{"')
    _, report = run(prompt, constrain("auto"), Replay(opening), max_tokens=len(opening) + 3)
    assert report.tokens.forced == 3


class Recorded(Constraint):
    """Remembers the tokens of the reply, forced ones too."""

    def accept(self, tokens):
        self.taken = [*getattr(self, "taken", []), *tokens]
        super().accept(tokens)


class ReplayAll(Replay):
    """Chooses the token that a known reply has where the reply is now."""

    def choose(self, logits, constraint, times):
        return self._tokens[len(getattr(constraint, "taken", []))]


def test_calls_under_auto_stay_bound_to_their_end(run, model, prompt, constrain):
    call = '[{"name": "get_time", "arguments": {"city": "Oslo"}}]'
    tokens = [*model.tokenize(call), model.eos_token]
    text, report = run(prompt, constrain("auto", of=Recorded), ReplayAll(tokens))
    assert (text, report.finish_reason) == (call, "stop")
    assert report.tokens.generated == len(tokens) - 1  # nothing but the end can follow: it is not asked for
    assert report.tokens.forced > report.tokens.sampled


def test_times_and_tokens_add_up(run, prompt, constrain):
    _, report = run(prompt, constrain("required"))
    times, tokens = report.times, report.tokens
    assert tokens.prompt == len(prompt)
    assert tokens.generated == tokens.sampled + tokens.forced
    assert min(times.prefill, times.decode, times.mask, times.sample) > 0
    assert times.prefill < times.first_token < report.elapsed()
    assert times.prefill + times.decode + times.mask + times.sample < report.elapsed()


class Interrupted(Sampler):
    """Gets Ctrl-C while it chooses the third token."""

    def choose(self, logits, constraint, times):
        self.chosen = getattr(self, "chosen", 0) + 1
        if self.chosen == 3:
            raise KeyboardInterrupt
        return super().choose(logits, constraint, times)


def test_leaving_a_reply_loses_nothing(run, sequence, vocabulary, model, prompt):
    expected, _ = run(prompt)
    replay = Replay(model.tokenize("one two three four"))
    pieces = decode(sequence, vocabulary, prompt, Unconstrained(), replay, max_tokens=9, report=CallReport(id="left"))
    next(pieces)
    next(pieces)
    pieces.close()
    assert sequence.context.length() == len(sequence.tokens) == len(prompt) + 1
    after, report = run(prompt)
    assert after == expected
    assert report.tokens.cached == len(prompt) - 1


def test_ctrl_c_loses_nothing(run, sequence, prompt):
    expected, _ = run(prompt)
    with pytest.raises(KeyboardInterrupt):
        run(prompt, sampler=Interrupted())
    assert sequence.context.length() == len(sequence.tokens) == len(prompt) + 2
    after, report = run(prompt)
    assert after == expected
    assert report.tokens.cached == len(prompt) - 1


def test_cached_and_fresh_prompts_give_the_same_reply(run, model, chat_format, tools, constrain):
    first = chat_format.render("What time is it in Tokyo?", tools[:3])
    second = chat_format.render("Set a timer for five minutes, please.", tools[:3])
    run(model.tokenize(first), constrain("required", parallel=False))
    tokens = model.tokenize(second)
    cached, report = run(tokens, constrain("required", parallel=False))
    with Context(model, n_ctx=2048, n_batch=256) as context:
        fresh, _ = run(tokens, constrain("required", parallel=False), sequence=LiveSequence(context))
    assert report.tokens.cached > 300
    assert cached == fresh

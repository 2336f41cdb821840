"""How far the grammar went against the model: what a report says of it, on the embedded model."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import numpy as np
import pytest

from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine import Engine, ReplyFinished
from edge_lam.engine.binding import constraint_of, grammar_of
from edge_lam.formats import XLam2Qwen
from edge_lam.llama import Context, Model
from edge_lam.metrics import CallLog
from edge_lam.request import Request

TOOLS = DEMO_TOOLS[:2]
REQUIRED = {"tools": TOOLS, "tool_choice": "required"}
FITTING = (
    "What time is it in Tokyo?",
    "Convert 12 miles to kilometers",
    "What time is it in Oslo?",
    "How much is 3 pounds in kilograms?",
)
UNFITTING = ("Hello! Who are you?", "Thanks a lot!", "Write a poem about rain", "I feel sad today.")
CLOSE = 0.05  # rounding differs with how many tokens share a pass


def ask(engine: Engine, messages: str, **options):
    *_, last = engine.stream(Request.of(messages, {"max_tokens": 60} | options))
    assert isinstance(last, ReplyFinished)
    return last.reply


def softmax(logits) -> np.ndarray:
    weights = np.exp(logits.astype(np.float64) - logits.max())
    return weights / weights.sum()


def test_requests_that_no_tool_fits_are_told_from_those_that_one_does(shared_engine):
    fitting = [ask(shared_engine, question, **REQUIRED).report for question in FITTING]
    unfitting = [ask(shared_engine, question, **REQUIRED).report for question in UNFITTING]
    for report in fitting + unfitting:
        assert 0 <= report.cut_at_start <= 1
        assert all(0 <= cut <= 1 for cut in report.cut_at_name)
        assert len(report.cut_at_name) == report.n_calls
    start, other_start = ([report.cut_at_start for report in reports] for reports in (fitting, unfitting))
    assert median(other_start) > median(start) + 0.3
    name, other_name = ([report.cut_at_name[0] for report in reports] for reports in (fitting, unfitting))
    assert median(other_name) > 3 * median(name)


def test_they_are_what_the_grammar_leaves_of_the_models_probability(shared_engine, tiny_lam_path):
    question = UNFITTING[0]
    request = Request.of(question, dict(REQUIRED))
    reply = ask(shared_engine, question, **REQUIRED, logprobs=True)
    prompt = shared_engine.prompts.tokenize(shared_engine.format.render_segments(request.messages, request.tools))
    grammar = grammar_of(request, shared_engine.format, shared_engine.vocabulary)
    constraint = constraint_of(request, grammar, shared_engine.format, shared_engine.vocabulary)
    tokens, names, kept = [], [call.name for call in reply.tool_calls], 1.0
    with Model(tiny_lam_path, device="cpu") as model, Context(model, n_ctx=1024) as context:
        for place, entry in enumerate(reply.logprobs):
            text = model.detokenize(tokens).decode(errors="replace")
            unread = [*prompt, *tokens][context.length() :]
            context.decode(unread, start=context.length())
            share = softmax(context.logits())[constraint.allowed()].sum()
            if place == 0:
                assert reply.report.cut_at_start == pytest.approx(1 - share, abs=CLOSE)
            if entry.origin != "forced" and text.startswith("[{") and not text.startswith(f'[{{"name": "{names[0]}'):
                kept *= share
            constraint.accept([entry.id])
            tokens.append(entry.id)
    assert len(names) == 1
    assert reply.report.cut_at_name == [pytest.approx(1 - kept, abs=CLOSE)]


def test_where_nothing_is_cut_none_is_told(shared_engine):
    free = ask(shared_engine, FITTING[0], **REQUIRED | {"constrain": False}).report
    assert (free.cut_at_start, set(free.cut_at_name)) == (None, {None} if free.n_calls else set())
    assert ask(shared_engine, FITTING[0], tools=TOOLS).report.cut_at_start is None
    text = ask(shared_engine, UNFITTING[0]).report
    assert (text.cut_at_start, text.cut_at_name) == (None, [])
    one = ask(shared_engine, FITTING[0], tools=TOOLS, tool_choice="get_time", parallel_tool_calls=False).report
    assert one.cut_at_start is not None
    assert one.cut_at_name == [None]


def test_a_request_to_write_text_is_measured_too(shared_engine):
    wants_call = ask(shared_engine, FITTING[0], tools=TOOLS, tool_choice="none", max_tokens=1).report
    wants_text = ask(shared_engine, UNFITTING[0], tools=TOOLS, tool_choice="none", max_tokens=1).report
    assert wants_call.cut_at_start > wants_text.cut_at_start


def test_each_call_has_its_own(shared_engine):
    reply = ask(shared_engine, "What time is it in Oslo and in Lima?", **REQUIRED, max_tokens=120)
    assert len(reply.report.cut_at_name) == len(reply.tool_calls)
    assert None not in reply.report.cut_at_name


def test_the_place_before_a_forced_opening_is_read_though_both_take_more_than_a_pass(tiny_lam_path, wordy):
    options, found = REQUIRED | {"tools": [wordy(5)], "parallel_tool_calls": False}, []
    for n_batch in (512, 8):
        context = Context(Model(tiny_lam_path, device="cpu"), n_ctx=1024, n_batch=n_batch)
        engine = Engine(context, XLam2Qwen(), CallLog(None))
        found.append(ask(engine, FITTING[0], **options))
        engine.close()
    whole, pieces = found
    assert 8 < whole.report.tokens.forced == pieces.report.tokens.forced
    assert [call.arguments for call in pieces.tool_calls] == [call.arguments for call in whole.tool_calls] != []
    assert pieces.report.cut_at_start == pytest.approx(whole.report.cut_at_start, abs=CLOSE)


def test_they_are_the_same_wherever_a_pass_ends_and_whoever_shares_it(tiny_lam_path):
    """The place before the forced opening of a call may fall on any token of a pass."""
    questions = [f"{'Well, ' * count}what time is it in Tokyo?" for count in range(9)]

    def cuts(engine: Engine, question: str) -> tuple[float, float]:
        report = ask(engine, question, **REQUIRED, parallel_tool_calls=False).report
        return report.cut_at_start, report.cut_at_name[0]

    found = []
    for n_batch, n_sequences in ((512, 1), (8, 1), (512, 3)):
        context = Context(
            Model(tiny_lam_path, device="cpu"), n_ctx=1024, n_batch=n_batch, n_sequences=n_sequences, n_logits=8
        )
        engine = Engine(context, XLam2Qwen(), CallLog(None))
        with ThreadPoolExecutor(n_sequences) as callers:
            found.append(list(callers.map(lambda question, engine=engine: cuts(engine, question), questions)))
        engine.close()
    for (start, name), *others in zip(*found, strict=True):
        assert not math.isnan(start + name)
        for other_start, other_name in others:
            assert (other_start, other_name) == (pytest.approx(start, abs=CLOSE), pytest.approx(name, abs=CLOSE))

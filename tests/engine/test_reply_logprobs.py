"""Logprobs of replies of the embedded model: those of its own distribution, however its tokens came about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edge_lam.decoding import PassCosts, ReplaySampler
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine import Engine, ReplyFinished
from edge_lam.formats import XLam2Qwen
from edge_lam.llama import Context, Model
from edge_lam.metrics import CallLog
from edge_lam.request import Request

TOOLS = {"tools": DEMO_TOOLS[:2], "tool_choice": "required"}
CALL = "What time is it in Tokyo?"
COPY = "What time is it in San Francisco and in San Francisco?"
# The quantized model rounds differently with how many tokens share a pass.
CLOSE = 0.15


def ask(engine: Engine, messages: str, **options):
    *_, last = engine.stream(Request.of(messages, {"max_tokens": 40, "logprobs": True} | options))
    assert isinstance(last, ReplyFinished)
    return last.reply


def draft_always(engine: Engine, pays: bool) -> None:
    costs = PassCosts()
    for size in (1, 2, 64):
        costs.record(size, size if not pays else 1e6 if size == 1 else 1e-6)
    costs.record = lambda *_: None  # what is measured here changes nothing
    engine.speculator.costs = costs


@contextmanager
def engine_of(path: Path, n_sequences: int) -> Iterator[Engine]:
    context = Context(Model(path, device="cpu"), n_ctx=1024, n_sequences=n_sequences, n_logits=40)
    engine = Engine(context, XLam2Qwen(), CallLog(None))
    yield engine
    engine.close()


def raw_bytes(logprobs) -> bytes:
    return b"".join(entry.bytes for entry in logprobs)


def assert_same(one, other):
    assert [entry.id for entry in one.logprobs] == [entry.id for entry in other.logprobs]
    for entry, twin in zip(one.logprobs, other.logprobs, strict=True):
        assert (entry.origin == "forced") == (twin.origin == "forced")
        assert entry.logprob == (twin.logprob if entry.logprob is None else pytest.approx(twin.logprob, abs=CLOSE))


def test_they_are_not_there_unless_asked_for(engine):
    assert ask(engine, "Hello!", logprobs=False).logprobs is None
    assert ask(engine, "Hello!", max_tokens=1).logprobs


@pytest.mark.parametrize("options", [TOOLS, {"tool_choice": "none"}, {"temperature": 1.0, "seed": 3, "top_p": 0.9}])
def test_they_are_those_of_the_model_reading_prompt_and_reply(engine, tiny_lam_path, options):
    """The reply is read again at once: the log of the softmax of its logits, in float64, is what was reported."""
    request = Request.of(CALL, dict(options))
    reply = ask(engine, CALL, **options, top_logprobs=3)
    prompt = engine.prompts.tokenize(engine.format.render_segments(request.messages, request.tools))
    ids = [entry.id for entry in reply.logprobs]
    with Model(tiny_lam_path, device="cpu") as model, Context(model, n_ctx=1024, n_logits=64) as context:
        context.decode(prompt[:-1], start=0, logits="none")
        context.decode([prompt[-1], *ids[:-1]], start=len(prompt) - 1, logits="all")
        rows = np.array([context.logits(row) for row in range(len(ids))], dtype=np.float64)
    rows -= rows.max(1, keepdims=True)
    expected = rows - np.log(np.exp(rows).sum(1, keepdims=True))
    for entry, row in zip(reply.logprobs, expected, strict=True):
        if entry.origin == "forced":
            assert (entry.logprob, entry.top) == (None, ())
            continue
        assert entry.logprob == pytest.approx(row[entry.id], abs=CLOSE)
        assert [top.logprob for top in entry.top] == pytest.approx(np.sort(row)[::-1][:3], abs=CLOSE)


def test_they_are_there_in_openais_form(engine):
    assert ask(engine, CALL, logprobs=False).openai_logprobs is None
    reply = ask(engine, CALL, **TOOLS, top_logprobs=2)
    form = json.loads(json.dumps(reply.openai_logprobs))
    assert list(form) == ["content", "refusal"]
    for entry, one in zip(form["content"], reply.logprobs, strict=True):
        is_forced = one.origin == "forced"
        expected = 0.0 if is_forced else one.logprob
        assert (entry["token"], bytes(entry["bytes"]), entry["logprob"]) == (one.token, one.bytes, expected)
        assert entry.get("forced", False) is is_forced
        assert len(entry["top_logprobs"]) == (0 if one.origin == "forced" else 2)
        assert [set(top) for top in entry["top_logprobs"]] == [{"token", "logprob", "bytes"}] * len(one.top)


def test_they_add_up_to_the_reply(engine):
    text = ask(engine, "Hello! Who are you?")
    assert raw_bytes(text.logprobs).decode(errors="replace").strip() == text.text
    call = ask(engine, CALL, **TOOLS, max_tokens=80)
    written = json.loads(raw_bytes(call.logprobs))
    called = [(one.name, one.arguments) for one in call.tool_calls]
    assert [(one["name"], one["arguments"]) for one in written] == called
    tokens = call.report.tokens
    origins = [entry.origin for entry in call.logprobs]
    assert origins.count("forced") == tokens.forced
    assert origins.count("draft") == tokens.accepted


@pytest.mark.parametrize(
    ("message", "options"), [(CALL, TOOLS), (COPY, TOOLS), ("Who are you?", {**TOOLS, "tool_choice": "none"})]
)
def test_they_are_the_same_with_drafts_and_without(engine, message, options):
    draft_always(engine, pays=False)
    plain = ask(engine, message, **options)
    draft_always(engine, pays=True)
    drafted = ask(engine, message, **options)
    assert_same(drafted, plain)
    assert not plain.report.tokens.accepted
    assert drafted.report.tokens.accepted == [entry.origin for entry in drafted.logprobs].count("draft")


@pytest.mark.parametrize("pays", [False, True])
@pytest.mark.parametrize(("stop", "is_ended"), [(" by", False), ("Wales", True)])
def test_what_a_pass_confirms_behind_a_stop_string_is_not_counted(engine, pays, stop, is_ended):
    draft_always(engine, pays=pays)
    said, model = "the river Teifi by Llanfair Clydogau in western Wales", engine.model
    written = model.tokenize(f"I know nothing of {said}" + ("" if is_ended else ", and more"))
    options = {"sampler": ReplaySampler([*written, model.eos_token]), "stop": stop}
    reply = ask(engine, f"Tell me about {said}!", tool_choice="none", **options)
    assert reply.text == f"I know nothing of {said}".partition(stop)[0].strip()
    assert (reply.stop, reply.finish_reason) == (stop, "stop")
    n = next(n for n in range(len(written) + 1) if stop.encode() in model.detokenize(written[:n]))
    assert reply.report.tokens.generated == n
    assert bool(reply.report.tokens.dropped) is pays or is_ended  # the end may have had a pass of its own


def test_they_are_the_same_side_by_side_and_alone(tiny_lam_path: Path):
    cities = ("Tokyo", "Oslo", "Lima", "Rome")

    def one(engine: Engine, city: str):
        return ask(engine, f"What time is it in {city}?", tools=DEMO_TOOLS[:2], tool_choice="get_time", max_tokens=16)

    with engine_of(tiny_lam_path, 1) as alone, engine_of(tiny_lam_path, 4) as many, ThreadPoolExecutor(4) as callers:
        together = callers.map(lambda city: one(many, city), cities)
        for city, reply in zip(cities, together, strict=True):
            assert_same(reply, one(alone, city))


def test_bias_temperature_and_mask_leave_them_alone(engine):
    plain = ask(engine, "Hello!", top_logprobs=20, max_tokens=1).logprobs[0]
    likely = {top.id: top.logprob for top in plain.top}
    second = plain.top[1].id
    biased = ask(engine, "Hello!", logit_bias={second: 100}, max_tokens=1).logprobs[0]
    assert biased.id == second
    assert biased.logprob == pytest.approx(likely[second], abs=CLOSE)
    hot = ask(engine, "Hello!", temperature=2.0, top_k=20, seed=1, max_tokens=1).logprobs[0]
    assert hot.logprob == pytest.approx(likely[hot.id], abs=CLOSE)


def test_what_a_stop_string_cuts_off_has_none(engine):
    whole = ask(engine, "Hello! Who are you?")
    stop = whole.text[len(whole.text) // 2 :][:3]
    for pays in (False, True):
        draft_always(engine, pays)
        cut = ask(engine, "Hello! Who are you?", stop=stop)
        assert cut.text == whole.text[: whole.text.index(stop)].strip()
        assert [entry.id for entry in cut.logprobs] == [entry.id for entry in whole.logprobs[: len(cut.logprobs)]]
        end = raw_bytes(whole.logprobs).index(stop.encode())
        assert len(raw_bytes(cut.logprobs[:-1])) < end <= len(raw_bytes(cut.logprobs))

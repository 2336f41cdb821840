"""Many callers on one engine: the same replies as alone, bounded, cancelled and closed at any point."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge_lam import load
from edge_lam.decoding import Vocabulary
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine import Engine, ReplyFinished, TextDelta
from edge_lam.engine.binding import constraint_of, grammar_of
from edge_lam.errors import BackendError, Busy, Closed
from edge_lam.formats import XLam2Qwen
from edge_lam.llama import Context, Model
from edge_lam.metrics import CallLog
from edge_lam.request import Request

QUESTIONS = [
    f"What time is it in {city}?" for city in ("Tokyo", "Oslo", "Lima", "Rome", "Cairo", "Paris", "Quito", "Bern")
]
LONG = "word " * 450
# A call that the model is sure of: other replies may change with the last digits of logits.
ONE_CALL = {"tools": DEMO_TOOLS[:2], "tool_choice": "get_time", "parallel_tool_calls": False}


@pytest.fixture
def many(tiny_lam_path: Path, log_path: Path) -> Iterator[Engine]:
    context = Context(Model(tiny_lam_path, device="cpu"), n_ctx=1024, n_sequences=4, n_logits=40)
    engine = Engine(context, XLam2Qwen(), CallLog(log_path, log_prompts=False), queue_limit=6)
    yield engine
    engine.close()


def ask(engine: Engine, question: str, **options):
    return engine.stream(Request.of(question, {"max_tokens": 24} | options)).result()


def random_text(engine: Engine, **options):
    never_ends = dict.fromkeys(engine.vocabulary.end_tokens, -100.0)
    wild = {"temperature": 5.0, "seed": 1, "max_tokens": 60, "logit_bias": never_ends}
    return engine.stream(Request.of("Hello", wild | options)).start()


def sure(reply):
    """Return what of a reply doesn't hang on the last digits of logits: the calls with their forced parts."""
    return [(call.name, call.arguments) for call in reply.tool_calls] or reply.text


def test_callers_side_by_side_get_their_own_replies(many):
    options = ONE_CALL
    alone = [sure(ask(many, question, **options)) for question in QUESTIONS]
    with ThreadPoolExecutor(len(QUESTIONS)) as callers:
        together = [sure(reply) for reply in callers.map(lambda question: ask(many, question, **options), QUESTIONS)]
    assert together == alone


def test_a_prefix_is_read_once_for_all(many):
    options = {"tools": DEMO_TOOLS[:4], "max_tokens": 4}
    with ThreadPoolExecutor(4) as callers:
        replies = list(callers.map(lambda question: ask(many, question, **options), QUESTIONS[:4]))
    read = sorted(reply.report.tokens.prompt - reply.report.tokens.cached for reply in replies)
    assert read[-1] > 400
    assert max(read[:-1]) < 64


def test_a_reply_goes_on_while_another_prompt_is_read(many):
    stream = random_text(many)
    next(event for event in stream if isinstance(event, TextDelta))
    reader = threading.Thread(target=ask, args=(many, LONG), kwargs={"max_tokens": 1})
    reader.start()
    *_, last = stream
    reader.join(60)
    assert last.reply.report.tokens.sampled == 60


@pytest.mark.parametrize("fills", [True, False])
def test_a_forced_opening_gets_its_pass_while_another_reply_is_written(tiny_lam_path, log_path, logged, wordy, fills):
    """It goes down in one pass, though it is longer than the pieces of prompts; it may take all of that pass."""
    options = {"tools": [wordy(20)], "tool_choice": "required", "parallel_tool_calls": False}
    with Model(tiny_lam_path, device="cpu") as model:
        request, vocabulary = Request.of("Save it", dict(options)), Vocabulary(model)
        grammar = grammar_of(request, XLam2Qwen(), vocabulary)
        opening = constraint_of(request, grammar, XLam2Qwen(), vocabulary).forced()
    together = len(opening) + 1  # with the token before it
    assert 64 < together < 128
    n_batch = together if fills else 128
    context = Context(Model(tiny_lam_path, device="cpu"), n_ctx=1024, n_sequences=2, n_batch=n_batch)
    engine = Engine(context, XLam2Qwen(), CallLog(log_path, log_prompts=False))
    stream = random_text(engine, max_tokens=800)
    next(event for event in stream if isinstance(event, TextDelta))
    assert ask(engine, "Save it", **options, max_tokens=together + 8).tool_calls
    stream.close()
    engine.close()
    assert [line["error"] for line in logged()] == ["", "cancelled"]  # the other one was still written


def test_a_request_too_many_is_refused(many, logged):
    streams = [random_text(many, max_tokens=800) for _ in range(10)]
    with pytest.raises(Busy) as caught:
        ask(many, "one more")
    assert caught.value.code == "busy"
    for stream in streams:
        stream.close()
    assert ask(many, "again").finish_reason
    assert [line["error"] for line in logged()].count("busy") == 1


def test_a_long_prompt_is_left_at_once_and_the_next_reply_is_right(many):
    expected = sure(ask(many, QUESTIONS[0], **ONE_CALL))
    stream = many.stream(Request.of(LONG, {})).start()
    time.sleep(0.05)
    stream.close()
    held = [len(sequence.tokens) for sequence in many.core.slots.all]
    assert [many.context.length(index) for index in range(4)] == held
    assert max(held) < 900
    assert sure(ask(many, QUESTIONS[0], **ONE_CALL)) == expected


def test_a_stream_that_nobody_reads_is_ended_with_its_last_reference(many):
    stream = many.stream(Request.of(LONG, {})).start()
    del stream
    assert ask(many, QUESTIONS[0]).text
    assert all(len(sequence.tokens) < 900 for sequence in many.core.slots.all)


@pytest.mark.parametrize("timeout", [1e-6, 0.05])
def test_time_that_is_up_ends_a_reply_as_it_is(many, timeout, logged):
    reply = ask(many, LONG, timeout=timeout, max_tokens=None)
    assert reply.finish_reason == "timeout"
    assert logged()[-1]["finish_reason"] == "timeout"
    begun = list(random_text(many, timeout=0.3, max_tokens=800))
    assert begun[-1].reply.finish_reason == "timeout"
    assert begun[-1].reply.text == "".join(event.text for event in begun[:-1])


def test_limits_of_many_requests_take_one_thread(many):
    before = threading.active_count()
    streams = [random_text(many, timeout=60 + index, max_tokens=900) for index in range(8)]
    assert threading.active_count() <= before + 1
    assert random_text(many, timeout=0.1, max_tokens=900).result().finish_reason == "timeout"  # before all others
    for stream in streams:
        stream.close()


def test_close_ends_those_who_run_and_those_who_wait(many):
    streams = [random_text(many, max_tokens=800) for _ in range(8)]
    many.close()
    for stream in streams:
        with pytest.raises(Closed):
            list(stream)


def _fail_at_the_first(events) -> None:
    for _ in events:
        raise ZeroDivisionError


def test_an_error_of_the_consumer_ends_the_reply(many, logged):
    with pytest.raises(ZeroDivisionError):
        _fail_at_the_first(random_text(many, max_tokens=800))
    assert ask(many, QUESTIONS[0]).text
    assert logged()[0]["error"] == "cancelled"


def test_async_streams_side_by_side(many):
    async def reply(question):
        return [event async for event in many.stream(Request.of(question, {"max_tokens": 12}))][-1].reply.text

    async def together():
        return await asyncio.gather(*map(reply, QUESTIONS[:6]))

    expected = [ask(many, question, max_tokens=12).text for question in QUESTIONS[:6]]
    assert sum(one == other for one, other in zip(asyncio.run(together()), expected, strict=True)) >= 5


def test_a_cancelled_task_ends_its_reply(many, logged):
    async def leave():
        events = many.stream(Request.of("Hi", {"temperature": 100.0, "max_tokens": 800}))
        task = asyncio.ensure_future(anext(events))
        await task
        await events.aclose()

    asyncio.run(leave())
    assert ask(many, QUESTIONS[0]).text
    assert logged()[0]["error"] == "cancelled"


class Waiting(XLam2Qwen):
    """Renders a prompt when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.is_rendering, self.may_render = threading.Event(), threading.Event()
        self.may_render.set()

    def render_segments(self, messages, tools=()):
        self.is_rendering.set()
        assert self.may_render.wait(60)
        return super().render_segments(messages, tools)


@pytest.fixture
def waiting(tiny_lam_path, log_path) -> Iterator[Engine]:
    context = Context(Model(tiny_lam_path, device="cpu"), n_ctx=1024)
    engine = Engine(context, Waiting(), CallLog(log_path, log_prompts=False), queue_limit=1)
    engine.format.may_render.clear()
    engine.format.is_rendering.clear()
    yield engine
    engine.close()


def test_a_task_cancelled_while_its_prompt_is_made_ends_its_reply_although_the_loop_ends(waiting, logged):
    async def cancel():
        task = asyncio.ensure_future(anext(waiting.stream(Request.of("Hello", {"max_tokens": 900}))))
        while not waiting.format.is_rendering.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancel())
    waiting.format.may_render.set()
    assert ask(waiting, QUESTIONS[0]).text
    assert logged()[0]["error"] == "cancelled"


def test_a_slow_template_stalls_nobody_else(waiting):
    waiting.format.may_render.set()
    stream = random_text(waiting, max_tokens=200)
    next(stream)
    waiting.format.may_render.clear()
    waiting.format.is_rendering.clear()
    other = waiting.stream(Request.of("Hello", {"max_tokens": 2})).start_in_thread()
    assert waiting.format.is_rendering.wait(60)
    assert list(stream)[-1].reply.report.tokens.sampled == 200  # all of it was written meanwhile
    waiting.format.may_render.set()
    assert other.result().finish_reason


def test_the_queue_limit_holds_while_prompts_are_made(waiting):
    streams = [waiting.stream(Request.of("Hello", {"max_tokens": 4})).start_in_thread() for _ in range(2)]
    assert waiting.format.is_rendering.wait(60)
    while waiting.core.n_places < 2:
        time.sleep(0.001)
    with pytest.raises(Busy):
        waiting.stream(Request.of("Hello", {})).start()
    waiting.format.may_render.set()
    assert all(stream.result().finish_reason for stream in streams)
    assert waiting.core.n_places == 0


def _ask_in_child(lam, results) -> None:
    try:
        lam.chat("Hello")
    except BackendError as error:
        results.put(str(error))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_a_forked_child_gets_a_clear_error():
    fork = multiprocessing.get_context("fork")
    with load(prefix_cache=False, log=False) as lam:
        results = fork.Queue()
        child = fork.Process(target=_ask_in_child, args=(lam, results))
        child.start()
        assert "after the fork" in results.get(timeout=30)
        child.join(30)
        assert child.exitcode == 0
        assert isinstance(list(lam.stream("Hi", max_tokens=2))[-1], ReplyFinished)


def test_a_dropped_model_ends_its_thread():
    lam = load(prefix_cache=False, log=False)
    owner = lam.engine.core.owner
    lam.chat("Hi", max_tokens=2)
    del lam
    owner.join(30)
    assert not owner.is_alive()

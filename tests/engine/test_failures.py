"""Failures around the engine: an error of its type for everyone concerned, and the next reply is right.

What fails is llama.cpp's library, by one function that gives another status, or the caller's own sink.
"""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine import Engine, ReplyFinished, Request
from edge_lam.engine.stream import reply_of
from edge_lam.errors import BackendError, Busy, Closed
from edge_lam.formats import XLam2Qwen
from edge_lam.llama import Context, Model
from edge_lam.metrics import CallLog

CALL = {"tools": DEMO_TOOLS[:1], "tool_choice": "get_time", "parallel_tool_calls": False, "max_tokens": 24}


class FailingLibrary:
    """llama.cpp, but some passes give a status of their own; `before` runs ahead of each pass."""

    def __init__(self, library, statuses, before=lambda: None):
        self._library, self._statuses, self._before = library, iter(statuses), before
        self.n_passes = 0

    def __getattr__(self, name):
        return getattr(self._library, name)

    def llama_decode(self, context, batch):
        self.n_passes += 1
        self._before()
        status = next(self._statuses, 0)
        return status or self._library.llama_decode(context, batch)


def ask(engine, question="What time is it in Tokyo?", **options):
    return reply_of(lambda sink: engine.submit(Request.of(question, CALL | options), sink))


def calls(reply):
    return [(call.name, call.arguments) for call in reply.tool_calls]


def held(engine):
    """Return what sequences say they hold, and what the context does."""
    every = engine.scheduler.sequences.all
    return [len(one.tokens) for one in every], [engine.context.length(one.index) for one in every]


@pytest.fixture
def pair(tiny_lam_path, log_path):
    context = Context(Model(tiny_lam_path, device="cpu"), n_ctx=1024, n_sequences=2)
    engine = Engine(context, XLam2Qwen(), CallLog(log_path, log_prompts=False))
    yield engine
    engine.close()


@pytest.mark.parametrize(("status", "at"), [(1, 0), (2, 0), (-1, 0), (-2, 0), (-3, 1), (-77, 1)])
def test_a_failed_pass_is_an_error_and_the_next_reply_is_right(pair, logged, status, at):
    expected = calls(ask(pair))
    library = pair.context._llama
    pair.context._llama = FailingLibrary(library, [0] * at + [status])
    with pytest.raises(BackendError, match="decoding"):
        ask(pair, "What time is it in Oslo?")
    assert logged()[-1]["error"] == "backend_error"
    said, is_held = held(pair)
    assert said == is_held
    assert not pair.scheduler._running
    assert len(pair.scheduler.sequences._free) == 2
    assert calls(ask(pair)) == expected


def test_a_library_that_always_fails_fails_every_caller_and_closes(pair):
    class Always(FailingLibrary):
        def llama_decode(self, context, batch):
            return -3

    pair.context._llama = Always(pair.context._llama, [])
    with ThreadPoolExecutor(6) as callers:
        ends = [callers.submit(ask, pair, f"question {index}") for index in range(6)]
        assert all(isinstance(end.exception(60), BackendError) for end in ends)
    pair.close()
    with pytest.raises(Closed):
        ask(pair)


def test_a_bug_in_the_owner_closes_the_engine_and_everyone_hears_of_it(pair):
    class Broken(FailingLibrary):
        def llama_decode(self, context, batch):
            raise ZeroDivisionError("a bug")

    pair.context._llama = Broken(pair.context._llama, [])
    with ThreadPoolExecutor(6) as callers:
        ends = [callers.submit(ask, pair, f"question {index}") for index in range(6)]
        kinds = {type(end.exception(60)) for end in ends}
    assert ZeroDivisionError in kinds
    assert kinds <= {ZeroDivisionError, Closed}
    with pytest.raises(Closed):
        ask(pair)


@pytest.mark.parametrize("kind", ["first", "reply", "end"])
def test_a_sink_that_fails_ends_its_own_call_only(pair, kind):
    expected = calls(ask(pair))
    seen: queue.SimpleQueue = queue.SimpleQueue()

    def sink(event):
        seen.put(event)
        is_reply, is_end = isinstance(event, ReplyFinished), event is None or isinstance(event, BaseException)
        if {"first": not is_reply and not is_end, "reply": is_reply, "end": is_end}[kind]:
            raise ZeroDivisionError

    call = pair.submit(Request.of("What time is it in Tokyo?", CALL), sink)
    assert call.ended.wait(60)
    last = [seen.get() for _ in range(seen.qsize())][-1]
    assert last is None if kind == "end" else isinstance(last, ZeroDivisionError)
    call.leave()
    assert calls(ask(pair)) == expected


def test_a_cancel_comes_amid_a_pass(pair):
    """The pass that reads the prompt gives the status of an aborted one: it was not left to end first."""
    library, begun, statuses = pair.context._llama, threading.Event(), []

    class Watched(FailingLibrary):
        def llama_decode(self, context, batch):
            begun.set()
            while not statuses and pair.context._abort[0] == b"\0":
                time.sleep(0.001)
            statuses.append(library.llama_decode(context, batch))
            return statuses[-1]

    pair.context._llama = Watched(library, [])
    stream = pair.run(Request.of("word " * 450, {}))
    assert begun.wait(60)
    stream.close()
    assert statuses[0] == 2
    said, is_held = held(pair)
    assert said == is_held
    assert calls(ask(pair))


def test_requests_that_race_with_close_end_one_way_or_the_other(tiny_lam_path, log_path):
    for delay in (0.0, 0.05):
        context = Context(Model(tiny_lam_path, device="cpu"), n_ctx=1024, n_sequences=2)
        engine = Engine(context, XLam2Qwen(), CallLog(log_path, log_prompts=False))
        with ThreadPoolExecutor(6) as callers:
            ends = [callers.submit(ask, engine, max_tokens=4) for _ in range(6)]
            time.sleep(delay)
            engine.close()
            for end in ends:
                assert end.exception(60) is None or isinstance(end.exception(), Closed | Busy)


@pytest.mark.parametrize("use", ["submit", "prewarm"])
def test_close_waits_for_tools_that_are_being_compiled(pair, use):
    """What is compiled asks the model for tokens, in the caller's thread."""
    owner, explodes, compiling, waited = pair.scheduler._owner, pair.vocabulary.explodes, threading.Event(), []

    def slow(grammar):
        compiling.set()
        while not pair.scheduler._closing:
            time.sleep(0.001)
        owner.join(0.2)  # an owner that does not wait is through by then
        waited.append(owner.is_alive())
        return explodes(grammar) if owner.is_alive() else ""

    pair.vocabulary.explodes = slow
    plate = {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}  # a pattern is tried out
    tool = {"name": "park", "parameters": {"type": "object", "properties": {"plate": plate}}}
    request = Request.of("Park ABC-1234", {"tools": [tool]})
    begin = {"submit": lambda: reply_of(partial(pair.submit, request)), "prewarm": lambda: pair.prewarm(request)}[use]
    with ThreadPoolExecutor(2) as callers:
        ends = [callers.submit(begin) for _ in range(2)]  # one compiles, one waits for that
        assert compiling.wait(20)
        pair.close()
        assert [type(end.exception(60)) for end in ends] == [Closed, Closed]
    assert waited == [True]


def test_an_engine_that_nobody_holds_serves_its_last_stream_and_goes(tiny_lam_path, log_path):
    context = Context(Model(tiny_lam_path, device="cpu"), n_ctx=1024)
    engine = Engine(context, XLam2Qwen(), CallLog(log_path, log_prompts=False))
    owner, stream = engine.scheduler._owner, engine.run(Request.of("What time is it in Tokyo?", CALL))
    del engine
    assert list(stream)[-1].reply.finish_reason
    del stream
    owner.join(60)
    assert not owner.is_alive()


INTERRUPTED = """
import sys, threading
from edge_lam import load

with load(n_ctx=1024, log="off", prefix_cache=False) as lam:
    expected = lam.chat("Hello", max_tokens=4).text
    try:
        threading.Timer(0.2, print, ("waiting",), {"flush": True}).start()
        for _ in range(1000):
            lam.chat("Hello", temperature=100.0, max_tokens=900)
    except KeyboardInterrupt:
        assert lam.chat("Hello", max_tokens=4).text == expected
        print("right")
        sys.exit(130)
"""


def test_ctrl_c_in_a_waiting_caller_ends_its_request_and_the_engine_stays_usable():
    child = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "waiting\n"
    child.send_signal(signal.SIGINT)
    rest, _ = child.communicate(timeout=60)
    assert (rest, child.returncode) == ("right\n", 130)

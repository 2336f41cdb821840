"""Failures around the engine: an error of its type for everyone concerned, and the next reply is right.

What fails is llama.cpp's library, by one function that gives another status.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from edge_lam import LAM, Agent
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine import Engine, Request
from edge_lam.errors import BackendError, Busy, Cancelled, Closed
from edge_lam.formats import XLam2Qwen
from edge_lam.llama import Context, Model
from edge_lam.metrics import CallLog, Meter

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
    return engine.stream(Request.of(question, CALL | options)).result()


def calls(reply):
    return [(call.name, call.arguments) for call in reply.tool_calls]


def held(engine):
    """Return what sequences say they hold, and what the context does."""
    every = engine.core.slots.all
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
    assert (pair.core.n_places, pair.core.slots.n_free) == (0, 2)
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


class FailingMeter(Meter):
    """A meter whose first reading of the memory fails."""

    n_failed = 0

    def memory(self):
        self.n_failed += 1
        if self.n_failed == 1:
            raise ZeroDivisionError("no memory is told")
        return super().memory()


def test_a_report_that_cannot_be_made_fails_its_own_call_only(pair, logged):
    expected = calls(ask(pair))
    pair.recorder.meter = FailingMeter()
    with pytest.raises(ZeroDivisionError):
        ask(pair)
    assert logged()[-1]["error"] == "ZeroDivisionError"
    assert calls(ask(pair)) == expected
    assert pair.core.n_places == 0


class Watched(FailingLibrary):
    """llama.cpp, but a pass goes on until it is aborted; `begun` tells when the first one has begun."""

    def __init__(self, context):
        super().__init__(context._llama, [])
        self.begun, self.seen = threading.Event(), []
        self._context = context

    def llama_decode(self, context, batch):
        self.begun.set()
        end = time.monotonic() + 60
        while not self.seen and self._context._abort[0] == b"\0" and time.monotonic() < end:
            time.sleep(0.001)
        self.seen.append(self._library.llama_decode(context, batch))
        return self.seen[-1]


def test_a_cancel_comes_amid_a_pass(pair):
    """The pass that reads the prompt gives the status of an aborted one: it was not left to end first."""
    pair.context._llama = library = Watched(pair.context)
    stream = pair.stream(Request.of("word " * 450, {})).start()
    assert library.begun.wait(60)
    stream.close()
    assert library.seen[0] == 2
    said, is_held = held(pair)
    assert said == is_held
    assert calls(ask(pair))


def test_prewarming_is_cancelled_amid_a_pass(pair):
    """Its result raises `Cancelled`; nothing is printed, and nothing goes on."""
    pair.context._llama = library = Watched(pair.context)
    stream = pair.prewarm(Request.of("?", {"tools": DEMO_TOOLS[:4]}))
    assert library.begun.wait(60)
    stream.cancel()
    with pytest.raises(Cancelled):
        stream.result()
    assert stream.cancelled()
    assert (library.seen, pair.core.n_places) == ([2], 0)
    pair.prewarm(Request.of("?", {"tools": DEMO_TOOLS[:4]})).result()
    assert calls(ask(pair))


@pytest.mark.parametrize("how", ["thread", "task"])
def test_an_agent_is_cancelled_amid_a_pass_that_reads_its_prompt(pair, how):
    lam = LAM(pair)
    agent, question = Agent(lam, DEMO_TOOLS[:1], max_tokens=400), "word " * 150
    pair.context._llama = library = Watched(pair.context)

    async def cancel_task():
        task = asyncio.ensure_future(agent.arun(question))
        while not library.begun.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    if how == "task":
        asyncio.run(cancel_task())
    else:
        stream = agent.stream(question)
        threading.Thread(target=lambda: library.begun.wait(60) and stream.cancel(), daemon=True).start()
        (last,) = stream
        assert (last.reply.finish_reason, last.reply.steps) == ("cancelled", ())
    assert calls(ask(pair))
    assert library.seen[0] == 2


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


@pytest.mark.parametrize("use", ["stream", "prewarm"])
def test_close_waits_for_tools_that_are_being_compiled(pair, use):
    """What is compiled asks the model for tokens, in the caller's thread."""
    owner, exceeded, compiling, waited = pair.core.owner, pair.vocabulary.exceeded_limit, threading.Event(), []

    def slow(grammar):
        compiling.set()
        while not pair.core.is_closing:
            time.sleep(0.001)
        owner.join(0.2)  # an owner that does not wait is through by then
        waited.append(owner.is_alive())
        return exceeded(grammar) if owner.is_alive() else None

    pair.vocabulary.exceeded_limit = slow
    plate = {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}  # a pattern is tried out
    tool = {"name": "park", "parameters": {"type": "object", "properties": {"plate": plate}}}
    request = Request.of("Park ABC-1234", {"tools": [tool]})
    begin = {"stream": lambda: pair.stream(request).result(), "prewarm": lambda: pair.prewarm(request).result()}[use]
    with ThreadPoolExecutor(2) as callers:
        ends = [callers.submit(begin) for _ in range(2)]  # one compiles, one waits for that
        assert compiling.wait(20)
        pair.close()
        assert [type(end.exception(60)) for end in ends] == [Closed, Closed]
    assert waited == [True]


def test_an_engine_that_nobody_holds_serves_its_last_stream_and_goes(tiny_lam_path, log_path):
    context = Context(Model(tiny_lam_path, device="cpu"), n_ctx=1024)
    engine = Engine(context, XLam2Qwen(), CallLog(log_path, log_prompts=False))
    owner, stream = engine.core.owner, engine.stream(Request.of("What time is it in Tokyo?", CALL)).start()
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

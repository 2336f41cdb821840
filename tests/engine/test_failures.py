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
from edge_lam.engine import Engine
from edge_lam.errors import BackendError, Busy, Cancelled, Closed
from edge_lam.formats import XLam2Qwen
from edge_lam.llama import Context, Model, library
from edge_lam.metrics import CallLog, Meter
from edge_lam.request import Request

CALL = {"tools": DEMO_TOOLS[:1], "tool_choice": "get_time", "parallel_tool_calls": False, "max_tokens": 24}


class FailingLibrary:
    """llama.cpp; each pass first asks `fail` for a status, and runs if that is 0.

    Attributes:
        fail: what is asked.
        statuses: of all passes that ran.
    """

    def __init__(self):
        self.fail = lambda: 0
        self.statuses = []

    def __getattr__(self, name):
        return getattr(library(), name)

    def llama_decode(self, context, batch):
        status = self.fail()
        if status == 0:
            self.statuses.append(status := library().llama_decode(context, batch))
        return status


class WatchedContext(Context):
    """Tells when a pass is to be aborted."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.is_aborted = threading.Event()

    def abort(self):
        super().abort()
        self.is_aborted.set()


def ask(engine, question="What time is it in Tokyo?", **options):
    return engine.stream(Request.of(question, CALL | options)).result()


def calls(reply):
    return [(call.name, call.arguments) for call in reply.tool_calls]


def held(engine):
    """Return what sequences say they hold, and what the context does."""
    every = engine.core.slots.all
    return [len(one.tokens) for one in every], [engine.context.length(one.index) for one in every]


@pytest.fixture
def llama():
    return FailingLibrary()


@pytest.fixture
def pair(tiny_lam_path, log_path, llama):
    context = WatchedContext(Model(tiny_lam_path, device="cpu"), n_ctx=1024, n_sequences=2, llama=llama)
    engine = Engine(context, XLam2Qwen(), CallLog(log_path, log_prompts=False))
    yield engine
    engine.close()


@pytest.mark.parametrize(("status", "at"), [(1, 0), (2, 0), (-1, 0), (-2, 0), (-3, 1), (-77, 1)])
def test_a_failed_pass_is_an_error_and_the_next_reply_is_right(pair, llama, logged, status, at):
    expected, statuses = calls(ask(pair)), iter([0] * at + [status])
    llama.fail = lambda: next(statuses, 0)
    with pytest.raises(BackendError, match="decoding"):
        ask(pair, "What time is it in Oslo?")
    assert logged()[-1]["error"] == "backend_error"
    said, is_held = held(pair)
    assert said == is_held
    assert (pair.core.n_places, pair.core.slots.n_free) == (0, 2)
    assert calls(ask(pair)) == expected


def test_a_library_that_always_fails_fails_every_caller_and_closes(pair, llama):
    llama.fail = lambda: -3
    with ThreadPoolExecutor(6) as callers:
        ends = [callers.submit(ask, pair, f"question {index}") for index in range(6)]
        assert all(isinstance(end.exception(60), BackendError) for end in ends)
    pair.close()
    with pytest.raises(Closed):
        ask(pair)


def test_a_bug_in_the_owner_closes_the_engine_and_everyone_hears_of_it(pair, llama):
    def fail():
        raise ZeroDivisionError("a bug")

    llama.fail = fail
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


@pytest.fixture
def begun(pair, llama):
    """The first pass goes on until it is aborted; the event tells when it has begun."""
    event = threading.Event()

    def wait():
        event.set()
        pair.context.is_aborted.wait(60)
        return 0

    llama.fail = wait
    return event


def test_a_cancel_comes_amid_a_pass(pair, llama, begun):
    """The pass that reads the prompt gives the status of an aborted one: it was not left to end first."""
    stream = pair.stream(Request.of("word " * 450, {})).start()
    assert begun.wait(60)
    stream.close()
    assert llama.statuses[0] == 2
    said, is_held = held(pair)
    assert said == is_held
    assert calls(ask(pair))


def test_prewarming_is_cancelled_amid_a_pass(pair, llama, begun):
    """Its result raises `Cancelled`; nothing is printed, and nothing goes on."""
    stream = pair.prewarm(Request.of("?", {"tools": DEMO_TOOLS[:4]}))
    assert begun.wait(60)
    stream.cancel()
    with pytest.raises(Cancelled):
        stream.result()
    assert stream.cancelled()
    assert (llama.statuses, pair.core.n_places) == ([2], 0)
    pair.prewarm(Request.of("?", {"tools": DEMO_TOOLS[:4]})).result()
    assert calls(ask(pair))


@pytest.mark.parametrize("how", ["thread", "task"])
def test_an_agent_is_cancelled_amid_a_pass_that_reads_its_prompt(pair, llama, begun, how):
    lam = LAM(pair)
    agent, question = Agent(lam, DEMO_TOOLS[:1], max_tokens=400), "word " * 150

    async def cancel_task():
        task = asyncio.ensure_future(agent.arun(question))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    if how == "task":
        asyncio.run(cancel_task())
    else:
        stream = agent.stream(question)
        threading.Thread(target=lambda: begun.wait(60) and stream.cancel(), daemon=True).start()
        (last,) = stream
        assert (last.reply.finish_reason, last.reply.steps) == ("cancelled", ())
    assert calls(ask(pair))
    assert llama.statuses[0] == 2


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

"""Results of tools that come item by item, never end, or can't be written."""

from __future__ import annotations

import datetime
import itertools
import subprocess
import sys
import threading

import pytest

from edge_lam.tools import Tool, results
from tests.agent.rounds import call, run
from tests.amount import IS_THOROUGH


def test_the_items_of_a_generator_are_its_result():
    def lines():
        yield datetime.date(2027, 5, 3)
        yield {"nested": (n for n in (1, 2))}

    async def steps():
        yield 1
        yield "two"

    async def late():
        return lines()

    _, told = run([call("lines"), call("steps"), call("late")], [lines, steps, late])
    listed = ["2027-05-03", {"nested": [1, 2]}]
    assert [result.result for result in told] == [listed, [1, "two"], listed]


def endless():
    return itertools.count()


def hidden():
    return {"rows": [map(str, itertools.count())]}


async def ticks():
    while True:
        yield "tick"


def lengthy():
    while True:
        yield "x" * 1_000_000


@pytest.mark.parametrize("tool", [endless, hidden, ticks, lengthy])
def test_what_never_ends_is_told_as_too_long(tool, monkeypatch):
    assert results.MAX_BYTES == 4_000_000
    if not IS_THOROUGH:  # a million items take a second
        monkeypatch.setattr(results, "MAX_BYTES", 100_000)
    _, (result,) = run([call(tool.__name__)], [tool])
    assert result.outcome == "failed"
    assert result.result == {"error": f"TooLong: the result goes on beyond {results.MAX_BYTES:,} bytes; ask for less"}


def test_a_generator_ends_when_its_time_is_over():
    closed = threading.Event()

    def slow():
        try:
            while True:
                threading.Event().wait(0.02)
                yield 1
        finally:
            closed.set()

    _, (result,) = run([call("slow")], [slow], timeout=0.1)
    assert result.outcome == "timeout"
    assert closed.wait(10)


def test_the_interpreter_ends_although_a_tool_never_does():
    program = """
import itertools, threading
from edge_lam.agent.cancellation import Cancellation
from edge_lam.agent.repeats import Repeats
from edge_lam.agent.round import Round, ToolBox
from edge_lam.tools import ToolCall, as_tools

def endless():
    for number in itertools.count():
        threading.Event().wait(0.001)
        yield number

box = ToolBox({tool.name: tool for tool in as_tools([endless])}, timeout=0.2)
calls = Round([ToolCall("1", "endless", {})], box, Repeats(), Cancellation(), None)
list(calls.run())
print(calls.results[0].outcome)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("timeout\n", "", 0)


def test_what_refers_to_itself_is_an_error():
    rows: list = [1]
    rows.append(rows)
    _, (result,) = run([call("f")], [Tool.from_function(lambda: rows, name="f")])
    assert result.result == {"error": "ValueError: the result refers to itself"}

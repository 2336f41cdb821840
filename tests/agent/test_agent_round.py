"""The tools of one reply: checked, approved, side by side and in time. The calls come from the tests."""

from __future__ import annotations

import asyncio
import contextvars
import datetime
import functools
import sys
import threading
from typing import Annotated

import pytest
from pydantic import AfterValidator

from edge_lam.agent import ToolFinished, ToolStarted
from edge_lam.agent.cancellation import Cancellation
from edge_lam.agent.repeats import Repeats
from edge_lam.tools import Tool
from tests.agent.rounds import call, round_of, run

REMOTE = {"name": "remote", "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}}}


def double(number: int) -> int:
    """Double."""
    return 2 * number


def test_calls_run_side_by_side_and_results_keep_their_order():
    together = threading.Barrier(3)

    def meet(number: int) -> int:
        """Meet."""
        together.wait(60)
        return number

    calls = [call("meet", n, number=n) for n in (3, 1, 2)]
    events, results = run(calls, [meet])
    assert [event.call for event in events[:3]] == calls
    assert all(isinstance(event, ToolStarted) for event in events[:3])
    assert all(isinstance(event, ToolFinished) for event in events[3:])
    assert [result.result for result in results] == [3, 1, 2]


def test_one_after_the_other_where_they_share_a_state():
    seen = []

    def note(number: int) -> list[int]:
        """Note."""
        seen.append(number)
        return list(seen)

    events, results = run([call("note", n, number=n) for n in range(3)], [note], concurrent=False)
    assert [type(event) for event in events] == [ToolStarted, ToolFinished] * 3
    assert [result.result for result in results] == [[0], [0, 1], [0, 1, 2]]


def test_async_tools_run_in_a_loop_that_stays():
    async def where() -> int:
        """Tell where."""
        await asyncio.sleep(0)
        return id(asyncio.get_running_loop())

    async def partly(number: int) -> int:
        """Await inside of a partial."""
        return number

    _, results = run([call("where", 1), call("where", 2)], [where])
    assert results[0].result == results[1].result == run([call("where")], [where])[1][0].result
    tool = Tool("partly", parameters={}, function=functools.partial(partly, number=4))
    assert run([call("partly")], [tool])[1][0].result == 4


@pytest.mark.parametrize("concurrent", [True, False])
def test_a_tool_out_of_time_is_left_behind(concurrent):
    released = threading.Event()

    def hang() -> None:
        """Hang."""
        released.wait(60)

    calls = [call("hang"), call("double", number=4)]
    _, results = run(calls, [hang, double], timeout=0.2, concurrent=concurrent)
    released.set()
    assert [result.outcome for result in results] == ["timeout", "ok"]
    assert results[0].result == {"error": "TimeoutError: hang took longer than 0.2 seconds"}


def test_an_async_tool_out_of_time_is_cancelled():
    cancelled = threading.Event()

    async def hang() -> None:
        """Hang."""
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    _, (result,) = run([call("hang")], [Tool.from_function(hang, timeout=0.1)], timeout=60)
    assert result.outcome == "timeout"
    assert cancelled.wait(60)


def refuse(value: int) -> int:
    raise RuntimeError("a validator at fault")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [({"number": "four"}, "InvalidCall: double: number: "), ({}, "InvalidCall: double: number: Field required")],
)
def test_arguments_are_checked_before_a_function_sees_them(arguments, error):
    _, (result,) = run([call("double", **arguments)], [double])
    assert result.outcome == "failed"
    assert result.result["error"].startswith(error)


def test_a_reason_is_told_with_whole_characters():
    _, (result,) = run([call("double", number=1)], [double], approve=lambda call: "no such file: caf\udce9.txt")
    assert result.result == {"error": "Denied: no such file: caf?.txt"}


def test_arguments_are_converted():
    def weekday(day: datetime.date) -> str:
        """Tell the weekday."""
        return f"{day:%A}"

    assert run([call("weekday", day="2027-05-03")], [weekday])[1][0].result == "Monday"


def test_a_validator_at_fault_is_no_crash():
    def odd(number: Annotated[int, AfterValidator(refuse)]) -> int:
        """Be odd."""
        return number

    _, (result,) = run([call("odd", number=1)], [odd])
    assert result.result == {"error": "RuntimeError: a validator at fault"}


def test_unknown_tools_and_exits_are_results():
    def leave() -> None:
        """Leave."""
        sys.exit("bye")

    async def leave_the_loop() -> None:
        """Leave the loop."""
        sys.exit("bye")

    async def stay() -> str:
        """Stay."""
        return "here"

    _, results = run([call("other"), call("leave"), call("leave_the_loop")], [leave, leave_the_loop])
    assert results[0].result == {"error": "InvalidRequest: there is no tool 'other' (tools: leave, leave_the_loop)"}
    assert results[1].result == results[2].result == {"error": "SystemExit: bye"}
    assert run([call("stay")], [stay])[1][0].result == "here"


@pytest.mark.parametrize("verdict", [False, None, 1, "", "yes"])
def test_only_true_lets_a_call_run(verdict):
    ran = []

    def act() -> None:
        """Act."""
        ran.append(True)

    events, (result,) = run([call("act")], [act], approve=lambda call: verdict)
    assert (ran, result.outcome, len(events)) == ([], "denied", 1)
    reason = verdict if isinstance(verdict, str) and verdict else "the user did not allow this call"
    assert result.result == {"error": f"Denied: {reason}"}


def test_approval_may_be_async_and_is_asked_for_sound_calls_only():
    asked = []

    async def approve(call):
        asked.append(call.id)
        return call.arguments["number"] > 1

    calls = [call("double", 1, number=1), call("double", 2, number=2), call("double", 3), call("other")]
    _, results = run(calls, [double], approve=approve)
    assert asked == ["call_double_1", "call_double_2"]
    assert [result.outcome for result in results] == ["denied", "ok", "failed", "failed"]


def test_an_approval_at_fault_ends_the_round():
    def approve(call):
        raise OSError("no terminal")

    with pytest.raises(OSError, match="no terminal"):
        run([call("double", number=1)], [double], approve=approve)


def test_results_may_come_from_elsewhere_one_by_one():
    busy = threading.Lock()

    async def on_call(call):
        with busy:
            await asyncio.sleep(0)
            if call.arguments["n"] == 2:
                raise ConnectionError("gone")
            return {"n": call.arguments["n"]}

    calls = [call("remote", n, n=n) for n in (1, 2, "three")]
    _, results = run(calls, [REMOTE], on_call=on_call)
    assert results[0].result == {"n": 1}
    assert results[1].result == {"error": "ConnectionError: gone"}
    assert results[2].result["error"].startswith("InvalidCall: remote: ")


def test_tools_see_the_context_of_their_caller():
    user = contextvars.ContextVar("user", default="nobody")

    def who() -> str:
        """Tell who."""
        return user.get()

    async def who_else() -> str:
        """Tell who."""
        return user.get()

    token = user.set("ada")
    _, results = run([call("who"), call("who_else")], [who, who_else])
    user.reset(token)
    assert [result.result for result in results] == ["ada", "ada"]


def test_ctrl_c_in_a_tool_ends_the_round():
    def stop() -> None:
        """Stop."""
        raise KeyboardInterrupt

    async def stop_the_loop() -> None:
        """Stop the loop."""
        raise KeyboardInterrupt

    for tool in (stop, stop_the_loop):
        with pytest.raises(KeyboardInterrupt):
            run([call(tool.__name__)], [tool])


def test_a_cancelled_round_waits_for_nothing():
    released, cancelled = threading.Event(), Cancellation()

    def hang() -> None:
        """Hang."""
        cancelled.set()
        released.wait(60)

    _, results = run([call("hang", 1), call("hang", 2)], [hang], cancelled=cancelled, concurrent=False)
    released.set()
    assert [result.outcome for result in results] == ["cancelled", "cancelled"]


@pytest.mark.parametrize("asks", ["approve", "tool", "on_call"])
def test_a_round_ends_when_it_is_cancelled_whatever_it_waits_for(asks):
    cancelled, begun = Cancellation(), threading.Event()

    async def forever(*_):
        begun.set()
        await asyncio.Event().wait()

    async def wait() -> None:
        await forever()

    options = {} if asks == "tool" else {asks: forever}
    ending = round_of([call("wait")], [Tool("wait", "") if asks == "on_call" else wait], cancelled=cancelled, **options)
    thread = threading.Thread(target=lambda: list(ending.run()))
    thread.start()
    assert begun.wait(60)
    cancelled.set()
    thread.join(60)
    assert not thread.is_alive()
    assert [result.outcome for result in ending.results] == ["cancelled"]


def test_a_cancelled_round_asks_no_further():
    cancelled = Cancellation()

    async def approve(call):
        cancelled.set()
        await asyncio.sleep(60)

    _, results = run([call("double", n, number=n) for n in (1, 2)], [double], approve=approve, cancelled=cancelled)
    assert [result.outcome for result in results] == ["cancelled", "cancelled"]


def finished(name, result, outcome="ok", **arguments):
    return ToolFinished(call(name, **arguments), result, 0.1, outcome)


def test_a_call_is_a_repeat_while_nothing_changes():
    repeats = Repeats()
    read, add = call("read"), call("add", text="milk")
    repeats.add([finished("read", [])])
    assert read in repeats
    assert call("read", folder="/") not in repeats
    repeats.add([finished("add", "added", text="milk")])
    assert read not in repeats
    assert add in repeats
    repeats.add([finished("read", ["milk"])])
    assert read in repeats


def test_calls_that_take_turns_without_change_are_repeats():
    repeats = Repeats()
    for _ in range(2):
        repeats.add([finished("left", 1)])
        repeats.add([finished("right", 2)])
    assert call("left") in repeats
    assert call("right") in repeats


def test_what_failed_may_be_tried_once_more():
    repeats = Repeats()
    for _ in range(2):
        assert call("fetch") not in repeats
        repeats.add([finished("fetch", {"error": "TimeoutError"}, "timeout")])
    assert call("fetch") in repeats


def test_calls_of_one_reply_are_no_repeats_of_each_other():
    repeats = Repeats()
    calls = [call("double", n, number=1) for n in (1, 2)]
    _, results = run(calls, [double], repeats=repeats)
    assert [result.outcome for result in results] == ["ok", "ok"]
    repeats.add(results)
    _, results = run(calls, [double], repeats=repeats)
    assert [result.outcome for result in results] == ["repeated", "repeated"]

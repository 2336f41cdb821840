"""Which calls are clean: format first, then execution."""

from __future__ import annotations

import threading

import pytest

from edge_lam import Tool
from edge_lam.errors import InvalidRequest
from edge_lam.trajectories import Trajectory, Verifier


def _asked(*calls: tuple[str, object], content: str = "", tools=None) -> Trajectory:
    tool_calls = [{"id": f"c{index}", "name": name, "arguments": args} for index, (name, args) in enumerate(calls)]
    reply = {"role": "assistant", "content": content, "tool_calls": tool_calls}
    return Trajectory.of([{"role": "user", "content": "Go"}, reply], tools)


@pytest.fixture
def divide():
    calls = []

    def divide(dividend: float, divisor: float) -> float:
        """Divide."""
        calls.append((dividend, divisor))
        return dividend / divisor

    divide.calls = calls
    return divide


def test_format_is_checked_call_by_call(divide):
    good, bad = {"dividend": 6, "divisor": 3}, {"dividend": "six"}
    verdict = Verifier().check(_asked(("divide", good), ("divide", bad), ("multiply", good), tools=[divide]))
    assert [(call.clean, call.stage) for call in verdict.calls] == [(True, ""), (False, "format"), (False, "format")]
    assert any("dividend" in reason for reason in verdict.calls[1].reasons)
    assert verdict.calls[2].reasons == ("there is no tool 'multiply'",)
    assert not verdict.clean
    assert verdict.problems == ()
    assert divide.calls == []
    assert Verifier().check(_asked(("divide", good), tools=[divide])).clean


def test_execution_runs_what_passed_the_format(divide):
    good, zero, bad = {"dividend": 6, "divisor": 3}, {"dividend": 1, "divisor": 0}, {"dividend": 1}
    listed = [Tool.from_function(divide).definition()]  # as it comes from a file: without the function
    trajectory = _asked(("divide", good), ("divide", zero), ("divide", bad), tools=listed)
    verdict = Verifier([divide], execute=True).check(trajectory)
    assert [(call.stage, call.executed) for call in verdict.calls] == [
        ("", True),
        ("execution", True),
        ("format", False),
    ]
    assert "ZeroDivisionError" in verdict.calls[1].reasons[0]
    assert divide.calls == [(6.0, 3.0), (1.0, 0.0)]
    (call,) = Verifier(execute=True).check(_asked(("divide", good), tools=listed)).calls
    assert (call.stage, call.executed, call.reasons) == ("execution", False, ("'divide' has no function to run",))


def test_execution_ends_at_the_time_limit():
    release = threading.Event()

    def wait() -> None:
        """Wait."""
        release.wait(30)

    async def wait_async() -> None:
        """Wait."""
        import asyncio

        await asyncio.sleep(30)

    def leave() -> None:
        """Leave."""
        raise SystemExit(3)

    tools = [wait, wait_async, leave]
    trajectory = _asked(*((tool.__name__, {}) for tool in tools), tools=tools)
    verdict = Verifier(tools, execute=True, timeout=0.1).check(trajectory)
    release.set()
    assert [call.stage for call in verdict.calls] == ["execution"] * 3
    assert [call.reasons for call in verdict.calls[:2]] == [("no result after 0.1 s",)] * 2
    assert "SystemExit" in verdict.calls[2].reasons[0]


def test_messages_are_checked_too(divide):
    hidden = '[{"name": "divide", "arguments": {"dividend": 1, "divisor": 2}}]'
    call = {"id": "a", "name": "divide", "arguments": {"dividend": 1, "divisor": 2}}
    messages = [
        {"role": "user", "content": hidden},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": hidden},
        {"role": "assistant", "content": "It is [1, 2]."},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "0.5"},
        {"role": "tool", "content": "0.5"},
        {"role": "tool", "tool_call_id": "z", "content": "0.5"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    verdict = Verifier().check(Trajectory.of(messages, [divide]))
    assert [problem.partition(":")[0] for problem in verdict.problems] == [
        *("conversation[1]", "conversation[2]", "conversation[7]", "conversation[8]")
    ]
    assert all(each.clean for each in verdict.calls)
    assert not verdict.clean
    assert Verifier().check(Trajectory.of("Hi")).problems == ("there is no reply of the assistant",)


def test_an_id_is_taken_once():
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
    verdicts = Verifier().check_all(Trajectory.of(messages, id=name) for name in "aba")
    assert [verdict.problems for verdict in verdicts] == [(), (), ("a trajectory before it has the same id",)]


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), "1", True])
def test_a_time_limit_must_be_one(timeout):
    with pytest.raises(InvalidRequest) as caught:
        Verifier(timeout=timeout)
    assert caught.value.param == "timeout"

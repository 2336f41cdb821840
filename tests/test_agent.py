"""The agent with real functions. What the model chooses is narrowed so that the tests hold for any weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from edge_lam import LAM, Agent, ArgumentsDelta, ReplyFinished, load
from edge_lam.agent import ToolFinished, ToolStarted
from edge_lam.errors import InvalidRequest, InvalidTool

ONE_CALL = {"tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 60}


@pytest.fixture(scope="module")
def log_path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("log") / "calls.jsonl"


@pytest.fixture(scope="module")
def lam(tiny_lam_path: Path, log_path: Path) -> Iterator[LAM]:
    with load(tiny_lam_path, n_ctx=1024, log=log_path) as lam:
        yield lam


@pytest.fixture
def lamp():
    """A tool that keeps count of how it was called."""
    calls = []

    def switch_lamp(state: Literal["on", "off"]) -> dict[str, object]:
        """Switch the lamp.

        Args:
            state: What the lamp should be
        """
        calls.append(state)
        return {"lamp": state, "count": len(calls)}

    switch_lamp.calls = calls
    return switch_lamp


def test_a_call_is_run_and_its_result_read(lam, lamp):
    answer = Agent(lam, [lamp], **ONE_CALL).run("Lamp on please")
    first = answer.steps[0]
    (call,) = first.reply.tool_calls
    assert lamp.calls[0] == call.arguments["state"]
    assert first.results[0].result == {"lamp": call.arguments["state"], "count": 1}
    question, request, result, *_ = answer.messages
    assert question == {"role": "user", "content": "Lamp on please"}
    assert request["tool_calls"][0]["id"] == result["tool_call_id"] == call.id
    assert (result["role"], json.loads(result["content"])) == ("tool", first.results[0].result)
    assert len(answer.steps) >= 2
    assert answer.messages[-1]["role"] == "assistant" or answer.finish_reason == "max_rounds"


def test_the_model_reads_the_result(lam, lamp):
    answer = Agent(lam, [lamp], max_rounds=2, **ONE_CALL).run("Lamp on please")
    first, second = answer.reports
    assert second.tokens.prompt > first.tokens.prompt + first.tokens.generated
    assert second.tokens.cached >= first.tokens.prompt


def test_rounds_are_limited_and_every_call_has_its_result(lam, lamp):
    answer = Agent(lam, [lamp], max_rounds=1, **ONE_CALL).run("Lamp on please")
    assert answer.finish_reason == "max_rounds"
    assert len(answer.steps) == len(answer.reports) == len(lamp.calls) == 1
    assert answer.messages[-1]["role"] == "tool"


def test_a_conversation_goes_on(lam, lamp):
    agent = Agent(lam, [lamp], system="Be brief.", max_rounds=1, **ONE_CALL)
    first = agent.run("Lamp on please")
    second = agent.run([*first.messages, {"role": "user", "content": "And off again"}])
    assert [message["role"] for message in second.messages] == [
        "system", "user", "assistant", "tool", "user", "assistant", "tool",
    ]  # fmt: skip
    assert len(lamp.calls) == 2


def test_all_parallel_calls_run_in_order(lam, lamp):
    for seed in range(30):  # at this temperature every choice is a coin's
        agent = Agent(lam, [lamp], max_rounds=1, tool_choice="required", temperature=1e6, seed=seed, max_tokens=100)
        answer = agent.run("Lamp on please")
        if len(answer.steps[0].results) > 1:
            break
        lamp.calls.clear()
    results = answer.steps[0].results
    assert len(results) > 1
    assert [result.call for result in results] == list(answer.steps[0].reply.tool_calls)
    assert [result.result["count"] for result in results] == list(range(1, len(results) + 1))
    assert [message["tool_call_id"] for message in answer.messages[2:]] == [result.call.id for result in results]


@pytest.mark.parametrize(
    ("error", "text"),
    [(ValueError("the lamp is broken"), "ValueError: the lamp is broken"), (KeyError("lamp"), "KeyError: 'lamp'")],
)
def test_an_exception_becomes_the_result(lam, error, text):
    def fail() -> str:
        """Fail."""
        raise error

    answer = Agent(lam, [fail], max_rounds=1, **ONE_CALL).run("Go")
    (result,) = answer.steps[0].results
    assert (result.result, result.failed) == ({"error": text}, True)
    assert json.loads(answer.messages[-1]["content"]) == {"error": text}


def test_ctrl_c_in_a_tool_ends_the_run(lam):
    def wait() -> str:
        """Wait."""
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Agent(lam, [wait], **ONE_CALL).run("Go")
    assert lam.chat("Hello", max_tokens=2).finish_reason


class Odd:
    def __str__(self) -> str:
        return "odd"


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("plain text", "plain text"),
        (None, "null"),
        (42, "42"),
        ([1, {"é": {2}}], '[1, {"é": [2]}]'),
        (float("inf"), "Infinity"),
        (Odd(), "odd"),
        (Path("/tmp/x"), "/tmp/x"),  # noqa: S108
    ],
)
def test_any_result_reaches_the_model_as_text(lam, value, content):
    def give() -> object:
        """Give."""
        return value

    answer = Agent(lam, [give], max_rounds=1, **ONE_CALL).run("Go")
    assert answer.messages[-1]["content"] == content
    assert not answer.steps[0].results[0].failed


@pytest.mark.parametrize("value", ["half \ud800", [[]]])
def test_results_that_are_no_text_are_errors_for_the_model(lam, value):
    if isinstance(value, list):
        value[0].append(value)

    def give() -> object:
        """Give."""
        return value

    answer = Agent(lam, [give], max_rounds=1, **ONE_CALL).run("Go")
    assert answer.steps[0].results[0].failed
    assert "error" in json.loads(answer.messages[-1]["content"])


def test_events_come_in_order(lam, lamp):
    events = []
    Agent(lam, [lamp], max_rounds=1, on_event=events.append, **ONE_CALL).run("Lamp on please")
    names = [type(event).__name__ for event in events if not isinstance(event, ArgumentsDelta)]
    assert names == ["CallStarted", "CallFinished", "ReplyFinished", "ToolStarted", "ToolFinished"]
    reply, started, finished = events[-3:]
    assert isinstance(reply, ReplyFinished)
    assert isinstance(started, ToolStarted)
    assert isinstance(finished, ToolFinished)
    assert reply.reply.tool_calls == (started.call,) == (finished.call,)


def test_an_exception_of_the_listener_leaves_the_model_usable(lam, lamp):
    def listen(event):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        Agent(lam, [lamp], on_event=listen, **ONE_CALL).run("Lamp on please")
    assert not lam._engine._lock.locked()


def test_a_tool_may_ask_the_model(lam):
    def think() -> str:
        """Think."""
        return f"{lam.chat('Hello', max_tokens=3).report.tokens.generated} tokens"

    answer = Agent(lam, [think], max_rounds=1, **ONE_CALL).run("Go")
    assert answer.messages[-1]["content"].endswith(" tokens")


def test_the_time_of_tools_is_reported_and_logged(lam, lamp, log_path):
    answer = Agent(lam, [lamp], max_rounds=1, **ONE_CALL).run("Lamp on please")
    (report,) = answer.reports
    assert report.times.tool > 0
    line = json.loads(log_path.read_text().splitlines()[-1])
    assert (line["id"], line["times"]["tool"]) == (report.id, report.times.tool)


def test_an_unknown_tool_is_an_error_for_the_model(lam, lamp):
    def other() -> str:
        """Other."""
        return "other"

    agent = Agent(lam, [lamp], max_rounds=1, **ONE_CALL)
    (call,) = lam.chat("Go", tools=[other], **ONE_CALL).tool_calls
    result = agent._run_tool(call)
    assert result.failed
    assert "there is no tool 'other'" in result.result["error"]


def test_tools_without_a_function_are_refused(lam):
    with pytest.raises(InvalidTool, match="no function"):
        Agent(lam, [{"name": "remote", "parameters": {}}])


@pytest.mark.parametrize("rounds", [0, -1, 1.5, True, None])
def test_rounds_out_of_range_are_refused(lam, lamp, rounds):
    with pytest.raises(InvalidRequest, match="max_rounds"):
        Agent(lam, [lamp], max_rounds=rounds)


def test_unknown_options_are_refused(lam, lamp):
    with pytest.raises(InvalidRequest, match="max_new_tokens"):
        Agent(lam, [lamp], max_new_tokens=5).run("Go")

"""The agent with real functions. What the model chooses is narrowed so that the tests hold for any weights."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest

from edge_lam import LAM, Agent, AgentFinished, ArgumentsDelta, Tool, ToolStarted, load
from edge_lam.errors import InvalidRequest, InvalidTool, PromptTooLong

ONE_CALL = {"tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 60}


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


def test_a_format_without_a_place_for_results_ends_after_the_calls(tiny_lam_path, lamp):
    with load(tiny_lam_path, n_ctx=1024, format="xlam-1-fc", log=False) as lam:
        answer = Agent(lam, [lamp], **ONE_CALL).run("Lamp on please")
    assert (len(answer.steps), len(lamp.calls), answer.finish_reason) == (1, 1, "tool_calls")
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
    assert sorted(result.result["count"] for result in results) == list(range(1, len(results) + 1))
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


def test_half_a_character_in_an_error_is_replaced(lam):
    def read() -> str:
        """Read."""
        raise FileNotFoundError("no such file: caf\udce9.txt")

    answer = Agent(lam, [read], max_rounds=2, **ONE_CALL).run("Go")
    assert len(answer.steps) == 2
    assert json.loads(answer.messages[2]["content"]) == {"error": "FileNotFoundError: no such file: caf?.txt"}


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
    events = [
        event
        for event in Agent(lam, [lamp], max_rounds=1, **ONE_CALL).stream("Lamp on please")
        if not isinstance(event, ArgumentsDelta)
    ]
    names = [type(event).__name__ for event in events]
    assert names == ["CallStarted", "CallFinished", "ReplyFinished", "ToolStarted", "ToolFinished", "AgentFinished"]
    reply, started, finished, last = events[2:]
    assert reply.reply.tool_calls == (started.call,) == (finished.call,)
    assert last.reply.steps[0].results == (finished,)


def test_a_stream_may_be_left(lam, lamp):
    with Agent(lam, [lamp], **ONE_CALL).stream("Lamp on please") as events:
        next(event for event in events if isinstance(event, ToolStarted))
    assert not lamp.calls
    done = events.reply
    assert done.finish_reason == "cancelled"
    assert done.steps[0].results[0].outcome == "cancelled"
    assert [message["role"] for message in done.messages] == ["user", "assistant", "tool"]
    assert lam.chat(done.messages, max_tokens=2).finish_reason


def test_a_run_can_be_cancelled_in_the_middle_of_a_reply(lam, lamp):
    events = Agent(lam, [lamp], **ONE_CALL).stream("Lamp on please")
    next(events)
    events.cancel()
    (last,) = events
    assert isinstance(last, AgentFinished)
    assert (last.reply.finish_reason, last.reply.steps) == ("cancelled", ())
    assert not lamp.calls


def test_a_run_can_be_cancelled_while_a_tool_runs(lam):
    started, released = threading.Event(), threading.Event()

    def hang() -> None:
        """Hang."""
        started.set()
        released.wait(60)

    events = Agent(lam, [hang], **ONE_CALL).stream("Go")
    threading.Thread(target=lambda: started.wait(60) and events.cancel()).start()
    last = list(events)[-1]
    released.set()
    assert last.reply.finish_reason == "cancelled"
    assert last.reply.steps[0].results[0].outcome == "cancelled"


class Insistent(LAM):
    """A model that must call in every round."""

    def stream(self, messages, **options):
        return super().stream(messages, **{"tool_choice": "required", **options})


@pytest.fixture
def insistent(lam):
    return Insistent(lam.engine)


def test_the_same_call_is_not_run_again(insistent):
    runs = []

    def press() -> int:
        """Press."""
        runs.append(1)
        return len(runs)

    answer = Agent(insistent, [press], **ONE_CALL).run("Go")
    assert len(runs) == 1
    assert answer.finish_reason == "repeated"
    assert [result.outcome for result in answer.results] == ["ok", "repeated", "repeated"]
    assert answer.messages[-1]["content"].startswith('{"error": "Repeated: ')


def test_a_tool_may_be_repeatable(insistent):
    runs = []

    def press() -> int:
        """Press."""
        runs.append(1)
        return len(runs)

    answer = Agent(insistent, [Tool.from_function(press, repeatable=True)], max_rounds=4, **ONE_CALL).run("Go")
    assert len(runs) == 4
    assert answer.finish_reason == "max_rounds"


def test_async_runs_await_async_tools_in_the_caller_s_loop(lam):
    async def where() -> bool:
        """Tell where."""
        return asyncio.get_running_loop() is loop

    async def main():
        nonlocal loop
        loop = asyncio.get_running_loop()
        return await Agent(lam, [where], max_rounds=1, **ONE_CALL).arun("Go")

    loop = None
    assert asyncio.run(main()).results[0].result is True


def test_the_loop_is_free_while_the_model_works(lam, lamp):
    async def main():
        task = asyncio.create_task(Agent(lam, [lamp], max_rounds=1, **ONE_CALL).arun("Lamp on please"))
        turns = 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        return task.result(), turns

    answer, turns = asyncio.run(main())
    assert answer.results[0].outcome == "ok"
    assert turns > 3


def test_cancelling_a_task_ends_the_run(lam):
    ended = []

    async def hang() -> None:
        """Hang."""
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def main():
        nonlocal started
        started = asyncio.Event()
        task = asyncio.create_task(Agent(lam, [hang], **ONE_CALL).arun("Go"))
        await asyncio.wait_for(started.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while not ended:
            await asyncio.sleep(0.01)

    started = None
    asyncio.run(main())
    assert lam.chat("Hello", max_tokens=2).finish_reason


def test_errors_reach_who_awaits(lam, lamp):
    with pytest.raises(InvalidRequest, match="max_new_tokens"):
        asyncio.run(Agent(lam, [lamp], max_new_tokens=5).arun("Go"))


def test_a_result_too_long_to_read_is_an_error_for_the_model(lam):
    def read() -> str:
        """Read."""
        return "word " * 2000

    answer = Agent(lam, [read], max_rounds=2, **ONE_CALL).run("Go")
    assert len(answer.steps) == 2
    assert answer.results[0].result == "word " * 2000
    assert "the result has 10,000 characters" in json.loads(answer.messages[2]["content"])["error"]


def test_a_round_that_fails_keeps_what_was_done(lam):
    def read() -> str:
        """Read."""
        return "#7" * 40  # many tokens, but shorter than an error would be

    with pytest.raises(PromptTooLong) as caught:
        lam.chat("word " * 2000, tools=[read], **ONE_CALL)
    error = caught.value
    fitting = 2000 - -(-2000 * error.excess // error.parts["messages"])
    question = "word " * (fitting - 20)  # room for the call, but not for its result
    with Agent(lam, [read], **ONE_CALL).stream(question) as events, pytest.raises(PromptTooLong):
        list(events)
    assert events.reply.finish_reason == "error"
    assert events.reply.results[0].outcome == "ok"


def test_a_result_of_megabytes_is_told_as_too_long(lam):
    def read() -> str:
        """Read."""
        return "x" * 8_000_000

    answer = Agent(lam, [read], max_rounds=2, **ONE_CALL).run("Read it")
    message = next(message for message in answer.messages if message["role"] == "tool")
    assert "TooLong: the result has 8,000,000 characters" in message["content"]
    assert len(answer.results[0].result) == 8_000_000
    assert len(answer.steps) == 2


def test_a_tool_may_ask_the_model(lam):
    def think() -> str:
        """Think."""
        return f"{lam.chat('Hello', max_tokens=3).report.tokens.generated} tokens"

    answer = Agent(lam, [think], max_rounds=1, **ONE_CALL).run("Go")
    assert answer.messages[-1]["content"].endswith(" tokens")


def test_tools_are_reported_and_logged(lam, lamp, log_path):
    answer = Agent(lam, [lamp], max_rounds=1, **ONE_CALL).run("Lamp on please")
    (report,), (result,) = answer.reports, answer.results
    assert report.times.tool == pytest.approx(result.seconds)
    lines = [json.loads(line) for line in log_path.read_text().splitlines()][-2:]
    line = next(line for line in lines if line.get("id") == report.id)
    assert line["times"]["tool"] == report.times.tool
    tool = next(line for line in lines if line.get("kind") == "tool")
    del tool["finished"]
    assert tool == {
        "kind": "tool",
        "id": result.call.id,
        "reply_id": report.id,
        "tool": "switch_lamp",
        "outcome": "ok",
        "seconds": result.seconds,
    }


def test_arguments_and_results_are_logged_if_asked_for(tiny_lam_path, lamp, tmp_path):
    log = tmp_path / "calls.jsonl"
    with load(tiny_lam_path, n_ctx=1024, log=log, log_prompts=True) as lam:
        (result,) = Agent(lam, [lamp], max_rounds=1, **ONE_CALL).run("Lamp on please").results
    tool = next(line for line in map(json.loads, log.read_text().splitlines()) if line.get("kind") == "tool")
    assert (tool["arguments"], tool["result"]) == (result.call.arguments, result.result)


def test_tools_without_a_function_are_refused(lam):
    with pytest.raises(InvalidTool, match="no function"):
        Agent(lam, [{"name": "remote", "parameters": {}}])


def test_results_may_come_from_elsewhere(lam):
    calls = []
    agent = Agent(lam, [{"name": "remote", "parameters": {}}], on_call=calls.append, max_rounds=1, **ONE_CALL)
    (result,) = agent.run("Go").results
    assert calls == [result.call]
    assert (result.result, result.outcome) == (None, "ok")


@pytest.mark.parametrize("rounds", [0, -1, 1.5, True])
def test_rounds_out_of_range_are_refused(lam, lamp, rounds):
    with pytest.raises(InvalidRequest, match="max_rounds"):
        Agent(lam, [lamp], max_rounds=rounds)


def test_unknown_options_are_refused(lam, lamp):
    with pytest.raises(InvalidRequest, match="max_new_tokens"):
        Agent(lam, [lamp], max_new_tokens=5).run("Go")


@pytest.mark.parametrize("seconds", [0, -1, "1", True, float("nan"), float("inf")])
def test_timeouts_out_of_range_are_refused(lam, lamp, seconds):
    with pytest.raises(InvalidRequest, match="tool_timeout"):
        Agent(lam, [lamp], tool_timeout=seconds)
    with pytest.raises(InvalidTool, match="timeout"):
        Tool.from_function(lamp, timeout=seconds)

"""What servers promise of xLAM's replies: the properties that vLLM tests of its parser for them, held by ours."""

from __future__ import annotations

import json
import random

import pytest

from edge_lam.formats.events import ArgumentsDelta, CallStarted
from edge_lam.tools import Tool
from tests.formats.written_replies import essence, listen

WEATHER = Tool(
    "get_weather",
    "",
    {"properties": {name: {"type": "string"} for name in ("city", "state", "unit")}, "required": ["city"]},
)
ANY = Tool("any", "", {"properties": {}, "additionalProperties": True})
NOW = Tool("now", "", {})
TOOLS = [WEATHER, ANY, NOW]
DALLAS = {"city": "Dallas", "state": "TX", "unit": "fahrenheit"}


def written(*calls: tuple[str, dict]) -> str:
    return json.dumps([{"name": name, "arguments": arguments} for name, arguments in calls], ensure_ascii=False)


ONE, TWO = written(("get_weather", DALLAS)), written(("get_weather", DALLAS), ("now", {}))
OF_EVERY_TYPE = {"a": "s", "b": 42, "c": 3.14, "d": True, "e": None, "f": ["x", "y"], "g": {"nested": "value"}}


def calls_of(reply):
    return [(call.name, call.arguments) for call in reply.calls]


@pytest.mark.parametrize(
    ("output", "text", "thinking"),
    [
        (ONE, "", ""),
        (f"<think>I'll help you with that.</think>{ONE}", "", "I'll help you with that."),
        (f"I'll help you with that.\n```json\n{ONE}\n```", "I'll help you with that.", ""),
        (f"I'll check.[TOOL_CALLS]{ONE}", "I'll check.", ""),
        (f"I'll check.<tool_call>{ONE}</tool_call>", "I'll check.", ""),
    ],
    ids=["array", "behind thoughts", "fence", "marker", "tags"],
)
def test_calls_are_found_and_the_text_before_them_is_kept(output, text, thinking):
    for pieces in ([output], output):
        reply, _ = listen(pieces, TOOLS)
        assert calls_of(reply) == [("get_weather", DALLAS)]
        assert (reply.text, reply.thinking, reply.errors) == (text, thinking, ())


def test_text_without_calls_is_text():
    for pieces in (["This is a test."], "This is a test."):
        reply, _ = listen(pieces, TOOLS)
        assert (reply.text, reply.calls) == ("This is a test.", ())


@pytest.mark.parametrize(
    "calls",
    [
        [("now", {}), ("any", {"x": 42})],
        [("any", {"x": 42}), ("now", {})],
        [("now", {}), ("now", {}), ("now", {})],
        [("any", OF_EVERY_TYPE), ("get_weather", {"city": "北京"}), ("get_weather", {"city": "上海"})],
        [("get_weather", {"city": 'a "quoted" \\ path\nand { } [ ] }} ]'})],
    ],
    ids=["none first", "none last", "none thrice", "every type, other scripts", "brackets in a string"],
)
def test_a_stream_of_single_characters_names_each_call_once_and_adds_up(calls):
    _, events = listen(written(*calls), TOOLS)
    started = [event for event in events if isinstance(event, CallStarted)]
    assert [(event.index, event.name) for event in started] == [(index, call[0]) for index, call in enumerate(calls)]
    assert len({event.id for event in started}) == len(calls)
    assert all(len(event.id) > 16 for event in started)
    for index, (_, arguments) in enumerate(calls):
        deltas = [event.text for event in events if isinstance(event, ArgumentsDelta) and event.index == index]
        assert json.loads("".join(deltas)) == arguments
        assert len(deltas) > 1  # as they are written
        assert "\\u" not in "".join(deltas)


@pytest.mark.parametrize("output", [ONE, TWO, f"I look.[TOOL_CALLS]{TWO}", f"<think>Hm.</think>\n<tool_call>{ONE}"])
def test_no_grouping_of_pieces_changes_what_comes(output):
    rng = random.Random(20260902)
    whole = essence(listen([output], TOOLS)[0])
    for _ in range(100):
        cuts = sorted(rng.sample(range(1, len(output)), rng.randint(0, 20)))
        pieces = [output[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(output)], strict=True)]
        assert essence(listen(pieces, TOOLS)[0]) == whole


@pytest.mark.parametrize(
    "output",
    [
        '[{"name": "get_weather", "arguments": {',
        '[{"name": "get_weather", "arguments": "not an object"}]',
        '[{"name": "get_weather", "arguments": }]',
        '[{"name": , "arguments": {}}]',
        "[{]}",
        "{",
        "[TOOL_CALLS]not json",
        "<tool_call></tool_call>",
        "```json\n```",
    ],
)
def test_what_is_malformed_is_no_call_and_no_exception(output):
    for pieces in ([output], output):
        reply, _ = listen(pieces, TOOLS)
        assert reply.calls == ()
        assert reply.raw == output

"""However a reply is cut into pieces, what comes in the end is the same, and the events add up to it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_lam.formats.events import ArgumentsDelta, CallDropped, CallStarted, TextDelta
from edge_lam.formats.parser import ReplyParser, parse_reply
from edge_lam.tools import Tool
from tests.amount import many
from tests.formats.written_replies import MARKERS, conversations, essence, listen

pytestmark = pytest.mark.slow

NOW = Tool("now", "", {})
WEATHER = Tool("get_weather", "", {"properties": {"city": {"type": "string"}}, "required": ["city"]})
TOOLS = [NOW, WEATHER]
CALL = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
PIECES = [
    "Sure", " it is", "\n", " ", "12:04", "<", "`", "``", "```json\n", "```", f"[{CALL}]", CALL, "[", "]", "[]", ", ",
    "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[TOOL", "<tool", "<think>", "</think>", "hm", "[1, 2]", "[x](y)",
    "{", "}", '{"thought": "', '", "tool_calls": [', '"', "\\", "\\ud83d", "\\ude00", "é🧭", "\ud800", "NaN", ";",
    '{"name": "now", "arguments": {', '"a": ', "null", '{"a": 1}', '"name": "now"', "_", "json",
    "'", "{'name': 'now', 'arguments': {}}", "{'", "now", "now(", "now()", "get_weather(city='x')", "(", ")", "[[",
    "]]", ">>>", ">>>now\n", "{}", "<function=now>", "</function>", "<function=", "<parameter=city>", "</parameter>",
    "<calls>", "</calls>", "<|python_tag|>", "<|tool_call_start|>", "<|tool_call_end|>", "all\n", "=", "True",
    '"function": "now"', "[ARGS]", "[CALL_ID]", "[TOOL_CALLS]now",
]  # fmt: skip


@settings(max_examples=many(8))  # each at every split
@given(conversations())
def test_random_calls_of_random_tools_are_found_at_every_split(conversation):
    tools, calls, output, text, thinking = conversation
    whole, _ = listen([output], tools)
    assert [(call.name, call.arguments) for call in whole.calls] == calls
    assert (whole.text, whole.thinking, whole.errors) == (text, thinking, ())
    known = {tool.name: tool for tool in tools}
    for call in whole.calls:
        expected = map(str, known[call.name].validate(call.arguments)) if call.name in known else call.problems[:1]
        assert call.problems == tuple(expected)
        assert call.problems or call.name in known
    for cut in range(len(output) + 1):
        assert essence(listen([output[:cut], output[cut:]], tools)[0]) == essence(whole)
    assert essence(listen(output, tools)[0]) == essence(whole)


@settings(max_examples=many(8))
@given(conversations())
def test_a_reply_cut_off_anywhere_gives_what_is_complete(conversation):
    tools, _, output, _, _ = conversation
    whole, _ = listen([output], tools)
    for cut in range(len(output)):
        part, _ = listen([output[:cut]], tools, complete=False)
        assert part.calls == whole.calls[: len(part.calls)]
        assert part.errors == ()
        assert whole.text.startswith(part.text)
        assert whole.thinking.startswith(part.thinking)


@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12),
    st.sampled_from([TOOLS, [], None]),
    st.booleans(),
    st.booleans(),
)
def test_any_text_in_any_pieces_gives_the_same(pieces, tools, complete, calls_in_prose):
    options = {"complete": complete, "calls_in_prose": calls_in_prose}
    whole = essence(listen(["".join(pieces)], tools, **options)[0])
    assert essence(listen(pieces, tools, **options)[0]) == whole
    assert essence(listen("".join(pieces), tools, **options)[0]) == whole


@pytest.mark.parametrize(
    "text", ["It is 12:04 in Oslo.", "a < b and c[0] (see {x})", "half a `mark`", "[x] and {y} are"]
)
def test_plain_text_is_shown_at_once(text):
    parser = ReplyParser(TOOLS)
    shown = 0
    for number, character in enumerate(text, start=1):
        shown += sum(len(event.text) for event in parser.feed(character))
        assert number - shown <= 2  # a space, and a character that may begin a marker
    parser.finish()
    assert parser.reply.text == text


def test_a_thought_is_shown_as_it_is_written():
    parser = ReplyParser(TOOLS)
    output = '{"thought": "It is \\u00e9 \\ud83e\\udded \\"12:04\\"."'
    shown = ["".join(event.text for event in parser.feed(character)) for character in output]
    assert "".join(shown) == 'It is é 🧭 "12:04".'
    assert max(map(len, shown)) <= 2


def test_arguments_come_as_they_are_written():
    parser = ReplyParser(TOOLS)
    arguments = '{"city": "S\\u00e3o [Paulo]", "more": {"a": [1, {}]}}'
    before = parser.feed('[{"name": "get_weather", "arguments": ')
    assert before == []
    (started, first) = parser.feed("{")
    assert isinstance(started, CallStarted)
    assert (started.index, started.name, first.text) == (0, "get_weather", "{")
    for character in arguments[1:]:
        (delta,) = parser.feed(character)
        assert delta == ArgumentsDelta(0, started.id, character)
    (finished,) = parser.feed("}")
    assert finished.call.arguments == json.loads(arguments)
    assert finished.call.id == started.id
    assert parser.feed("]") == []


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ('[{"name": "now", "arguments": {"a": NaN}}]', "NaN is not JSON"),
        ('[{"name": "now", "arguments": {"a": b}}]', "not JSON"),
        ('[{"name": "now", "arguments": {}, "name": "later"}]', "the key 'name' stands twice"),
        ('[{"name": "now", "arguments": {}', "ends inside a call"),
    ],
)
def test_a_call_that_began_and_cannot_be_used_is_dropped(output, says):
    reply, events = listen(output, TOOLS)
    dropped = [event for event in events if isinstance(event, CallDropped)]
    assert [event.error for event in dropped] == list(reply.errors)
    assert says in reply.errors[0].message
    assert reply.calls == ()
    cut, events = listen(output[:36], TOOLS, complete=False)
    assert (cut.calls, cut.errors) == ((), ())
    assert not any(isinstance(event, TextDelta) for event in events)


def test_ids_are_the_replys_own():
    output = f"[{CALL}, {CALL}]"
    ids = [call.id for call in listen(output, TOOLS)[0].calls]
    assert len(set(ids)) == 2
    assert ids == [call.id for call in parse_reply(output, TOOLS, reply_id="reply").calls]
    others = [parse_reply(output, TOOLS) for _ in range(2)]
    assert len({call.id for reply in others for call in reply.calls} | set(ids)) == 6


@pytest.mark.parametrize(
    "marked",
    [f"<tool_call>{CALL}</tool_call>", f"```json\n[{CALL}]\n```", f"[TOOL_CALLS] [{CALL}]"],
)
def test_nothing_of_a_call_or_its_marker_is_shown(marked):
    output = f"Let me see. {marked}"
    for cut in range(len("Let me see. "), len(output) + 1):
        reply, _ = listen(output[:cut], TOOLS, complete=False)
        assert reply.text == "Let me see."
        assert not any(marker[:2] in reply.text for marker in MARKERS)


def test_a_megabyte_in_small_pieces():
    city = 'é\\n"[{`' * 125_000
    output = json.dumps([{"name": "get_weather", "arguments": {"city": city}}], ensure_ascii=False)
    assert len(output) > 1_000_000
    parser = ReplyParser(TOOLS)
    arguments = []
    for start in range(0, len(output), 5):
        arguments += [
            event.text for event in parser.feed(output[start : start + 5]) if isinstance(event, ArgumentsDelta)
        ]
    parser.finish()
    assert parser.reply.calls[0].arguments == {"city": city}
    assert json.loads("".join(arguments)) == {"city": city}
    assert parser.work == len(output)


@pytest.mark.parametrize("whole", [True, False])
def test_ten_thousand_levels_in_small_pieces(whole):
    nested = '{"a":' * 10_000 + "1" + "}" * 10_000
    output = f'[{{"name": "now", "arguments": {nested}}}, {CALL}]'
    pieces = [output] if whole else [output[start : start + 5] for start in range(0, len(output), 5)]
    reply, events = listen(pieces, TOOLS)
    assert [call.name for call in reply.calls] == ["get_weather"]
    assert [error.message for error in reply.errors] == ["a call is not JSON: nested more than 200 deep"]
    assert [event.index for event in events if isinstance(event, CallStarted | CallDropped)] == [0, 0, 1]

"""Replies as models write them, and a listener that holds what a parser tells against what it found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from edge_lam.formats.events import (
    ArgumentsDelta,
    CallDropped,
    CallFinished,
    CallStarted,
    ParsedReply,
    ParserEvent,
    TextDelta,
    ThinkingDelta,
)
from edge_lam.formats.parser import ReplyParser
from edge_lam.tools import Tool

MARKERS = ("<tool_call>", "</tool_call>", "[TOOL_CALLS]", "```", "<think>", "</think>")

# Text and argument strings with everything in them that could confuse a parser.
STRINGS = st.lists(
    st.sampled_from([*MARKERS, "[", "]", "{", "}", '"', "\\", '\\"', ", ", "é", "🧭", "\n", "\x00", '"name": ', "word"])
    | st.text(max_size=5),
    max_size=4,
).map("".join)
PROSE = st.text(st.sampled_from("ab é.,:;\n🧭]}>") | st.characters(exclude_characters="[{`<"), max_size=20)
NAMES = st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}\Z")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(STRINGS, JSON, max_size=3)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[Tool], list[tuple[str, dict[str, Any]]], str, str, str]:
    """Return tools, calls of them (and of one that is unknown), a reply that holds them, its text and thinking."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    tools = [Tool(name, "", {"properties": {key: {} for key in draw(st.lists(STRINGS, max_size=2))}}) for name in names]
    calls = draw(st.lists(st.tuples(st.sampled_from([*names, "unknown"]), ARGUMENTS), min_size=1, max_size=3))
    dump = draw(st.sampled_from([{}, {"ensure_ascii": False}, {"indent": 2}, {"separators": (",", ":")}]))
    objects = [json.dumps(_shape(draw, *call), **dump) for call in calls]
    space = draw(st.sampled_from(["", " ", "\n", "\r\n  "]))
    array = f"[{space}{f',{space}'.join(objects)}{space}]"
    before, after = draw(PROSE), draw(PROSE.filter(lambda text: not re.fullmatch(r"[\s;,]+", text)))
    thought = draw(STRINGS)
    wrapped, text = draw(
        st.sampled_from(
            [
                (f"{space}{array}{space}", ""),
                (f"{array}{space}A{after}", f"A{after}"),
                (f"{before}```json\n{array}\n```{after}", f"{before}{after}"),
                (f"{before}```{space}{array}{space}```", before),
                (f"{before}[TOOL_CALLS]{space}{array}", before),
                (f"{before}<tool_call>{space}{array}{space}</tool_call>{after}", f"{before}{after}"),
                ("".join(f"<tool_call>{space}{item}{space}</tool_call>{space}" for item in objects), ""),
                (f"{before}<tool_call>{space}{f';{space}'.join(objects)}", before),
                (f";{space}".join(objects), ""),
                (f"{{{space}\"tool_calls\":{space}{array}{space}}}", ""),
                (f"{{\"thought\": {json.dumps(thought)}, \"tool_calls\": {array}}}", thought),
                (f"{{\"tool_calls\": {array}, \"thought\": {json.dumps(thought)}}}", thought),
            ]
        )
    )  # fmt: skip
    thinking = draw(st.just("") | STRINGS.filter(lambda text: "</think>" not in text and text.strip()))
    opening = f"<think>{space}{thinking}{space}</think>{space}" if thinking else ""
    return tools, calls, opening + wrapped, text.strip(), thinking.strip()


def _shape(draw: st.DrawFn, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return one call in one of the shapes in which models write it."""
    function = {"name": name, "arguments": arguments}
    text = json.dumps(arguments)
    known = [{"name": name, "parameters": arguments}] if name != "unknown" else []  # else it is any JSON
    return draw(
        st.sampled_from(
            [
                *known,
                function,
                {"arguments": arguments, "name": name},
                {"name": name, "arguments": text},
                {"type": "function", "function": function},
                {"id": "call_1", "type": "function", "function": {"name": name, "arguments": text}},
            ]
        )
    )


def listen(
    pieces: Iterable[str], tools: Sequence[Tool] | None, *, complete: bool = True, calls_in_prose: bool = False
) -> tuple[ParsedReply, list[ParserEvent]]:
    """Feed a parser with pieces, check that its events fit what it found, and return both."""
    parser = ReplyParser(tools, reply_id="reply", calls_in_prose=calls_in_prose)
    events = [event for piece in pieces for event in parser.feed(piece)]
    events += parser.finish(complete=complete)
    reply = parser.reply
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == reply.text
    assert "".join(event.text for event in events if isinstance(event, ThinkingDelta)) == reply.thinking
    assert [event.call for event in events if isinstance(event, CallFinished)] == list(reply.calls)
    _check_calls(events, reply)
    return reply, events


def _check_calls(events: list[ParserEvent], reply: ParsedReply) -> None:
    """Every call begins once, with its whole name, and ends before anything else begins."""
    started: CallStarted | None = None
    arguments = ""
    begun = []
    for event in events:
        if isinstance(event, CallStarted):
            assert started is None
            assert event.index == len(begun)
            started, arguments = event, ""
            begun.append(event.id)
        elif isinstance(event, ArgumentsDelta):
            assert started is not None
            assert (event.index, event.id) == (started.index, started.id)
            assert event.text
            arguments += event.text
        elif isinstance(event, CallFinished):
            assert started is not None
            assert (event.call.id, event.call.name) == (started.id, started.name)
            assert json.loads(arguments) == event.call.arguments
            started = None
        elif isinstance(event, CallDropped):
            assert started is not None
            assert (event.index, event.id) == (started.index, started.id)
            assert event.error is None or event.error in reply.errors
            started = None
        else:
            assert started is None
            assert event.text
    assert started is None
    assert len(set(begun)) == len(begun)


def essence(reply: ParsedReply) -> tuple[object, ...]:
    """Return all of a reply in a form that can be compared; errors are by identity."""
    errors = [(error.message, error.raw, error.tool) for error in reply.errors]
    return reply.text, reply.calls, errors, reply.thinking, reply.raw

"""Shown text adds up to what the parser finds, however the reply is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine.text_stream import TextStream
from edge_lam.formats import XLam2Qwen
from edge_lam.tools import as_tools

TOOLS = as_tools(DEMO_TOOLS[:2])
CALL = '{"name": "get_time", "arguments": {"city": "Oslo"}}'
PIECES = [
    "Sure", " it is", "\n", " ", "12:04", "<", "`", "``", "```json\n", "```", f"[{CALL}]", CALL,
    "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[TOOL", "<tool", "<think>", "</think>", "hm", "[1, 2]", "[x](y)",
    "{", "}", "é🧭",
]  # fmt: skip


def stream(pieces: list[str], tools) -> tuple[list[str], str]:
    """Return the deltas and the final text."""
    shown = TextStream(with_tools=bool(tools))
    deltas = [shown.feed(piece) for piece in pieces]
    text = XLam2Qwen().parse("".join(pieces), tools).text.strip()
    return [*deltas, shown.finish(text)], text


@settings(max_examples=1500, deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=8), with_tools=st.booleans())
def test_deltas_add_up_to_the_parsed_text(pieces, with_tools):
    deltas, text = stream(pieces, TOOLS if with_tools else [])
    assert "".join(deltas) == text


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=6))
def test_character_by_character_too(pieces):
    deltas, text = stream(list("".join(pieces)), TOOLS)
    assert "".join(deltas) == text


@pytest.mark.parametrize("reply", ["It is 12:04 in Oslo.", "a < b and c[0] (see {x})", "half a `mark`"])
def test_plain_text_is_shown_at_once(reply):
    deltas, _ = stream(list(reply), TOOLS)
    shown = 0
    for number, delta in enumerate(deltas[:-1], start=1):
        shown += len(delta)
        assert number - shown <= 2  # a space, and a character that may begin a marker
    assert "".join(deltas) == reply


@pytest.mark.parametrize(
    "marked", [f"<tool_call>{CALL}</tool_call>", f"```json\n[{CALL}]\n```", f"[TOOL_CALLS] [{CALL}]"]
)
def test_nothing_of_a_call_or_its_marker_is_shown(marked):
    deltas, text = stream(list(f"Let me see. {marked}"), TOOLS)
    assert "".join(deltas) == text == "Let me see."

"""Where a reply names its tools: found in the bytes of every syntax, whatever its arguments hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_lam.decoding import CallTracker
from edge_lam.formats.syntax import ARRAY, THOUGHT_AND_TOOL_CALLS, TOOL_CALLS

SYNTAXES = (ARRAY, TOOL_CALLS, THOUGHT_AND_TOOL_CALLS)
TOOLS = ("get_time", "get_weather", "beep")
# Arguments that look like calls, brackets that don't pair, quotes and backslashes.
TRICKY = {"name": "beep", "list": [{"name": "get_time", "arguments": {}}], "text": 'a "b\\" {"name": "be]}[{', "n": 1}


def names(syntax, tools=TOOLS) -> CallTracker:
    return CallTracker([syntax.call_opening(tool) for tool in tools], syntax.depth)


def places(syntax, reply: str, tools=TOOLS) -> list[tuple[int, str]]:
    """Return the call and what the next byte is, wherever a name is open."""
    follower, found = names(syntax, tools), []
    for byte in reply.encode():
        if follower.is_choosing:
            found.append((follower.n_calls, chr(byte)))
        follower.add(bytes([byte]))
    return found


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_names_is_choosing_from_the_bracket_of_a_call_until_one_tool_is_left(syntax):
    calls = [("get_weather", TRICKY), ("beep", {}), ("get_time", TRICKY)]
    reply = syntax.reply(calls, 'said [{"name": "')
    opening = f'"{syntax.name_key}": "'
    shown = [(number, letter) for number, name in ((1, "get_w"), (2, "b"), (3, "get_t")) for letter in opening + name]
    assert places(syntax, reply) == shown


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_one_tool_is_no_choice(syntax):
    assert places(syntax, syntax.reply([("beep", TRICKY)] * 2), ["beep"]) == []


def test_a_tool_whose_name_begins_that_of_another_is_open_until_its_end():
    assert places(ARRAY, '[{"name": "get", "arguments": {}}]', ["get", "get_time"])[-1] == (1, '"')


def test_text_names_nothing():
    assert places(ARRAY, 'No: {"name": "beep"} is not what you want. [1, 2]') == []


@given(st.data())
def test_the_pieces_in_which_it_comes_make_no_difference(data):
    reply = ARRAY.reply([("get_weather", TRICKY), ("beep", {"a": [{}]})]).encode()
    cuts = sorted(data.draw(st.sets(st.integers(1, len(reply) - 1), max_size=12)))
    whole, pieces = names(ARRAY), names(ARRAY)
    for begin, end in zip([0, *cuts], [*cuts, len(reply)], strict=True):
        for byte in reply[begin:end]:
            whole.add(bytes([byte]))
        pieces.add(reply[begin:end])
        assert (pieces.is_choosing, pieces.n_calls) == (whole.is_choosing, whole.n_calls)

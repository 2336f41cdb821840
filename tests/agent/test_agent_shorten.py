"""A conversation that has become too long for the context."""

from __future__ import annotations

import pytest

from edge_lam import Agent, load
from edge_lam.errors import PromptTooLong
from edge_lam.formats.turns import without_oldest_turns

LONG = [
    message
    for number in range(30)
    for message in (
        {"role": "user", "content": f"question {number}"},
        {"role": "assistant", "content": "an answer of some words " * 3},
    )
]
LAST = {"role": "user", "content": "ring the bell"}


def ring() -> str:
    """Ring the bell."""
    return "#7" * 100


@pytest.fixture(scope="module")
def lam(tiny_lam_path):
    with load(tiny_lam_path, n_ctx=1200, log="off") as loaded:
        yield loaded


def test_it_goes_on_with_the_turns_that_there_is_room_for(lam):
    options = {"tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 30, "max_rounds": 2}
    answer = Agent(lam, [ring], shorten=without_oldest_turns, **options).run([*LONG, LAST])
    at = answer.messages.index(LAST)
    assert 0 < at < len(LONG)
    assert answer.messages[:at] == LONG[-at:]
    assert answer.messages[at + 2]["content"] == "#7" * 100  # the result has the room, not what was said long ago


@pytest.mark.parametrize("shorten", [None, lambda messages: None, lambda messages: messages])
def test_without_anything_to_leave_out_it_is_an_error(lam, shorten):
    with pytest.raises(PromptTooLong):
        Agent(lam, [ring], shorten=shorten).run([*LONG, LAST])

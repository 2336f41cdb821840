"""Conversations by turns, and without the oldest of them."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from edge_lam.formats.turns import split_turns, without_oldest_turns

SYSTEM = {"role": "system", "content": "Be short."}


def user(text):
    return {"role": "user", "content": text}


def assistant(text="", *ids):
    calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": {}}} for id in ids]
    return {"role": "assistant", "content": text} | ({"tool_calls": calls} if calls else {})


def result(id):
    return {"role": "tool", "tool_call_id": id, "content": "1"}


CALLS = [user("a"), assistant("", "1", "2"), result("1"), result("2"), assistant("done")]


def test_a_turn_is_a_request_and_all_that_follows():
    messages = [SYSTEM, *CALLS, user("b"), user("and c"), assistant("d")]
    assert split_turns(messages) == ([SYSTEM], [CALLS, [user("b"), user("and c"), assistant("d")]])
    assert split_turns([assistant("hello"), user("a")]) == ([], [[assistant("hello")], [user("a")]])
    assert split_turns([SYSTEM]) == ([SYSTEM], [])
    assert split_turns([]) == ([], [])


def test_half_of_what_was_said_is_left_out():
    turns = [[user(f"{number:03}"), assistant("x" * 50)] for number in range(10)]
    assert without_oldest_turns([SYSTEM, *chain(*turns)]) == [SYSTEM, *chain(*turns[5:])]


def test_a_long_turn_in_front_goes_alone_and_the_last_one_never():
    long = [user("x" * 1000), assistant("y")]
    short = [user("a"), assistant("b")]
    assert without_oldest_turns([*long, *short, *short]) == [*short, *short]
    assert without_oldest_turns([*short, *short, *long]) == long
    assert without_oldest_turns(long) is None
    assert without_oldest_turns([SYSTEM]) is None


TURN = st.builds(
    lambda text, n_calls, end: [
        user(text),
        *([assistant("", *map(str, range(n_calls)))] if n_calls else []),
        *(result(str(id)) for id in range(n_calls)),
        *([assistant("done")] if end else []),
    ],
    st.text(max_size=30),
    st.integers(0, 3),
    st.booleans(),
)


@given(st.lists(TURN, min_size=1, max_size=8), st.booleans())
def test_what_stays_is_an_end_of_the_conversation_with_each_call_beside_its_results(turns, has_system):
    opening = [SYSTEM] if has_system else []
    messages = [*opening, *chain(*turns)]
    while (shorter := without_oldest_turns(messages)) is not None:
        assert len(shorter) < len(messages)
        assert shorter[: len(opening)] == opening
        rest = shorter[len(opening) :]
        assert rest == messages[-len(rest) :]
        assert rest[0]["role"] == "user"
        messages = shorter
    assert messages[-len(turns[-1]) :] == turns[-1]

"""Pieces of text: whole characters, no stop strings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_lam.decoding.detokenizer import Detokenizer, partial_end


def write(vocabulary, text: str, stop: tuple[str, ...] = (), kind: str | None = "text") -> tuple[list[str], bool]:
    writer = Detokenizer(vocabulary, stop)
    pieces = []
    for token in vocabulary.model.tokenize(text, parse_special=False):
        pieces.append(writer.write([token], kind))
        if writer.stopped:
            return pieces, True
    return [*pieces, writer.finish()], writer.stopped


def test_half_characters_wait_for_the_other_half(vocabulary):
    text = "naïve 日本語 🧭 done"
    tokens = vocabulary.model.tokenize(text)
    assert any(
        len(vocabulary.text(token).decode("utf-8", "ignore").encode()) < len(vocabulary.text(token)) for token in tokens
    )
    pieces, _ = write(vocabulary, text)
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)


def test_a_character_cut_off_at_the_end_is_left_out(vocabulary):
    writer = Detokenizer(vocabulary)
    tokens = vocabulary.model.tokenize("ok 🧭")
    assert writer.write(tokens[:-1], "text") + writer.finish() == "ok "


def test_bytes_that_are_no_text_are_replaced(vocabulary):
    lone = next(token for token in range(4096) if vocabulary.text(token) == b"\xff")
    writer = Detokenizer(vocabulary)
    assert writer.write([lone, *vocabulary.model.tokenize("a")], "text") == "\ufffda"


@pytest.mark.parametrize(
    ("text", "stop", "written"),
    [
        ("one STOP two", ("STOP",), "one "),
        ("one ST two", ("STOP",), "one ST two"),
        ("abcabd", ("abd",), "abc"),
        ("first\n\nsecond", ("\n\n", "second"), "first"),
        ("x END y STOP", ("STOP", "END"), "x "),
        ("STOP", ("STOP",), ""),
        ("ends in ST", ("STOP",), "ends in ST"),
    ],
)
def test_stop_strings_end_the_text_and_are_left_out(vocabulary, text, stop, written):
    pieces, stopped = write(vocabulary, text, stop)
    assert "".join(pieces) == written
    assert stopped == any(string in text for string in stop)


def test_nothing_of_a_stop_string_is_shown_before_it_is_whole(vocabulary):
    writer = Detokenizer(vocabulary, ("<<END>>",))
    shown = "".join(writer.write([token], "text") for token in vocabulary.model.tokenize("done <<EN"))
    assert shown == "done "
    assert writer.finish() == "<<EN"


def test_calls_may_contain_stop_strings(vocabulary):
    pieces, stopped = write(vocabulary, '[{"name": "a"}]', ('"',), "calls")
    assert "".join(pieces) == '[{"name": "a"}]'
    assert not stopped


def test_all_is_held_while_text_and_calls_are_open(vocabulary):
    writer = Detokenizer(vocabulary, ("Note",))
    assert writer.write(vocabulary.model.tokenize("["), None) == ""
    assert writer.write(vocabulary.model.tokenize("Note"), "text") == "["
    assert writer.stopped


@given(
    text=st.text(alphabet="abAB\n é🧭", max_size=30),
    stop=st.lists(st.text("abAB\n é", min_size=1, max_size=4), max_size=3),
)
def test_text_up_to_the_first_stop_string(vocabulary, text, stop):
    pieces, stopped = write(vocabulary, text, tuple(stop))
    ends = [text.find(string) for string in stop if string in text]
    written = "".join(pieces)
    # A stop string that is complete earlier ends the text, though another one begins before it.
    assert stopped == bool(ends)
    assert text.startswith(written)
    assert not any(string in written for string in stop)
    if not ends:
        assert written == text


@pytest.mark.parametrize(
    ("text", "strings", "length"),
    [
        ("a <tool", ("<tool_call>",), 5),
        ("a", ("ab", "aab"), 1),
        ("aa", ("ab", "aab"), 2),
        ("ab", ("ab",), 0),
        ("", ("a",), 0),
    ],
)
def test_partial_end(text, strings, length):
    assert partial_end(text, strings) == length

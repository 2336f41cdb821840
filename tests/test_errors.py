"""Every error is one line that can be shown, whatever it quotes."""

from __future__ import annotations

import pytest

from edge_lam._util.printable import one_line
from edge_lam.errors import EdgeLamError, InvalidCall, InvalidTool, PromptTooLong

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\u202e\x9b31m\ud800\u2028 " + "x" * 100_000 + " the end"


@pytest.mark.parametrize(
    "error",
    [
        EdgeLamError(HOSTILE, hint=HOSTILE),
        InvalidTool(HOSTILE, tool=HOSTILE, hint=HOSTILE),
        InvalidCall(HOSTILE, raw=HOSTILE),
        PromptTooLong(HOSTILE, n_prompt=1, n_ctx=1, excess=1, parts={}),
    ],
)
def test_an_error_is_one_short_line_without_control_characters(error: EdgeLamError) -> None:
    for text in (str(error), error.message, error.hint, repr(error)):
        assert len(text) < 500
        assert text.isprintable()
    assert error.message.startswith(r"\x1b]0;owned")
    assert error.message.endswith("the end")


def test_a_short_message_stays_as_it_is() -> None:
    error = EdgeLamError("modèle « 日本 »: nothing", hint="try again")
    assert str(error) == "modèle « 日本 »: nothing (try again)"


def test_one_line_keeps_both_ends() -> None:
    assert one_line("a\n b\tc") == "a b c"
    assert one_line("0123456789" * 3, 9) == "012345…89"

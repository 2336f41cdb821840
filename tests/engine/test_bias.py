"""A bias by text: one token of the model, or an error that says which tokens it is."""

from __future__ import annotations

import pytest

from edge_lam.engine import ReplyFinished
from edge_lam.errors import InvalidRequest
from edge_lam.request import Request
from edge_lam.request.logit_bias import read_bias, token_bias


@pytest.fixture
def word(shared_engine) -> tuple[str, int]:
    """A word that is one token of the model, not all digits."""
    model = shared_engine.model
    for token in range(model.n_vocab - 1, 0, -1):
        text = model.token_bytes(token).decode(errors="replace")
        if len(text) > 3 and text.isalpha() and model.tokenize(text) == [token]:
            return text, token
    pytest.fail("the model has no word of one token")


def ask(engine, **options):
    *_, last = engine.stream(Request.of("Hello!", {"max_tokens": 3} | options))
    assert isinstance(last, ReplyFinished)
    return last.reply


def test_digits_are_ids_and_anything_else_is_text():
    assert read_bias({"5": 1, 7: -100, " 5": 2, "-5": 3, "٣": 4}) == {5: 1.0, 7: -100.0, " 5": 2.0, "-5": 3.0, "٣": 4.0}


def test_a_text_of_one_token_is_that_token(shared_engine, word):
    text, token = word
    assert token_bias({text: 5.0, 3: 1.0}, shared_engine.model) == {token: 5.0, 3: 1.0}
    assert token_bias(None, shared_engine.model) == {}
    assert ask(shared_engine, logit_bias={text: 100}).text == text * 3


@pytest.mark.parametrize("text", ["two words", " of bytes\n\nand more, " * 20, "🐙🐙"])
def test_a_text_of_several_tokens_is_refused_with_their_names(shared_engine, text):
    tokens = shared_engine.model.tokenize(text)
    with pytest.raises(InvalidRequest, match="which this model spells as") as caught:
        ask(shared_engine, logit_bias={text: 1})
    assert caught.value.param == "logit_bias"
    assert f"({tokens[0]}), " in caught.value.message
    assert f"({tokens[1]})" in caught.value.message
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 500


def test_half_a_character_is_refused(shared_engine):
    with pytest.raises(InvalidRequest) as caught:
        ask(shared_engine, logit_bias={"\ud800": 1})
    assert caught.value.param == "logit_bias"


def test_a_token_named_by_its_text_and_by_its_id_is_refused(shared_engine, word):
    text, token = word
    with pytest.raises(InvalidRequest, match=f"the token {token} twice"):
        ask(shared_engine, logit_bias={text: 1, str(token): 2})


def test_an_id_that_is_not_there_is_refused(shared_engine):
    with pytest.raises(InvalidRequest, match="but the model has"):
        ask(shared_engine, logit_bias={"999999999": 1})

"""llama.cpp's own grammars as an engine: the same calls as llguidance, from load to report."""

from __future__ import annotations

import json
import sys

import pytest

import edge_lam
from edge_lam.decoding import GrammarConstraint, Vocabulary, choose_engine
from edge_lam.errors import InvalidRequest, MissingPackage
from edge_lam.schema.gbnf import fits, read_lark
from edge_lam.schema.guidance import json_rule
from tests.amount import IS_THOROUGH
from tests.schema.test_gbnf import SCHEMAS, texts_of

LONG = [{"type": "array", "maxItems": 5000}, {"type": "string", "minLength": 1, "maxLength": 2000}]
QUESTIONS = (
    "what time is it in Tokyo and in Oslo?",
    "convert 10 miles to kilometers",
    "tell me a joke",
)


def test_both_engines_write_the_same_calls_and_the_report_says_which():
    from edge_lam.demo_tools import DEMO_TOOLS

    replies, tools = {}, DEMO_TOOLS if IS_THOROUGH else DEMO_TOOLS[:4]
    for constraint in ("llguidance", "gbnf"):
        with edge_lam.load(constraint=constraint, log=False, prefix_cache=False) as lam:
            assert lam.info.constraint == constraint
            replies[constraint] = [lam.chat(question, tools=tools) for question in QUESTIONS]
    for ours, theirs in zip(replies["gbnf"], replies["llguidance"], strict=True):
        assert (ours.text, [(call.name, call.arguments) for call in ours.tool_calls]) == (
            theirs.text,
            [(call.name, call.arguments) for call in theirs.tool_calls],
        )
        assert (ours.report.constraint, ours.report.tokens.forced) == ("gbnf", 0)
        assert theirs.report.constraint == "llguidance"
    assert any(reply.tool_calls for reply in replies["gbnf"])


def test_an_answer_that_llama_cpp_can_t_hold_whole_is_refused_by_path():
    schema = {"type": "object", "properties": {"n": {"type": "integer", "multipleOf": 7}}, "required": ["n"]}
    with edge_lam.load(constraint="gbnf", log=False, prefix_cache=False) as lam:
        form = {"type": "json_schema", "json_schema": {"name": "number", "schema": schema}}
        with pytest.raises(InvalidRequest, match="'multipleOf' at /properties/n") as caught:
            lam.chat("a number", response_format=form)
        assert caught.value.param == "response_format"
        pair = {"type": "array", "items": {"const": 7}, "minItems": 2, "maxItems": 2}
        written = lam.chat("two numbers", response_format={"type": "json_schema", "schema": pair})
        assert json.loads(written.text) == [7, 7]
        reply = lam.chat("a number", tools=[{"name": "pick", "parameters": schema}], tool_choice="pick", max_tokens=60)
    for call in reply.tool_calls:
        assert [problem.keyword for problem in call.problems] in ([], ["multipleOf"])


def test_auto_takes_what_is_installed(monkeypatch):
    assert choose_engine("auto") == choose_engine("llguidance") == "llguidance"
    with pytest.raises(InvalidRequest, match="unknown constraint 'xgrammar'"):
        choose_engine("xgrammar")
    from edge_lam._util.extras import is_installed

    monkeypatch.setitem(sys.modules, "llguidance", None)
    is_installed.cache_clear()
    try:
        assert choose_engine("auto") == "gbnf"
        with pytest.raises(MissingPackage, match="llguidance") as caught:
            choose_engine("llguidance")
        assert "gbnf" in caught.value.hint
    finally:
        is_installed.cache_clear()


@pytest.mark.parametrize("schema", [*SCHEMAS[::4], *(each for each in SCHEMAS if "$defs" in each), *LONG], ids=str)
def test_llama_cpp_follows_the_rules_as_the_check_does(gbnf, model, schema):
    grammar = f"start: {json_rule(schema)}"
    rules, single = read_lark(grammar).rules, one_byte_tokens(model)
    for text in texts_of(grammar, 12):
        matcher = gbnf.matcher(grammar)
        followed = all(matcher.try_accept(single[byte]) for byte in text.encode())
        assert (followed and matcher.allows(min(gbnf.end_tokens))) == fits(rules, text), text


def one_byte_tokens(model) -> dict[int, int]:
    pieces = [model.token_bytes(token) for token in range(model.n_vocab)]
    return {piece[0]: token for token, piece in enumerate(pieces) if len(piece) == 1}


@pytest.fixture(scope="module")
def gbnf(model) -> Vocabulary:
    return Vocabulary(model, engine="gbnf")


def test_the_best_token_is_found_however_far_down_it_is(gbnf, model):
    import numpy as np

    for text in ("x", "é"):
        constraint = GrammarConstraint(gbnf, f'start: "{text}"', kind="calls")
        wanted = constraint.allowed().tolist()
        logits = np.arange(model.n_vocab, 0, -1, dtype=np.float32)
        assert constraint.best(logits) == min(wanted)
        logits[wanted] = -1000  # below all others
        assert constraint.best(logits) in wanted


def test_half_a_character_is_waited_for_and_nothing_else_fits_behind_it(gbnf, model):
    first, second, mark = (one_byte_tokens(model)[byte] for byte in "é!".encode())
    constraint = GrammarConstraint(gbnf, 'start: "é!"', kind="calls")
    constraint.accept([first])
    assert not constraint.is_finished
    assert constraint.allows(second)
    assert not constraint.allows(mark)
    constraint.accept([second, mark])
    assert constraint.is_finished
    assert constraint.allowed().tolist() == sorted(gbnf.end_tokens)


def test_control_tokens_don_t_count_as_the_text_that_names_them(gbnf, model):
    constraint = GrammarConstraint(gbnf, "start: /(.|\\n)*/", kind="calls")
    assert not constraint.allows(model.tokenize("<|im_start|>")[0])
    assert constraint.allows(model.tokenize("<")[0])
    with pytest.raises(InvalidRequest, match="can't be held"):
        constraint.accept(model.tokenize("<|im_start|>"))

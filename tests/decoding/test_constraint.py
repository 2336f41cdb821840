"""What the grammar forces and allows, and how a reply is found to be text or calls."""

from __future__ import annotations

import numpy as np
import pytest

from edge_lam.decoding import GrammarConstraint
from edge_lam.errors import InvalidRequest
from edge_lam.formats.grammar import reply_grammar
from edge_lam.formats.syntax import TOOL_CALLS
from tests.decoding.conftest import FORCING

CALL = '[{"name": "get_time", "arguments": {"city": "Oslo"}}]'


def spell(model, text: str) -> list[int]:
    """Spell a text byte by byte, as no tokenizer would."""
    single = {model.token_bytes(token): token for token in range(model.n_vocab) if len(model.token_bytes(token)) == 1}
    return [single[bytes([byte])] for byte in text.encode()]


def feed(constraint: GrammarConstraint, tokens: list[int]) -> None:
    for token in tokens:
        constraint.accept([token])


@FORCING
def test_required_call_opens_with_forced_tokens(constrain, model):
    forced = constrain("required").forced()
    assert model.detokenize(forced) == b'[{"name": "'
    assert forced == model.tokenize('[{"name": "', parse_special=False)


@FORCING
def test_named_tool_is_forced_up_to_its_first_value(constrain, model):
    assert model.detokenize(constrain("get_time").forced()).startswith(b'[{"name": "get_time", "arguments": {"city":')


def test_only_the_end_can_follow_a_closed_array(constrain, model):
    constraint = constrain("get_time")
    feed(constraint, model.tokenize(CALL[:-1]))
    assert not constraint.is_finished
    feed(constraint, model.tokenize("]"))
    assert constraint.is_finished
    assert constraint.forced() == []


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (CALL, "calls"),
        ('[{"', "calls"),
        ("Hello", "text"),
        ("[Note] I cannot", "text"),
        ("[1, 2, 3]", "text"),
        ("[]", "text"),
        ('[{"title": "x"}]', "text"),
        ('[{"name": "no_such_tool"', "calls"),
        ("\n\n", None),
        ("\n \n[Note]", "text"),
        (" " + CALL, "calls"),
        ("<|im_start|>", "text"),
        ("[", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("spelling", ["as the model spells it", "byte by byte"])
def test_model_decides_between_text_and_calls(constrain, model, reply, kind, spelling):
    tokens = model.tokenize(reply) if spelling != "byte by byte" or "<|" in reply else spell(model, reply)
    constraint = constrain("auto")
    for token in tokens:
        if constraint.kind == "calls":
            break
        constraint.accept([token])
    if reply == '[{"title": "x"}]' and constraint.kind == "calls":
        # Up to the quote it is a call's opening, and the model wrote no more of it in one token.
        assert not constraint.allows(model.tokenize("title")[0])
    else:
        assert constraint.kind == kind
    assert constraint.is_binding == (constraint.kind == "calls")


def test_nothing_is_forced_or_masked_before_the_model_decides(constrain, model):
    constraint = constrain("auto")
    assert (constraint.kind, constraint.is_binding, constraint.forced()) == (None, False, [])
    feed(constraint, spell(model, "["))
    assert (constraint.kind, constraint.is_binding, constraint.forced()) == (None, False, [])


@FORCING
def test_calls_are_bound_once_begun(constrain, model):
    constraint = constrain("auto")
    feed(constraint, spell(model, "[{"))
    assert constraint.kind == "calls"
    assert model.detokenize(constraint.forced()) == b'"name": "'
    with pytest.raises(InvalidRequest):
        constraint.accept(model.tokenize("Hello"))


def test_text_costs_no_mask(constrain, model):
    constraint = constrain("auto")
    feed(constraint, model.tokenize("The answer"))
    assert not constraint.is_binding
    feed(constraint, model.tokenize(' is [{"name": "get_time"'))
    assert constraint.kind == "text"


def test_choice_none_lets_no_call_begin_and_then_lets_go(constrain, model):
    constraint = constrain("none")
    for space in (b"", b"\n"):
        feed(constraint, spell(model, space.decode()))
        assert constraint.is_binding
        pieces = [model.token_bytes(int(token)) for token in constraint.allowed()]
        assert pieces
        assert not any(piece.strip().startswith(b"[") for piece in pieces)
    feed(constraint, model.tokenize("No"))
    assert not constraint.is_binding
    assert constraint.kind == "text"


@pytest.mark.parametrize("choice", ["required", "none", "set_timer"])
def test_allowed_is_what_allows_says_of_each_token(constrain, model, choice):
    constraint = constrain(choice)
    constraint.accept(constraint.forced())
    assert constraint.allowed().tolist() == [token for token in range(model.n_vocab) if constraint.allows(token)]


def test_any_walk_through_the_grammar_is_a_call_that_the_parser_reads(constrain, model, tools, chat_format):
    random = np.random.default_rng(1)
    closing = {token for token in range(model.n_vocab) if set(model.token_bytes(token)) & set(b'"}]')}
    finished = 0
    for _ in range(40):
        constraint, walked = constrain("required"), []
        while not constraint.is_finished and len(walked) < 300:
            allowed = constraint.allowed().tolist()
            # Prefer what closes strings and brackets, or most walks would get lost in a string.
            ending = [token for token in allowed if token in closing]
            token = int(random.choice(ending if ending and random.random() < 0.5 else allowed))
            constraint.accept([token])
            walked += [token, *constraint.forced()]
            constraint.accept(constraint.forced())
        reply = model.detokenize(walked).decode()
        parsed = chat_format.parse(reply, tools, complete=constraint.is_finished)
        if constraint.is_finished:
            finished += 1
            assert parsed.calls or parsed.errors, reply
            assert parsed.text == ""
            # Its grammar of numbers knows no range: 1e99999 passes, and is refused by the parser.
            assert all("out of range" in error.message for error in parsed.errors), reply
            assert {call.name for call in parsed.calls} <= {tool.name for tool in tools}
    assert finished >= 10


def test_unknown_grammar_is_refused(vocabulary):
    with pytest.raises(InvalidRequest, match="no grammar can be made of it"):
        GrammarConstraint(vocabulary, "start: [", kind="calls")


@FORCING
def test_a_grammar_beyond_the_limits_is_an_error_and_no_end(vocabulary, model):
    rules = [f'call_{number}: "x" /[a-z]*/ "{number}"' for number in range(3000)]
    start = " | ".join(f"call_{number}" for number in range(3000))
    constraint = GrammarConstraint(vocabulary, "\n".join([f"start: {start}", *rules]), kind="calls")
    with pytest.raises(InvalidRequest, match="can't be held"):
        constraint.accept(spell(model, "x"))
    with pytest.raises(InvalidRequest, match="simplify"):
        _ = constraint.is_finished


@FORCING
def test_one_grammar_serves_many_replies(constrain, model):
    first, second = constrain("required"), constrain("required")
    first.accept(first.forced())
    assert model.detokenize(second.forced()) == b'[{"name": "'


def test_control_tokens_have_no_text(vocabulary, model):
    start = model.tokenize("<|im_start|>")
    assert len(start) == 1
    assert vocabulary.text(start[0]) == b""
    assert vocabulary.text(model.tokenize("Hello")[0]) != b""


ANSWER = 'start: answer | calls\nanswer: "{" "a" "}"\ncalls: "[" "b" "]"'


@pytest.mark.parametrize(("reply", "kind"), [("{a}", "text"), ("[b]", "calls")])
def test_a_whole_reply_is_bound_from_its_first_token(vocabulary, model, reply, kind):
    constraint = GrammarConstraint(vocabulary, ANSWER, kind=None, opening="[", whole=True)
    assert (constraint.is_binding, constraint.kind) == (True, None)
    assert not constraint.allows(model.tokenize("Hello")[0])
    for token in spell(model, reply):
        assert not constraint.is_finished
        constraint.accept([token])
        assert (constraint.kind, constraint.is_binding) == (kind, True)
    assert constraint.is_finished


def test_an_opening_of_several_bytes_is_waited_for(vocabulary, model):
    for reply, kinds in (("{x", [None, "calls"]), ("{y", [None, "text"])):
        constraint = GrammarConstraint(vocabulary, 'start: "{x" | "{y"', kind=None, opening="{x", whole=True)
        for token, kind in zip(spell(model, reply), kinds, strict=True):
            constraint.accept([token])
            assert constraint.kind == kind


def test_a_grammar_is_tried_out(vocabulary):
    branches = [f'"x" /[a-z]*/ "{number}"' for number in range(3000)]
    assert "too much work" in vocabulary.exceeded_limit("start: " + " | ".join(branches))
    reason = {"llguidance": "leaves no choice", "gbnf": "too big"}[vocabulary.engine]
    assert reason in vocabulary.exceeded_limit("start: /a{100000}/")
    assert vocabulary.exceeded_limit("start: /[a-z]+/") is None
    assert vocabulary.exceeded_limit('start: "a"') is None


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ('{"tool_calls": [{"name": "get_time"', "calls"),
        ('{"tool_calls": []}', "calls"),
        ('{"t', "calls"),
        ('{"answer": 5}', "text"),
        ("{answer}", "text"),
        ("Sorry, no.", "text"),
        ('{"', None),
    ],
)
def test_calls_inside_an_object(vocabulary, model, tools, reply, kind):
    grammar = reply_grammar(TOOL_CALLS, tools)
    constraint = GrammarConstraint(vocabulary, grammar, kind=None, opening=TOOL_CALLS.first)
    feed(constraint, spell(model, reply))
    assert (constraint.kind, constraint.is_binding) == (kind, kind == "calls")
    assert constraint.is_finished == reply.endswith("[]}")

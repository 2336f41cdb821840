"""Thinking that the prompt began: free, shown as it comes, and what follows it is text or calls as ever."""

from __future__ import annotations

import pytest

from edge_lam.decoding import CallTracker, Detokenizer, GrammarConstraint, Vocabulary
from edge_lam.decoding.thinking import Behind

END = "</think>"
CALL = '[{"name": "get_time", "arguments": {"city": "Oslo"}}]'
DRAFT = 'maybe [{"name": "read_notes", "arguments": {}}]?'


@pytest.fixture
def thinking(vocabulary, chat_format, tools):
    """Make a constraint of a tool choice, behind thinking that ends in a text, or in a token of the model."""

    def make(choice: str, end: str = END) -> GrammarConstraint:
        token = vocabulary.special_token(end)
        kind = {"auto": None, "none": "text"}.get(choice, "calls")
        grammar = chat_format.grammar(tools, choice, thinking_end=end, thinking_token=token)
        return GrammarConstraint(vocabulary, grammar, kind=kind, opening=chat_format.syntax.first, thinking_end=end)

    return make


@pytest.fixture(scope="module")
def marked(model, vocabulary):
    """A vocabulary in which a control token closes thinking."""
    return Vocabulary(model, marks={"<|im_start|>"}, engine=vocabulary.engine)


def feed(constraint, tokens):
    for token in tokens:
        assert constraint.allows(token)
        constraint.accept([token])


@pytest.mark.parametrize(("reply", "kind"), [(CALL, "calls"), ("Hello", "text"), ("[1, 2]", "text"), ("\n\n", None)])
def test_the_model_decides_behind_its_thinking(thinking, model, reply, kind):
    constraint = thinking("auto")
    feed(constraint, model.tokenize(DRAFT))
    assert (constraint.kind, constraint.is_binding, constraint.forced()) == (None, False, [])
    feed(constraint, model.tokenize(END + reply, parse_special=False))
    assert (constraint.kind, constraint.is_binding) == (kind, kind == "calls")
    assert constraint.is_finished == (reply == CALL)


def test_calls_are_held_to_the_tools_from_the_character_behind_it_on(thinking, model):
    for choice in ("auto", "required", "get_time"):
        constraint = thinking(choice)
        feed(constraint, model.tokenize(f'{DRAFT}{END}\n[{{"name": "get_time", "arguments": ', parse_special=False))
        assert not constraint.allows(model.tokenize("5")[0])
        assert constraint.kind == "calls"


def test_a_required_call_can_be_thought_about_but_not_left_out(thinking, model):
    constraint = thinking("required")
    assert constraint.forced() == []
    (end_of_turn,) = model.tokenize("<|im_end|>")
    feed(constraint, model.tokenize("I can't."))
    assert not constraint.allows(end_of_turn)
    feed(constraint, model.tokenize(END))
    feed(constraint, model.tokenize("\n"))
    assert not constraint.allows(end_of_turn)
    assert not constraint.allows(model.tokenize("No")[0])
    feed(constraint, model.tokenize(CALL))
    assert constraint.is_finished


@pytest.mark.parametrize("choice", ["auto", "required"])
def test_a_token_of_the_model_can_close_it(marked, chat_format, tools, choice):
    model = marked.model
    (end,) = model.tokenize("<|im_start|>")
    assert marked.special_token("<|im_start|>") == end
    assert (marked.text(end), marked.text(end + 1)) == (b"<|im_start|>", b"")
    grammar = chat_format.grammar(tools, choice, thinking_end="<|im_start|>", thinking_token=end)
    kind = "calls" if choice == "required" else None
    constraint = GrammarConstraint(marked, grammar, kind=kind, opening="[", thinking_end="<|im_start|>")
    feed(constraint, model.tokenize(DRAFT))
    feed(constraint, [end, *model.tokenize("\n[{")])
    assert constraint.kind == "calls"
    assert constraint.allows(model.tokenize("name")[0]) or model.detokenize(constraint.forced()) == b'"name": "'


def test_a_control_token_in_free_thinking_does_not_end_the_hold(thinking, model):
    constraint = thinking("auto")
    (control,) = model.tokenize("<|im_start|>")
    feed(constraint, [*model.tokenize("a"), control, *model.tokenize(f"b{END}[{{", parse_special=False)])
    assert constraint.kind == "calls"


def test_a_fork_thinks_for_itself(thinking, model):
    constraint = thinking("auto")
    fork = constraint.fork()
    feed(fork, model.tokenize(END + "Hello", parse_special=False))
    assert (fork.kind, constraint.kind) == ("text", None)
    feed(constraint, model.tokenize(END + "[{", parse_special=False))
    assert constraint.kind == "calls"


def test_thinking_is_written_at_once_and_may_hold_stop_strings(vocabulary, model):
    writer = Detokenizer(vocabulary, ("STOP",), END)
    assert writer.write(model.tokenize("a STOP b </"), None) == "a STOP b "
    assert writer.write(model.tokenize("x"), "text") == "</x"
    assert writer.write(model.tokenize(END + "\nHel", parse_special=False), None) == END
    assert not writer.stopped
    assert writer.write(model.tokenize("lo STOP!"), "text") == "\nHello "
    assert writer.stopped
    endless = Detokenizer(vocabulary, ("b",), END)
    assert endless.write(model.tokenize("a b <"), None) + endless.finish() == "a b <"


def test_calls_are_counted_behind_thinking():
    names = CallTracker(['{"name": "a"', '{"name": "b"'], 1, END)
    names.add(b'[{"name": "a"} " </th')
    assert (names.n_calls, names.is_choosing) == (0, False)
    names.add(b'ink>[{"name"')
    assert (names.n_calls, names.is_choosing) == (1, True)


@pytest.mark.parametrize("end", ["", "x", "</think>"])
def test_behind(end):
    text = f"a </thi b{end}c{end}d"
    for step in (1, 2, 5, 100):
        behind = Behind(end)
        pieces = [behind.add(text[start : start + step].encode()) for start in range(0, len(text), step)]
        assert b"".join(pieces).decode() == (text.partition(end)[2] if end else text)
        assert not behind.is_thinking

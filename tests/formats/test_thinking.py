"""Thinking that the prompt began: a call drafted in it never counts, one behind it is never lost."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edge_lam.formats import FORMATS
from edge_lam.formats.events import CallStarted, TextDelta, ThinkingDelta
from edge_lam.formats.generic import Generic
from edge_lam.formats.grammar import reply_grammar
from edge_lam.formats.parser import ReplyParser
from edge_lam.formats.syntax import ARRAY
from edge_lam.formats.thinking import IN_PROMPTS, TAGS, thinking_end
from edge_lam.tools import Tool, ToolCall

TOOLS = [Tool("delete_file", "", {"properties": {"path": {"type": "string"}}, "required": ["path"]}), Tool("ls", "")]
DRAFT = '<tool_call>{"name": "delete_file", "arguments": {"path": "/"}}</tool_call>'
CALL = '{"name": "ls", "arguments": {}}'
PREFILLED = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}{{ tools }}<|assistant|>OPENING\n"


def parse(pieces, *, end="</think>", tools=TOOLS, complete=True):
    """Return text, thinking and names of calls, as told by the events too."""
    parser = ReplyParser(tools, thinking_end=end)
    events = [event for piece in pieces for event in parser.feed(piece)] + parser.finish(complete=complete)
    reply = parser.reply
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == reply.text
    assert "".join(event.text for event in events if isinstance(event, ThinkingDelta)) == reply.thinking
    assert [event.name for event in events if isinstance(event, CallStarted)] == [call.name for call in reply.calls]
    return reply.text, reply.thinking, [call.name for call in reply.calls]


@pytest.mark.parametrize(("opening", "closing"), (TAGS | IN_PROMPTS).items())
def test_every_tag_at_the_end_of_a_prompt_is_known(opening, closing):
    form = Generic(PREFILLED.replace("OPENING", opening))
    assert form.thinking_end == thinking_end(form.render("clean up", TOOLS)) == closing
    reply = form.parse(f"I could say {DRAFT}.\n{closing}\n\n[{CALL}]", TOOLS)
    assert ([call.name for call in reply.calls], reply.text) == (["ls"], "")
    assert reply.thinking == f"I could say {DRAFT}."
    assert form.parse("A greeting." + closing + "Hello!", TOOLS).text == "Hello!"


def test_a_reply_that_is_written_closes_what_the_prompt_opened():
    form = Generic(PREFILLED.replace("OPENING", "<think>"))
    for calls, text in (([ToolCall("1", "ls", {})], ""), ((), "Hello")):
        (*reply,) = form.reply_segments(calls, text)
        assert reply[0] == ("</think>", True)
        read = form.parse("".join(segment.text for segment in reply), TOOLS)
        assert ([call.name for call in read.calls], read.text, read.thinking) == (["ls"] if calls else [], text, "")


@pytest.mark.parametrize(
    "prompt", ["", "<think>\n</think>\n\n", "<think></think>", "a <think> b<|assistant|>", "<|think|", "assistant\n"]
)
def test_a_prompt_that_ends_outside_of_thinking(prompt):
    assert thinking_end(prompt) == ""


def test_words_that_open_thinking_in_a_prompt_are_words_in_a_reply():
    assert thinking_end("<|assistant|>\nHere are my reasoning steps:\n") == "[BEGIN FINAL RESPONSE]"
    assert parse(["Here are my reasoning steps: one"], end="")[0] == "Here are my reasoning steps: one"


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        (f"First {DRAFT}, no.\n</think>\n\n[{CALL}]", ("", f"First {DRAFT}, no.", ["ls"])),
        (f"</think>\n<tool_call>\n{CALL}\n</tool_call>", ("", "", ["ls"])),
        (f"[{CALL}]\n</think>\n```json\n{CALL}\n```", ("", f"[{CALL}]", ["ls"])),
        ("</think>Hello!", ("Hello!", "", [])),
        ("a </think> b </think> c", ("b </think> c", "a", [])),
        (f"{DRAFT} and no end", ("", f"{DRAFT} and no end", [])),
        ("<think>again</think>Hi", ("Hi", "<think>again", [])),
    ],
)
def test_what_follows_counts_however_the_reply_is_cut(reply, read):
    assert parse([reply]) == read
    assert parse(list(reply)) == read
    for cut in range(len(reply)):
        assert parse([reply[:cut], reply[cut:]]) == read


def test_thinking_is_shown_as_it_comes():
    parser = ReplyParser(TOOLS, thinking_end="</think>")
    assert parser.feed("I wonder </th") == [ThinkingDelta("I wonder")]
    assert parser.feed("at") == [ThinkingDelta(" </that")]


def test_a_reply_that_turns_out_to_be_an_answer_in_a_format_is_text():
    answer = '{"name": "ls", "arguments": {}}'
    for pieces in (["Hm.</think>\n"], list("Hm.</think>\n"), ["Hm."]):
        parser = ReplyParser(TOOLS, thinking_end="</think>")
        for piece in pieces:
            parser.feed(piece)
        parser.read_as_text()
        parser.feed(("" if "</" in "".join(pieces) else "</think>") + answer)
        parser.finish()
        assert (parser.reply.text, parser.reply.thinking, parser.reply.calls) == (answer, "Hm.", ())


def test_a_reply_without_tools_has_thinking_too():
    assert parse(["Hm.</think>[1]"], tools=None) == ("[1]", "Hm.", [])


@pytest.mark.parametrize("choice", ["auto", "required", "none"])
def test_the_grammar_begins_behind_thinking(refused_at, choice):
    grammar = reply_grammar(ARRAY, TOOLS, choice, thinking_end="</think>")
    calls, text = f"{DRAFT} é </thin</think>\n\n[{CALL}]", f"[{CALL}]</think>\n\nNo."
    assert refused_at(grammar, calls) == (f"[{CALL}]" if choice == "none" else None)
    assert refused_at(grammar, text) == ("No." if choice == "required" else None)
    assert refused_at(grammar, f"[{CALL}]") == ""


def test_an_answer_in_a_format_is_held_behind_thinking(refused_at):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    grammar = reply_grammar(ARRAY, [], thinking_end="[/THINK]", response_schema=schema)
    assert refused_at(grammar, 'Hm {"a": x}[/THINK]{"a": 1}') is None
    assert refused_at(grammar, 'Hm.[/THINK]{"a": x}') == "x}"


def test_every_control_token_of_a_tag_is_seen():
    plain = Generic("{{ messages[0].content }}").marks
    assert {"</think>", "<|channel>", "<channel|>", "[/THINK]", "<|END_THINKING|>", "◁/think▷", "<tool_call>"} <= plain
    assert not plain & {"<|end|>", "<|sep|>", "<|close|>"}, "they frame more than thinking"
    kimi = Generic(PREFILLED.replace("OPENING", "<|open|>think<|sep|>"))
    assert kimi.marks - plain == {"<|close|>", "<|sep|>"}


def test_own_templates_need_no_jinja_to_tell_that_they_open_nothing():
    script = "import sys, edge_lam.formats as f; f.FORMATS['xlam-2-qwen']().marks; print('jinja2' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False"]
    for kind in FORMATS.values():
        if kind is not Generic:
            assert thinking_end(kind().render("?")) == kind().thinking_end == kind().reply_opening == ""

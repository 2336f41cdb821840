"""A template that opens thinking, from the request to the reply; the model's tokens are given, all else is real."""

from __future__ import annotations

import json

import pytest

from edge_lam.decoding import Sampler
from edge_lam.engine import Engine, TextDelta, ThinkingDelta
from edge_lam.formats import detect
from edge_lam.llama import Context, Model
from edge_lam.metrics import CallLog
from edge_lam.request import Request

TEMPLATE = """\
{% if tools %}{{ tools | tojson }}{% endif %}
{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}
{% if add_generation_prompt and messages[-1].role == 'user' %}<|im_start|>assistant
<think>
{% endif %}"""
TOOLS = [
    {"name": "delete_file", "parameters": {"properties": {"path": {"type": "string"}}, "required": ["path"]}},
    {"name": "list_files"},
]
SCHEMA = {"type": "json_schema", "json_schema": {"schema": {"properties": {"n": {"type": "integer"}}}}}
DRAFT = 'I could call <tool_call>{"name": "delete_file", "arguments": {"path": "/"}}</tool_call>. '
CALL = '[{"name": "list_files", "arguments": {}}]'


class Given(Sampler):
    """Chooses what a text says; what of it the constraint does not allow is left out: it forced that already."""

    def __init__(self, model: Model, text: str) -> None:
        super().__init__()
        self._tokens = [*model.tokenize(text, parse_special=False), model.eos_token]

    def choose(self, logits, constraint):
        best = super().choose(logits, constraint)
        while self._tokens and not constraint.allows(self._tokens[0]):
            self._tokens.pop(0)
        return self._tokens.pop(0) if self._tokens else best


@pytest.fixture
def ask(tiny_lam_path, tmp_path):
    model = Model(tiny_lam_path, device="cpu")
    form = detect(dict(model.metadata) | {"tokenizer.chat_template": TEMPLATE}, name="generic")
    engine = Engine(Context(model, n_ctx=512), form, CallLog(False))

    def run(text, messages="clean up", **options):
        request = Request.of(messages, {"max_tokens": 200, "sampler": Given(model, text), **options})
        events = list(engine.stream(request))
        reply = events[-1].reply
        assert "".join(event.text for event in events if isinstance(event, ThinkingDelta)) == reply.thinking
        assert "".join(event.text for event in events if isinstance(event, TextDelta)) == reply.text
        return reply

    yield run
    engine.close()


def names(reply):
    return [call.name for call in reply.tool_calls]


def test_a_call_drafted_in_thinking_is_none_and_one_behind_it_is(ask):
    reply = ask(f"{DRAFT}But no.\n</think>\n\n{CALL}", tools=TOOLS)
    assert (names(reply), reply.text, reply.finish_reason) == (["list_files"], "", "tool_calls")
    assert reply.thinking == f"{DRAFT}But no."
    assert ask(f"{DRAFT}But no.\n</think>\n\nHello!", tools=TOOLS).text == "Hello!"
    assert names(ask(f"{DRAFT}", tools=TOOLS)) == []


def test_thinking_is_free_and_the_call_behind_it_is_held(ask):
    reply = ask("Hm {[ no.\n</think>\n\n[{", tools=TOOLS, tool_choice="delete_file", max_tokens=60)
    assert reply.thinking == "Hm {[ no."
    assert (reply.text, reply.errors) == ("", ())
    assert names(reply) in (["delete_file"], [])
    required = ask("Nothing fits.", tools=TOOLS, tool_choice="required", max_tokens=20)
    assert (required.text, required.finish_reason) == ("", "length")
    assert required.report.cut_at_start is None


def test_calls_are_forbidden_behind_thinking_where_they_are_not_allowed(ask):
    reply = ask(f"{DRAFT}</think>\n\n{CALL}", tools=TOOLS, tool_choice="none")
    assert (names(reply), reply.thinking) == ([], DRAFT.strip())


def test_an_answer_in_a_format_is_held_behind_thinking(ask):
    reply = ask('A {draft}.</think>\n{"n": 7}', response_format=SCHEMA)
    assert (json.loads(reply.text), reply.thinking) == ({"n": 7}, "A {draft}.")
    beside = ask('A {draft}.</think>\n{"n": 7}', tools=TOOLS, response_format=SCHEMA)
    assert (beside.text, beside.tool_calls) == ('{"n": 7}', ())
    assert names(ask(f"Hm.</think>{CALL}", tools=TOOLS, response_format=SCHEMA)) == ["list_files"]


def test_stop_strings_end_text_not_thinking(ask):
    reply = ask("One. Two.</think>Three. Four.", stop=".", logprobs=True)
    assert (reply.thinking, reply.text) == ("One. Two.", "Three")
    assert b"".join(token.bytes for token in reply.logprobs).endswith(b"Three")


def test_a_prompt_that_opens_no_thinking_is_as_ever(ask):
    history = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    reply = ask(f"{CALL}", [*history], tools=TOOLS)
    assert (names(reply), reply.thinking) == (["list_files"], "")

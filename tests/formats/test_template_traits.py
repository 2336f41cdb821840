"""What templates take: found out once by rendering them, and conversations put so that they take them."""

from __future__ import annotations

import json

import pytest

from edge_lam.formats import detect
from edge_lam.formats.template_traits import Traits, short_id
from edge_lam.tools import Tool

TOOL = Tool("get_time", "Tell the time.", {"properties": {"city": {"type": "string"}}, "required": ["city"]})
LOOP = "{% for m in messages %}[{{ m.role }}] {{ m.content }}"
CALLS = "{% for c in m.tool_calls or [] %}"
END = "{% endfor %}"
REFUSE = "{{ raise_exception('no') }}"
OBJECT = f"{LOOP}{CALLS}{{{{ c.function | tojson }}}}{END}{END}"
TEXT = f"{LOOP}{CALLS}{{{{ c.function.name + c.function.arguments }}}}{END}{END}"
PRINTED = f"{LOOP}{CALLS}{{{{ c.function.arguments }}}}{END}{END}"
ONE = f"{LOOP}{{% if m.tool_calls and m.tool_calls | length != 1 %}}{REFUSE}{{% endif %}}" + OBJECT.removeprefix(LOOP)
FIRST = f"{LOOP}{{% if m.tool_calls %}}{{{{ m.tool_calls[0].function | tojson }}}}{{% endif %}}{END}"
NINE = (
    f"{LOOP}{CALLS}{{% if c.id | length != 9 %}}{REFUSE}{{% endif %}}{{{{ c | tojson }}}}{END}"
    f"{{{{ m.tool_call_id }}}}{END}"
)
SILENT = f"{LOOP}{END}"
EITHER = f"{LOOP}{{% if not m.content %}}{CALLS}{{{{ c.function | tojson }}}}{END}{{% endif %}}{END}"


def generic(template, **options):
    return detect({"tokenizer.chat_template": template}, **options)


@pytest.mark.parametrize(
    ("template", "traits"),
    [
        (OBJECT, Traits()),
        (TEXT, Traits(arguments="text")),
        (PRINTED, Traits(arguments="text")),
        (ONE, Traits(several=False)),
        (FIRST, Traits(several=False)),
        (NINE, Traits(short_ids=True)),
        (SILENT, Traits(arguments="content")),
        (EITHER, Traits(text_beside=False)),
        (f"{{% if not tools %}}{REFUSE}{{% endif %}}{{{{ tools }}}}{OBJECT}", Traits()),
    ],
    ids=["object", "text", "printed", "one", "first", "nine", "silent", "either", "never without tools"],
)
def test_traits_are_found(template, traits):
    assert generic(template).traits == traits


def call(call_id, city):
    return {"id": call_id, "type": "function", "function": {"name": "get_time", "arguments": {"city": city}}}


CONVERSATION = [
    {"role": "user", "content": "Oslo, Lima?"},
    {"role": "assistant", "content": "I look.", "tool_calls": [call("call_1", "Oslo"), call("call_2", "Lima")]},
    {"role": "tool", "tool_call_id": "call_2", "content": "two"},
    {"role": "tool", "tool_call_id": "call_1", "content": "one"},
    {"role": "user", "content": "Thanks"},
]


@pytest.mark.parametrize("template", [OBJECT, TEXT, PRINTED, ONE, FIRST, NINE, SILENT, EITHER])
def test_a_conversation_is_whole_in_every_one(template):
    prompt = generic(template).render(CONVERSATION)
    for words in ("Oslo, Lima?", '"city": "Oslo"', '"city": "Lima"', "one", "two", "Thanks"):
        assert words in prompt
    assert ("I look." in prompt) == (template != EITHER)


def test_each_call_gets_a_message_and_its_own_result_where_a_template_takes_one():
    fitted = Traits(several=False).fit(CONVERSATION, str)
    assert [message["role"] for message in fitted] == ["user", "assistant", "tool", "assistant", "tool", "user"]
    assert [message["content"] for message in fitted] == ["Oslo, Lima?", "", "two", "I look.", "one", "Thanks"]
    assert [fitted[at]["tool_calls"][0]["id"] for at in (1, 3)] == ["call_2", "call_1"]
    unanswered = Traits(several=False).fit(CONVERSATION[:3], str)
    assert [message["role"] for message in unanswered] == ["user", "assistant", "tool", "assistant"]
    assert len(CONVERSATION[1]["tool_calls"]) == 2


def test_parallel_calls_are_off_where_a_template_takes_one():
    assert not generic("{{ tools }}" + ONE).several_calls
    one, several = (generic("{{ tools }}" + template).grammar([TOOL]) for template in (ONE, OBJECT))
    assert one == generic("{{ tools }}" + OBJECT).grammar([TOOL], parallel=False) != several


def test_ids_are_short_where_they_have_to_be_and_stay_those_of_their_calls():
    assert short_id("abcDEF123") == "abcDEF123"
    assert {len(short_id(f"call_{number}")) for number in range(99)} == {9}
    assert len({short_id(f"call_{number}") for number in range(99)}) == 99
    prompt = generic(NINE).render(CONVERSATION)
    assert prompt.count(short_id("call_1")) == prompt.count(short_id("call_2")) == 2
    assert "call_1" not in prompt


@pytest.mark.parametrize(
    "template",
    [
        "{{ tools | tojson }}",
        "{{ xml_tools | default([]) | tojson }}",
        "{{ functions }} {{ datetime }}",
        "{% for m in messages %}{% if m.role == 'system' and m.tools %}{{ m.tools + '' }}{% endif %}{% endfor %}",
        "{% for t in messages[0].tools or [] %}{{ t.function.name }}{{ t.function.parameters | tojson }}{% endfor %}",
    ],
)
def test_tools_reach_templates_that_look_elsewhere(template):
    form = generic(template + SILENT)
    assert form.renders_tools
    for messages in (CONVERSATION, [{"role": "system", "content": "Be brief."}, *CONVERSATION]):
        prompt = form.render(messages, [TOOL])
        assert "get_time" in prompt
        assert "city" in prompt
        assert ("Be brief." in prompt) == (messages is not CONVERSATION)
    assert "get_time" not in form.render("Hi")


def test_parameters_are_described_where_a_template_needs_it():
    template = "{% for t in tools %}{{ t.function.name }}{% for p in t.function.parameters.properties.values() %}"
    needs = generic(template + "{{ ': ' + p.description }}{% endfor %}{% endfor %}" + SILENT)
    assert "get_time: " in needs.render("Hi", [TOOL])
    assert "description" not in json.dumps(TOOL.parameters)
    plain = generic("{{ tools | tojson }}" + SILENT)
    assert json.dumps(TOOL.parameters) in plain.render("Hi", [TOOL])


def test_a_queue_of_ids_works_as_kimi_k2_has_it():
    queue = (
        "{% set q = namespace(ids=[]) %}{% for m in messages %}{% for c in m.tool_calls or [] %}"
        "{% set _ = q.ids.append(c.function.name ~ loop.index0) %}{{ c.function | tojson }}{% endfor %}"
        "{% if m.role == 'tool' %}{% set id = q.ids.pop(0) %}<{{ id }}: {{ m.content }}>{% endif %}{% endfor %}"
    )
    form = generic(queue)
    assert form.traits == Traits()
    assert "<get_time0: two><get_time1: one>" in form.render(CONVERSATION)
    for refused in ("{% set _ = messages.append(1) %}", "{% set l = [] %}{% set x = l.append(1) %}{{ l }}"):
        with pytest.raises(Exception, match="refuses"):
            generic(refused).render("x")

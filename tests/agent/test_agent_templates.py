"""An agent on templates that take calls in ways of their own: the second round comes as ever."""

from __future__ import annotations

import pytest

import edge_lam

LOOP = """\
{% if tools %}<|im_start|>system
{{ tools | tojson }}<|im_end|>
{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}
"""
END = "{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
NINE = (
    "{% for c in m.tool_calls or [] %}{% if c.id | length != 9 %}{{ raise_exception('nine') }}{% endif %}"
    "{{ c.function | tojson }}{% endfor %}"
)
ONE = (
    "{% if m.tool_calls %}{% if m.tool_calls | length != 1 %}{{ raise_exception('one') }}{% endif %}"
    "{{ m.tool_calls[0].function | tojson }}{% endif %}"
)
TEXT = "{% for c in m.tool_calls or [] %}{{ c.function.name + ': ' + c.function.arguments }}{% endfor %}"


def get_time(city: str) -> str:
    """Get the current time in a city."""
    return "14:05"


@pytest.mark.parametrize("calls", [NINE, ONE, TEXT], ids=["nine", "one", "text"])
def test_the_second_round_comes(tmp_path, calls):
    template = tmp_path / "template.jinja"
    template.write_text(LOOP + calls + END, encoding="utf-8")
    options = {"tool_choice": "required", "max_tokens": 80, "max_rounds": 2}
    with edge_lam.load(device="cpu", log=False, prefix_cache=False, format="generic", template=template) as lam:
        reply = edge_lam.Agent(lam, [get_time], **options).run("what time is it in Oslo and in Lima?")
    assert [message["role"] for message in reply.messages][:3] == ["user", "assistant", "tool"]
    assert reply.messages[-1]["role"] == "assistant"
    assert reply.messages[1]["tool_calls"][0]["id"].startswith("call_")
    if calls == ONE:
        assert len(reply.messages[1]["tool_calls"]) == 1

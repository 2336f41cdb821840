"""Prompts of every format against transformers' rendering of the same template."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from oracle import Oracle, Result

from edge_lam.formats import FORMATS, normalize_messages
from edge_lam.formats.special_tokens import SpecialTokens
from edge_lam.tools import Tool

TITLE = "Chat templates"
ABOUT = (
    "The prompt that each format renders, in bytes, against `apply_chat_template` of transformers with the same "
    "template; for `generic`, templates that use what transformers gives them."
)

SPECIAL = SpecialTokens(bos="<s>", eos="</s>")
TOOLS = [
    Tool(
        "get_weather", "Wetter für \"<Ort>\" & 'mehr'", {"properties": {"ort": {"type": "string"}}, "required": ["ort"]}
    ),
    Tool("get_time", "Time", {}),
]
CALL = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": {"ort": "Malmö <b>\n🌧"}}}
QUESTION = [{"role": "user", "content": " What's <up> & 'where'? "}]
CONVERSATION = [
    *QUESTION,
    {"role": "assistant", "content": "", "tool_calls": [CALL, CALL]},
    {"role": "tool", "content": '{"°C": 15}'},
    {"role": "tool", "content": " as it is \n"},
    {"role": "assistant", "content": "15 °C."},
    {"role": "user", "content": "Thanks\n"},
]
CHAT = [*QUESTION, {"role": "assistant", "content": " Hi "}, {"role": "user", "content": "Bye"}]
WITH_SYSTEM = [{"role": "system", "content": " Be brief. "}, *CONVERSATION]
CASES = {
    "xlam-2-qwen": (QUESTION, CONVERSATION, WITH_SYSTEM),
    "xlam-2-llama": (QUESTION, CONVERSATION, WITH_SYSTEM),
    "xlam-1-fc": (QUESTION,),
    "xlam-1-general": (QUESTION, CONVERSATION, WITH_SYSTEM),
    "agentlm": (QUESTION, CHAT),
}
GENERIC = {
    "blocks": "  {% if true %}\n  a\n  {%- endif %}\n{# x #}\n\n{% for m in messages %}\n{{ m.role }}\n{% endfor %}\n",
    "tojson": "{{ messages | tojson }}{{ tools | tojson(indent=2) }}{{ {'b': '<é>'} | tojson(sort_keys=true) }}",
    "loop controls": "{% for m in messages %}{% if loop.index > 2 %}{% break %}{% endif %}{{ m.role }}{% endfor %}",
    "tokens": "{{ bos_token }}{{ messages[-1]['content'] | trim }}{{ eos_token }}{{ add_generation_prompt }}",
    "methods": "{% for m in messages %}{{ '<{}>'.format(m.role).replace('<', '') }}{% endfor %}",
    "generation": "{% for m in messages %}{% generation %}{{ m.role }}{% endgeneration %}{% endfor %}",
    "time": "{{ strftime_now('%Y-%m') }}",
    "namespaces": "{% set ns = namespace(n=1) %}{% for m in messages %}{% set ns.n = ns.n ~ 0 %}{% endfor %}{{ ns.n }}",
    "whitespace": "{%- for m in messages -%}\n  {{- m.content }}  \n{%+ if true %} y {% endif -%}\n{% endfor %}",
}


def run(oracle: Oracle) -> Iterator[Result]:
    """Render every case on both sides."""
    cases = [*_own(), *_generic()]
    source, target = oracle.work / "templates.json", oracle.work / "prompts.json"
    source.write_text(json.dumps([case for _, case, _ in cases]), encoding="utf-8")
    oracle.run("run_templates.py", source, target)
    for (subject, _, ours), theirs in zip(cases, json.loads(target.read_text(encoding="utf-8")), strict=True):
        equal = ours == theirs
        outcome = f"{len(theirs.encode())} bytes equal" if equal else "differ"
        yield Result(subject, outcome, equal, () if equal else (repr(ours[-500:]), repr(theirs[-500:])))


def _own() -> Iterator[tuple[str, dict[str, Any], str]]:
    for name, conversations in CASES.items():
        for option in FORMATS[name].options or ("",):
            for value in (True, False) if option else (None,):
                form = FORMATS[name](special=SPECIAL, **({option: value} if option else {}))
                variables = {option: value} if option else {}
                for number, messages in enumerate(conversations, 1):
                    for tools in ([], TOOLS) if form.renders_tools else ([],):
                        subject = f"{name} {number}, {len(tools)} tools{f', {option}={value}' if option else ''}"
                        case = _case(form.template, messages, tools, variables)
                        yield subject, case, form.render(messages, tools)


def _generic() -> Iterator[tuple[str, dict[str, Any], str]]:
    for subject, template in GENERIC.items():
        form = FORMATS["generic"](template, special=SPECIAL)
        tools = TOOLS if "tools" in template else []
        yield f"generic, {subject}", _case(template, CONVERSATION, tools, {}), form.render(CONVERSATION, tools)


def _case(
    template: str, messages: list[dict[str, Any]], tools: list[Tool], variables: dict[str, Any]
) -> dict[str, Any]:
    nested = [{"type": "function", "function": tool.definition()} for tool in tools]
    checked = normalize_messages(messages)
    return {"template": template, "messages": checked, "tools": nested, "variables": variables}

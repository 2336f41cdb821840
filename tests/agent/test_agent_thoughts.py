"""What a model thinks between the rounds of an agent stays in the conversation, as its template wants it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import edge_lam
from edge_lam.decoding import ReplaySampler

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>\n{% endif %}"
    "{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if tools %}{{ tools | tojson }}{% endif %}<|im_start|>assistant\n"
)
THOUGHT = "Oslo it is."
CALL = '<tool_call>{"name": "get_time", "arguments": {"city": "Oslo"}}</tool_call>'


def get_time(city: str) -> str:
    """Get the current time in a city."""
    return "14:05"


@pytest.fixture(scope="module")
def lam(tiny_lam_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[edge_lam.LAM]:
    template = tmp_path_factory.mktemp("thoughts") / "thoughts.jinja"
    template.write_text(TEMPLATE)
    with edge_lam.load(tiny_lam_path, format="generic", template=template, log="off", prefix_cache=False) as lam:
        yield lam


@pytest.mark.parametrize("call", [CALL, CALL.replace("}}", "}")], ids=["a call", "one that can't be read"])
def test_a_thought_is_in_the_next_prompt(lam: edge_lam.LAM, call: str) -> None:
    model = lam.engine.model
    replies = [f"<think>{THOUGHT}</think>{call}", "It is 14:05."]
    ends = [[*model.tokenize(reply, parse_special=False), model.eos_token] for reply in replies]
    sampler = ReplaySampler(token for reply in ends for token in reply)
    answer = edge_lam.Agent(lam, [get_time], sampler=sampler, constrain=False).run("what time is it in Oslo?")
    assert answer.text == "It is 14:05."
    assert answer.messages[1]["reasoning_content"] == THOUGHT
    assert f"<think>{THOUGHT}</think>" in lam.render(answer.messages[:-1], [get_time])
    n_prompt = answer.steps[1].reply.report.tokens.prompt
    assert n_prompt == lam.count_tokens(answer.messages[:-1], [get_time])

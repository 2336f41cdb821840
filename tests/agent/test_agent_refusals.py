"""Calls that the agent does not run: of tools that are not allowed, and such as can't be read."""

from __future__ import annotations

import json

import pytest

from edge_lam import LAM, Agent, Tool, load
from edge_lam.decoding import ReplaySampler
from edge_lam.formats import FORMATS
from edge_lam.formats.generic import Generic

ON = '{"name": "switch_lamp", "arguments": {"state": "on"}}'
NO_NUMBER = '{"name": "switch_lamp", "arguments": {"state": 1e999}}'
WIPE = '{"name": "wipe", "arguments": {}}'


def written(lam: LAM, *replies: str) -> ReplaySampler:
    """Return a sampler that writes these replies, one after the other."""
    model = lam.engine.model
    ends = [[*model.tokenize(reply, parse_special=False), model.eos_token] for reply in replies]
    return ReplaySampler(token for reply in ends for token in reply)


def wipe() -> None:
    """Wipe, which must not run."""
    raise AssertionError("it ran")


NO_WIPE = {"error": "InvalidRequest: there is no tool 'wipe' (tools: switch_lamp)"}
ALLOWED = {"mode": "auto", "tools": [{"type": "function", "function": {"name": "switch_lamp"}}]}


@pytest.mark.parametrize(
    "allowed",
    [{"allowed_tools": ["switch_lamp"]}, {"tool_choice": {"type": "allowed_tools", "allowed_tools": ALLOWED}}],
)
@pytest.mark.parametrize("spelled", ["```json\n[{}]\n```", "<tool_call>{}</tool_call>", "[{}]"])
def test_a_tool_that_is_not_allowed_runs_in_no_round(lam, lamp, allowed, spelled):
    wiping = spelled.replace("{}", WIPE)
    sampler = written(lam, wiping, spelled.replace("{}", ON), wiping, "Done")
    answer = Agent(lam, [lamp, wipe], sampler=sampler, constrain=spelled != "[{}]", **allowed).run("Go")
    assert [result.outcome for result in answer.results] == ["failed", "ok", "failed"]
    assert answer.results[0].result == answer.results[2].result == NO_WIPE
    assert (answer.text, answer.finish_reason) == ("Done", "stop")


def test_a_tool_beside_the_chosen_one_does_not_run_in_the_first_round(lam, lamp):
    sampler = written(lam, f"[{WIPE}]", f"[{ON}]", "Done")
    answer = Agent(lam, [lamp, wipe], sampler=sampler, constrain=False, tool_choice="switch_lamp").run("Go")
    assert [result.result for result in answer.results] == [NO_WIPE, {"lamp": "on", "count": 1}]


@pytest.mark.parametrize("reply", [f"[{NO_NUMBER}]", f"<tool_call>{ON[:-1]}</tool_call>", "<tool_call>on</tool_call>"])
def test_the_model_is_told_of_a_call_that_cannot_be_read(lam, lamp, reply):
    sampler = written(lam, reply, f"[{ON}]", "Done")
    answer = Agent(lam, [lamp], sampler=sampler, constrain=False).run("Lamp on please")
    assert lamp.calls == ["on"]
    assert (answer.text, answer.finish_reason) == ("Done", "stop")
    (error,) = answer.steps[0].reply.errors
    _, said, told, *_ = answer.messages
    assert (said["role"], said["content"]) == ("assistant", error.raw)
    assert told["role"] == "user"
    assert told["content"].startswith(f"InvalidCall: {error.message}\n")
    assert json.loads(json.dumps(answer.messages)) == answer.messages


# A template that wants user and assistant in turn, calls and their results aside, as Mistral's does.
MISTRAL = """{%- set ns = namespace(index=0) -%}
{%- for m in messages if m.role == "user" or (m.role == "assistant" and not m.tool_calls) -%}
{%- if (m.role == "user") != (ns.index % 2 == 0) -%}{{ raise_exception("roles must alternate") }}{%- endif -%}
{%- set ns.index = ns.index + 1 -%}
{%- endfor -%}
{{ tools | tojson }}{{ messages | tojson }}"""


def test_a_call_that_cannot_be_read_beside_one_that_can(lam, lamp):
    sampler = written(lam, f"[{ON}, {NO_NUMBER}]", "Done")
    answer = Agent(lam, [lamp], sampler=sampler, constrain=False).run("Lamp on please")
    assert lamp.calls == ["on"]
    roles = [message["role"] for message in answer.messages]
    assert roles == ["user", "assistant", "tool", "assistant", "user", "assistant"]
    assert answer.messages[3]["content"] == NO_NUMBER
    tool = Tool.from_function(lamp)
    formats = [kind() for name, kind in FORMATS.items() if name in ("xlam-2-qwen", "xlam-2-llama", "xlam-1-general")]
    for chat_format in (*formats, Generic(MISTRAL)):
        for told in range(1, len(roles) + 1):
            assert "1e999" in chat_format.render(answer.messages[:told], [tool]) or told < 4


def test_rounds_with_calls_that_cannot_be_read_are_limited(lam, lamp):
    sampler = written(lam, f"[{NO_NUMBER}]", f"[{NO_NUMBER}]")
    answer = Agent(lam, [lamp], sampler=sampler, constrain=False, max_rounds=2).run("Lamp on please")
    assert (answer.finish_reason, len(answer.steps)) == ("max_rounds", 2)
    assert answer.messages[-1]["role"] == "assistant"


def test_a_call_that_cannot_be_read_does_not_hide_that_the_reply_was_cut_off(lam, lamp):
    sampler = written(lam, f"[{NO_NUMBER}]" + " and so on" * 40)
    answer = Agent(lam, [lamp], sampler=sampler, constrain=False, max_tokens=80).run("Lamp on please")
    assert (answer.finish_reason, len(answer.steps), len(answer.steps[0].reply.errors)) == ("length", 1, 1)


def test_a_call_that_cannot_be_read_ends_the_run_when_it_comes_again_and_again(lam, lamp):
    sampler = written(lam, f"[{NO_NUMBER}]", f"[{NO_NUMBER}]", f"[{NO_NUMBER}]", "Done")
    answer = Agent(lam, [lamp], sampler=sampler, constrain=False).run("Lamp on please")
    assert (answer.finish_reason, len(answer.steps)) == ("repeated", 3)


def test_a_format_without_a_place_for_results_ends_after_a_call_that_cannot_be_read(tiny_lam_path, lamp):
    with load(tiny_lam_path, n_ctx=1024, format="xlam-1-fc", log=False) as lam:
        sampler = written(lam, f'{{"tool_calls": [{NO_NUMBER}]}}')
        answer = Agent(lam, [lamp], sampler=sampler, constrain=False).run("Lamp on please")
    assert (answer.finish_reason, len(answer.steps), len(answer.steps[0].reply.errors)) == ("tool_calls", 1, 1)


def test_none_is_the_default_of_every_option(tiny_lam_path):
    with load(tiny_lam_path, n_ctx=512, log="off") as lam:
        agent = Agent(lam, [wipe], max_rounds=None, tool_timeout=None, concurrent=None, temperature=None)
        assert agent.max_rounds == Agent(lam, [wipe]).max_rounds == 8

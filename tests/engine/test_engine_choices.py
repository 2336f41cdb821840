"""Tool choices, allowed tools and response formats, on the embedded model; and what is refused before decoding."""

from __future__ import annotations

import json

import pytest

from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine import ReplyFinished
from edge_lam.errors import InvalidRequest, InvalidSchema
from edge_lam.formats import XLam2Qwen
from edge_lam.formats.syntax import TOOL_CALLS
from edge_lam.request import Request

TOOLS = DEMO_TOOLS[:4]
FORECAST = {
    "type": "object",
    "properties": {
        "sky": {"type": "string", "enum": ["clear", "rain"]},
        "wind": {"type": "boolean"},
        "degrees": {"type": "integer", "minimum": -50, "maximum": 50},
    },
    "required": ["sky", "wind", "degrees"],
}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "forecast", "schema": FORECAST, "strict": True}}
PROMPTS = (
    "Hello!",
    "Tell me a joke.",
    "Thanks a lot!",
    "What is the capital of France?",
    "Give me a JSON list of numbers.",
    "[1, 2, 3] sums to what?",
    "What time is it in Tokyo?",
    "How full is my disk?",
    "Who are you?",
    "Is 7 a prime number?",
)


def ask(engine, messages="What time is it in Tokyo?", **options):
    *_, last = engine.stream(Request.of(messages, {"max_tokens": 24} | options))
    assert isinstance(last, ReplyFinished)
    return last.reply


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_auto_makes_no_call_more_likely(shared_engine, temperature):
    """Whatever the model wants to say, its text is the same with the constraint and without."""
    texts = 0
    for seed, prompt in enumerate(PROMPTS):
        options = {"tools": TOOLS, "temperature": temperature, "seed": seed, "max_tokens": 8}
        ask(
            shared_engine, prompt, **options | {"max_tokens": 1}
        )  # the prompt is cached from here on, so that logits repeat
        free, bound = (ask(shared_engine, prompt, **options, constrain=constrain) for constrain in (False, True))
        if free.text:
            texts += 1
            assert (bound.text, bound.tool_calls, bound.errors) == (free.text, (), ())
            assert bound.report.tokens.forced == 0
        else:
            assert bound.text == ""
    assert texts


def test_allowed_tools_narrow_the_calls_and_leave_the_prompt_cached(engine):
    first = ask(engine, tools=TOOLS, tool_choice="required", parallel_tool_calls=False)
    prompt = first.report.tokens.prompt
    for options in (
        {"tool_choice": "required", "allowed_tools": ["get_status"]},
        {
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "get_status"}}],
                },
            }
        },
    ):
        reply = ask(engine, tools=TOOLS, parallel_tool_calls=False, **options)
        assert [call.name for call in reply.tool_calls] == ["get_status"]
        assert (reply.report.tokens.prompt, reply.report.tokens.cached) == (prompt, prompt - 1)
        assert reply.report.n_tools == len(TOOLS)


def test_what_tools_say_now_is_held_whatever_they_said_before(shared_engine):
    def asked(tools, **options):
        *_, last = shared_engine.stream(Request.of("Save it", {"tools": tools, "tool_choice": "required", **options}))
        (call,) = last.reply.tool_calls
        return call.name, call.arguments

    word = {"const": "one"}
    tools = [
        {"name": name, "parameters": {"type": "object", "properties": {"word": word}, "required": ["word"]}}
        for name in ("save", "keep")
    ]
    only = {"parallel_tool_calls": False}
    for _ in range(2):
        assert asked(tools, allowed_tools=["save"], **only) == ("save", {"word": "one"})
    assert asked(tools, allowed_tools=["keep"], **only) == ("keep", {"word": "one"})
    word["const"] = "two"
    assert asked(tools, allowed_tools=["save"], **only) == ("save", {"word": "two"})
    assert asked(tools, tool_choice="keep") == ("keep", {"word": "two"})
    del tools[0]["parameters"]["required"], tools[0]["parameters"]["properties"]["word"]
    assert asked(tools, allowed_tools=["save"], **only)[1] == {}


def test_a_reply_in_json(shared_engine):
    reply = ask(shared_engine, "What is the weather?", response_format=JSON_SCHEMA)
    answer = json.loads(reply.text)
    assert list(answer) == ["sky", "wind", "degrees"]
    assert answer["sky"] in ("clear", "rain")
    assert isinstance(answer["wind"], bool)
    assert -50 <= answer["degrees"] <= 50
    assert json.dumps(answer) == reply.text
    assert (reply.finish_reason, reply.tool_calls, reply.errors) == ("stop", (), ())


def test_a_reply_in_json_streams(shared_engine):
    *deltas, last = shared_engine.stream(Request.of("What is the weather?", {"response_format": JSON_SCHEMA}))
    assert "".join(delta.text for delta in deltas) == last.reply.text


@pytest.mark.parametrize("prompt", PROMPTS[:4])
def test_a_reply_in_json_or_calls(shared_engine, prompt):
    for choice in ("auto", "none"):
        reply = ask(shared_engine, prompt, tools=TOOLS, tool_choice=choice, response_format=JSON_SCHEMA, max_tokens=40)
        if reply.finish_reason == "stop":
            assert list(json.loads(reply.text)) == list(FORECAST["properties"])
            assert reply.tool_calls == ()
        else:
            assert (choice, reply.text) == ("auto", "")


def test_json_that_looks_like_a_call_is_text(shared_engine):
    properties = {
        "name": {"const": "get_time"},
        "arguments": {"type": "object", "properties": {"x": {"const": 1}}, "required": ["x"]},
    }
    schema = {"type": "object", "properties": properties, "required": ["name", "arguments"]}
    response_format = {"type": "json_schema", "json_schema": {"schema": schema}}
    reply = ask(shared_engine, tools=TOOLS, tool_choice="none", response_format=response_format, max_tokens=40)
    assert reply.text == '{"name": "get_time", "arguments": {"x": 1}}'
    assert reply.tool_calls == ()


class ToolCallsFormat(XLam2Qwen):
    """Another spelling of calls in the same prompt: what is bound does not depend on what a model was trained on."""

    syntax = TOOL_CALLS


def test_calls_that_are_json_objects_leave_no_room_for_a_response_format(engine):
    engine.format = ToolCallsFormat()
    with pytest.raises(InvalidRequest, match="response_format beside tools") as caught:
        ask(engine, tools=TOOLS, response_format=JSON_SCHEMA)
    assert caught.value.param == "response_format"
    reply = ask(engine, tools=TOOLS, response_format=JSON_SCHEMA, tool_choice="none")
    assert json.loads(reply.text)


def test_no_call_in_a_format_without_text(engine):
    engine.format = ToolCallsFormat()
    reply = ask(engine, tools=TOOLS, tool_choice="none")
    assert (reply.text, reply.tool_calls, reply.errors, reply.finish_reason) == ("", (), (), "stop")
    assert reply.report.passes.decode == 0
    reply = ask(engine, tools=TOOLS, tool_choice="get_status", parallel_tool_calls=False)
    assert [call.name for call in reply.tool_calls] == ["get_status"]


@pytest.mark.parametrize(
    ("value", "path", "says"),
    [
        ({"type": "string", "pattern": "^a{1000000000}$"}, "", "leaves no choice"),
        ({"type": "array", "items": {"type": "string", "pattern": "^(a{400}){400}$"}}, "/items", "leaves no choice"),
        ({"type": "string", "minLength": 10**9}, "", "minLength"),
        ({"type": "integer", "minimum": 2, "exclusiveMaximum": 2}, "", "nothing fits"),
    ],
)
def test_what_explodes_is_refused_before_decoding(engine, logged, value, path, says):
    tool = {"name": "bad", "parameters": {"type": "object", "properties": {"v": value}, "required": ["v"]}}
    with pytest.raises(InvalidSchema, match=says) as caught:
        engine.stream(Request.of("Hi", {"tools": [*TOOLS, tool]})).start()
    assert (caught.value.tool, caught.value.path) == ("bad", f"/properties/v{path}")
    assert (caught.value.code, caught.value.param) == ("invalid_schema", "tools")
    assert engine.core.slots.all[0].tokens == []
    assert logged()[-1]["error"] == "invalid_schema"
    assert ask(engine, tools=[*TOOLS, tool], tool_choice="get_status", parallel_tool_calls=False).tool_calls


def test_a_response_format_that_explodes_is_refused_before_decoding(engine):
    schema = {"type": "object", "properties": {"v": {"type": "string", "pattern": "^a{1000000000}$"}}}
    with pytest.raises(InvalidRequest, match="response_format: the schema at /properties/v") as caught:
        engine.stream(Request.of("Hi", {"response_format": {"type": "json_schema", "schema": schema}})).start()
    assert caught.value.param == "response_format"
    assert engine.core.slots.all[0].tokens == []

"""What is refused before anything is decoded."""

from __future__ import annotations

from dataclasses import fields

import pytest

from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.errors import InvalidRequest, InvalidTool
from edge_lam.params import SAMPLING_PARAMS, SamplingParams
from edge_lam.request import ChatOptions, Request, ToolChoice


def test_options_and_fields_are_the_same():
    of_choice = {"tool_choice", "allowed_tools", "parallel_tool_calls"}
    ours = {field.name for field in fields(Request)} - {"messages", "prompt", "choice", "sampling"}
    assert ours == ChatOptions.__annotations__.keys() - of_choice - set(SAMPLING_PARAMS)


def test_what_may_be_called_is_one_choice():
    options = {"tools": DEMO_TOOLS, "tool_choice": "get_time", "parallel_tool_calls": False}
    assert Request.of("hi", options).choice == ToolChoice("get_time", None, parallel=False)
    assert Request.of("hi", {"tools": DEMO_TOOLS, "allowed_tools": ["get_time"]}).choice == ToolChoice(
        allowed=("get_time",)
    )


def test_none_is_the_default_of_every_option():
    assert Request.of("hi", dict.fromkeys(ChatOptions.__annotations__)) == Request(messages="hi")
    assert Request.of("hi", {"n": None, "frequency_penalty": None}) == Request(messages="hi")


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        ("get_time", "get_time"),
        ({"type": "function", "function": {"name": "get_time"}}, "get_time"),
        ({"type": "function", "name": "get_time"}, "get_time"),
    ],
)
def test_tool_choice(given, choice):
    assert Request.of("hi", {"tools": DEMO_TOOLS, "tool_choice": given}).choice.mode == choice


def test_logit_bias_takes_ids_as_json_has_them():
    assert Request.of("hi", {"logit_bias": {"5": 1, 7: -100}}).logit_bias == {5: 1.0, 7: -100.0}


def named(*names: str) -> list[dict]:
    return [{"type": "function", "function": {"name": name}} for name in names]


@pytest.mark.parametrize(
    ("options", "choice"),
    [
        ({"allowed_tools": ["calculate", "get_time"]}, "auto"),
        ({"allowed_tools": named("get_time", "calculate"), "tool_choice": "required"}, "required"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": named("get_time", "calculate")}}, "auto"),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": named("get_time", "calculate")},
                }
            },
            "required",
        ),
    ],
)
def test_allowed_tools(options, choice):
    request = Request.of("hi", {"tools": DEMO_TOOLS, **options})
    assert request.choice.mode == choice
    assert [tool.name for tool in request.allowed] == ["get_time", "calculate"]
    assert len(request.tools) == len(DEMO_TOOLS)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, [tool.__name__ for tool in DEMO_TOOLS]),
        ({"tool_choice": "none"}, []),
        ({"tool_choice": "calculate"}, ["calculate"]),
        ({"tool_choice": "calculate", "allowed_tools": ["calculate", "get_time"]}, ["calculate"]),
        ({"tool_choice": "none", "allowed_tools": ["calculate"]}, []),
        ({"allowed_tools": None}, [tool.__name__ for tool in DEMO_TOOLS]),
    ],
)
def test_callable_tools(options, names):
    assert [tool.name for tool in Request.of("hi", {"tools": DEMO_TOOLS, **options}).callable_tools] == names


SCHEMA = {"type": "object", "title": "T", "properties": {"a": {"type": "string", "description": "d"}}}
CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": [],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("response_format", "schema"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        ({"type": "json_object", "schema": None}, {"type": "object"}),
        ({"type": "json_object", "schema": SCHEMA}, CLOSED),
        ({"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}, CLOSED),
        ({"type": "json_schema", "name": "x", "schema": SCHEMA}, CLOSED),
        (
            {"type": "json_schema", "schema": {"type": "object"}},
            {"type": "object", "properties": {}, "required": [], "additionalProperties": True},
        ),
        ({"type": "json_schema", "schema": {"type": "array", "items": {}}}, {"type": "array", "items": {}}),
        ({"type": "json_object", "schema": {"const": "42"}}, {"const": "42"}),
    ],
)
def test_response_format(response_format, schema):
    held = Request.of("hi", {"response_format": response_format}).response_format
    found = held and {key: value for key, value in held.schema.items() if held.is_object or key in schema}
    assert found == schema


def test_defaults():
    request = Request.of("hi", {})
    assert (request.choice, request.sampling) == (ToolChoice("auto", None, parallel=True), SamplingParams(0.0))
    assert (request.constrain, request.tools) == (True, ())


def test_one_stop_string_or_several():
    assert Request.of("hi", {"stop": "END"}).stop == ("END",)
    assert Request.of("hi", {"stop": ["a", "b"]}).stop == ("a", "b")


@pytest.mark.parametrize(
    ("options", "param", "says"),
    [
        ({"max_token": 5}, "max_token", "unknown option 'max_token'"),
        ({"tool_choice": "get_time"}, "tool_choice", "unknown tool_choice 'get_time'"),
        ({"tool_choice": "required"}, "tool_choice", "without tools"),
        ({"tool_choice": "get_tyme", "tools": DEMO_TOOLS}, "tool_choice", "get_time"),
        ({"tool_choice": {"type": "function"}, "tools": DEMO_TOOLS}, "tool_choice", "unknown"),
        ({"parallel_tool_calls": "yes"}, "parallel_tool_calls", "True or False"),
        ({"constrain": 1}, "constrain", "True or False"),
        ({"calls_in_prose": 0}, "calls_in_prose", "True or False"),
        ({"max_tokens": 0}, "max_tokens", "at least 1"),
        ({"max_tokens": True}, "max_tokens", "at least 1"),
        ({"max_tokens": 2.5}, "max_tokens", "whole number"),
        ({"max_tool_calls": 0}, "max_tool_calls", "at least 1"),
        ({"stop": [""]}, "stop", "not empty"),
        ({"logit_bias": [1]}, "logit_bias", "map token ids"),
        ({"logit_bias": {"": 1}}, "logit_bias", "map token ids"),
        ({"logit_bias": {" London": 101}}, "logit_bias", "map token ids"),
        ({"logit_bias": {b"x": 1}}, "logit_bias", "map token ids"),
        ({"logit_bias": {"9" * 5000: 1}}, "logit_bias", "map token ids"),
        ({"logit_bias": {-1: 1}}, "logit_bias", "map token ids"),
        ({"logit_bias": {True: 1}}, "logit_bias", "map token ids"),
        ({"logit_bias": {5: 101}}, "logit_bias", "map token ids"),
        ({"logit_bias": {5: float("nan")}}, "logit_bias", "map token ids"),
        ({"logit_bias": {5: "1"}}, "logit_bias", "map token ids"),
        ({"stop": 5}, "stop", "strings"),
        ({"stop": ["a", None]}, "stop", "strings"),
        ({"n": 2}, "n", "'n' is not supported"),
        ({"logprobs": 1}, "logprobs", "True or False"),
        ({"top_logprobs": 3}, "top_logprobs", "without logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "from 0 to 20"),
        ({"logprobs": True, "top_logprobs": -1}, "top_logprobs", "from 0 to 20"),
        ({"logprobs": True, "top_logprobs": True}, "top_logprobs", "from 0 to 20"),
        ({"logprobs": True, "top_logprobs": "3"}, "top_logprobs", "from 0 to 20"),
        ({"service_tier": "flex"}, "service_tier", "not supported"),
        ({"frequency_penalty": 0.5}, "frequency_penalty", "not supported"),
        ({"functions": []}, "functions", "use tools"),
        ({"function_call": "auto"}, "function_call", "use tool_choice"),
        ({"max_completion_tokens": 5}, "max_completion_tokens", "use max_tokens"),
        ({"stream": True}, "stream", "use LAM.stream"),
        ({"tool_choice": {"type": "custom"}, "tools": DEMO_TOOLS}, "tool_choice", "unknown"),
        ({"tool_choice": {"function": {"name": "none"}}, "tools": [{"name": "none"}]}, "tool_choice", "rename"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "none", "tools": []}}, "tool_choice", "unknown"),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto"}}, "allowed_tools", "names of tools"),
        ({"allowed_tools": ["get_time"]}, "allowed_tools", "unknown tool 'get_time' (give tools)"),
        ({"allowed_tools": ["nope"], "tools": DEMO_TOOLS}, "allowed_tools", "'nope'"),
        ({"allowed_tools": [], "tools": DEMO_TOOLS}, "allowed_tools", "tool_choice='none'"),
        ({"allowed_tools": "get_time", "tools": DEMO_TOOLS}, "allowed_tools", "names of tools"),
        ({"allowed_tools": [5], "tools": DEMO_TOOLS}, "allowed_tools", "names of tools"),
        (
            {
                "allowed_tools": ["get_time"],
                "tools": DEMO_TOOLS,
                "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": ["get_time"]},
            },
            "allowed_tools",
            "twice",
        ),
        (
            {"allowed_tools": ["get_time"], "tools": DEMO_TOOLS, "tool_choice": "calculate"},
            "tool_choice",
            "not among the allowed_tools",
        ),
        (
            {"response_format": {"type": "json_object"}, "tools": DEMO_TOOLS, "tool_choice": "required"},
            "response_format",
            "no text to format",
        ),
        (
            {"response_format": {"type": "json_object"}, "tools": DEMO_TOOLS, "tool_choice": "calculate"},
            "response_format",
            "'calculate'",
        ),
        ({"response_format": "json"}, "response_format", "unknown"),
        ({"response_format": {"type": "xml"}}, "response_format", "unknown"),
        ({"response_format": {"type": "json_schema"}}, "response_format", "no schema"),
        (
            {"response_format": {"type": "json_schema", "schema": {"type": "list of"}}},
            "response_format",
            "unknown type",
        ),
        (
            {"response_format": {"type": "json_schema", "schema": {"properties": {"a": {"not": {}}}}}},
            "response_format",
            "response_format: 'not' at /properties/a can't be enforced",
        ),
        (
            {"response_format": {"type": "json_schema", "schema": {"properties": {"a": 5}}}},
            "response_format",
            "response_format: bad schema at /properties/a",
        ),
    ],
)
def test_refusals_name_the_option(options, param, says):
    with pytest.raises(InvalidRequest) as caught:
        Request.of("hi", options)
    assert caught.value.param == param
    assert caught.value.code == "invalid_request"
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(InvalidTool, match="two tools"):
        Request.of("hi", {"tools": [*DEMO_TOOLS, DEMO_TOOLS[0]]})

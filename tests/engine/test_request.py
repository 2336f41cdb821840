"""What is refused before anything is decoded."""

from __future__ import annotations

from dataclasses import fields

import pytest

from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.engine import ChatOptions, Request
from edge_lam.errors import InvalidRequest, InvalidTool


def test_options_and_fields_are_the_same():
    assert {field.name for field in fields(Request)} == {"messages", *ChatOptions.__annotations__}


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ("auto", "auto"),
        ("required", "required"),
        ("none", "none"),
        ("get_time", "get_time"),
        ({"type": "function", "function": {"name": "get_time"}}, "get_time"),
    ],
)
def test_tool_choice(given, choice):
    assert Request.of("hi", {"tools": DEMO_TOOLS, "tool_choice": given}).tool_choice == choice


def test_defaults():
    request = Request.of("hi", {})
    assert (request.tool_choice, request.temperature, request.constrain, request.tools) == ("auto", 0.0, True, ())


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
        ({"tool_choice": None, "tools": DEMO_TOOLS}, "tool_choice", "unknown"),
        ({"parallel_tool_calls": "yes"}, "parallel_tool_calls", "True or False"),
        ({"constrain": 1}, "constrain", "True or False"),
        ({"max_tokens": 0}, "max_tokens", "at least 1"),
        ({"max_tokens": True}, "max_tokens", "at least 1"),
        ({"max_tokens": 2.5}, "max_tokens", "whole number"),
        ({"stop": [""]}, "stop", "not empty"),
        ({"stop": 5}, "stop", "strings"),
        ({"stop": ["a", None]}, "stop", "strings"),
    ],
)
def test_refusals_name_the_option(options, param, says):
    with pytest.raises(InvalidRequest) as caught:
        Request.of("hi", options)
    assert caught.value.param == param
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_tools_of_one_name_are_refused():
    with pytest.raises(InvalidTool, match="two tools"):
        Request.of("hi", {"tools": [*DEMO_TOOLS, DEMO_TOOLS[0]]})

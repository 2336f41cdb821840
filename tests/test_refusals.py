"""What can't be served is refused by a typed error with code, param and one line, before anything is decoded."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_lam import LAM, errors, load
from edge_lam.errors import EdgeLamError, InvalidRequest, InvalidTool, PromptTooLong
from edge_lam.request.request import UNSUPPORTED

TOOL = {"name": "beep", "description": "Beep.", "parameters": {"type": "object", "properties": {}}}
MANY = [{**TOOL, "name": f"beep_{number}", "description": "Beep. " * 20} for number in range(60)]
SCHEMA = {"type": "json_object"}


@pytest.fixture(scope="module")
def lam(tiny_lam_path: Path) -> Iterator[LAM]:
    with load(tiny_lam_path, n_ctx=512, log=False) as lam:
        yield lam


MESSAGES: list[tuple[object, str]] = [
    ("", "is empty"),
    (" \n", "is empty"),
    ([], "is empty"),
    (None, "must be a string or a list"),
    (b"hi", "must be a string or a list"),
    ({"role": "user", "content": "hi"}, "must be a string or a list"),
    (["hi"], "messages[0] must be an object"),
    ([{"content": "hi"}], "unknown role None"),
    ([{"role": "robot", "content": "hi"}], "unknown role 'robot'"),
    ([{"role": "function", "content": "hi"}], "unknown role 'function'"),
    ([{"role": "user"}], "has no content"),
    ([{"role": "user", "content": 3}], "must be text, not int"),
    ([{"role": "user", "content": [{"type": "image_url"}]}], "a part of type 'image_url'"),
    ([{"role": "user", "content": "hi", "tool_calls": [{"name": "beep"}]}], "only an assistant message"),
    ([{"role": "assistant", "tool_calls": [{"function": {}}]}], "names no function"),
    ([{"role": "assistant", "tool_calls": [{"name": "beep", "arguments": "["}]}], "are not JSON"),
    ([{"role": "assistant", "tool_calls": [{"name": "beep", "arguments": [1]}]}], "must be an object"),
]


@pytest.mark.parametrize(("messages", "says"), MESSAGES)
def test_messages(lam, messages, says):
    error = _refusal(lam, messages)
    assert (type(error), error.code, error.param) == (InvalidRequest, "invalid_request", "messages")
    assert says in error.message


@pytest.mark.parametrize("name", [*UNSUPPORTED, "warmth", "Temperature", ""])
def test_unknown_and_unsupported_options(lam, name):
    error = _refusal(lam, "hi", **{name: 1})
    assert (error.code, error.param) == ("invalid_request", name)
    assert repr(name) in error.message


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "beep"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "boop"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "boop"}}}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": 3}, "tool_choice"),
        ({"allowed_tools": ["beep"]}, "allowed_tools"),
        ({"tools": [TOOL], "allowed_tools": []}, "allowed_tools"),
        ({"tools": MANY[:2], "allowed_tools": ["beep_0"], "tool_choice": "beep_1"}, "tool_choice"),
        ({"tools": [TOOL], "tool_choice": "required", "response_format": SCHEMA}, "response_format"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"constrain": 0}, "constrain"),
        ({"calls_in_prose": "yes"}, "calls_in_prose"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 2.5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"stop": ""}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"stop": 5}, "stop"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"seed": "x"}, "seed"),
    ],
)
def test_contradictions_and_impossible_values(lam, options, param):
    error = _refusal(lam, "hi", **options)
    assert (error.code, error.param) == ("invalid_request", param)


@pytest.mark.parametrize(
    ("tools", "code", "says"),
    [
        ([TOOL, TOOL], "invalid_tool", "two tools are named 'beep'"),
        ([{"description": "no name"}], "invalid_tool", "no name"),
        ([3], "invalid_tool", "is not a tool"),
        ("beep", "invalid_tool", "must be a list"),
        ([{**TOOL, "parameters": {"type": "text"}}], "invalid_schema", "beep"),
    ],
)
def test_tools(lam, tools, code, says):
    error = _refusal(lam, "hi", tools=tools)
    assert isinstance(error, InvalidTool)
    assert (error.code, error.param) == (code, "tools")
    assert says in error.message


def test_a_prompt_longer_than_the_context_says_by_how_much_and_why(lam):
    error = _refusal(lam, "hi " * 50, tools=MANY)
    assert isinstance(error, PromptTooLong)
    assert (error.code, error.param) == ("prompt_too_long", "messages")
    assert error.n_ctx == 512
    assert error.excess == error.n_prompt + 1 - 512
    assert max(error.parts, key=lambda name: error.parts[name]) == "tools"
    assert str(error.excess) in error.message
    long = _refusal(lam, "hi there " * 400)
    assert isinstance(long, PromptTooLong)
    assert max(long.parts, key=lambda name: long.parts[name]) == "messages"


def test_every_error_has_a_code_of_its_own_and_a_param():
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, EdgeLamError)]
    codes = [vars(kind).get("code") for kind in kinds]
    assert all(codes)
    assert len(set(codes)) == len(codes)
    drawn = errors.__doc__ or ""
    for kind in kinds:
        assert kind.__name__ in drawn, f"{kind.__name__} is not in the tree at the top of errors.py"
        extra = {
            name: 0 if name in ("n_prompt", "n_ctx", "excess") else {} if name == "parts" else "x"
            for name, parameter in inspect.signature(kind).parameters.items()
            if parameter.default is parameter.empty and parameter.kind is parameter.KEYWORD_ONLY
        }
        error = kind("what is wrong", **extra)
        assert error.message == "what is wrong"
        assert error.param is None or isinstance(error.param, str)


def _refusal(lam: LAM, messages: object, **options: object) -> EdgeLamError:
    """Return the error of a request. It comes before the first event is asked for: nothing can have been decoded."""
    with pytest.raises(EdgeLamError) as caught:
        lam.stream(messages, **options)
    assert caught.value.message
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_model_is_loaded_not_made():
    with pytest.raises(InvalidRequest, match=r"LAM can't be made of 'x\.gguf' \(use edge_lam\.load\(\.\.\.\)\)"):
        LAM("x.gguf")

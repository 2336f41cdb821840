"""Messages in every shape people write them, and those that are refused."""

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.formats import XLam2Qwen, normalize_messages
from edge_lam.tools import ToolCall


def test_a_string_is_a_user_message():
    assert normalize_messages("Hi ") == [{"role": "user", "content": "Hi "}]


def test_text_parts_are_joined_and_null_is_empty():
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": None},
    ]
    assert [message["content"] for message in normalize_messages(messages)] == ["ab", ""]


def test_calls_of_every_form_become_one():
    calls = [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "1", "name": "f", "arguments": {"x": 1}},
        ToolCall("1", "f", {"x": 1}),
    ]
    messages = normalize_messages([{"role": "assistant", "tool_calls": calls}])
    one = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
    assert messages == [{"role": "assistant", "content": "", "tool_calls": [one] * 3}]
    assert normalize_messages(messages) == messages


@pytest.mark.parametrize("arguments", [None, "", "{}", {}])
def test_empty_arguments(arguments):
    call = {"function": {"name": "f", "arguments": arguments}}
    message = normalize_messages([{"role": "assistant", "tool_calls": [call]}])[0]
    assert message["tool_calls"][0]["function"]["arguments"] == {}
    assert message["tool_calls"][0]["id"].startswith("call_")


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_what_an_assistant_thought_is_kept_for_the_template(name):
    asked = {"role": "user", "content": "x", name: "not a user's"}
    messages = normalize_messages([asked, {"role": "assistant", "content": "y", name: "hm"}])
    assert messages == [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "y", "reasoning_content": "hm"},
    ]
    assert normalize_messages(messages) == messages


@pytest.mark.parametrize("nothing", [None, "", 3, ["hm"]])
def test_thinking_that_is_no_text_is_none(nothing):
    message = {"role": "assistant", "content": "y", "reasoning_content": nothing}
    assert normalize_messages([message]) == [{"role": "assistant", "content": "y"}]


def test_the_caller_s_messages_are_left_alone():
    messages = [{"role": "user", "content": None, "extra": 1}]
    normalize_messages(messages)
    assert messages == [{"role": "user", "content": None, "extra": 1}]


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ("", "the message is empty"),
        ("  \n", "the message is empty"),
        ([], "messages is empty"),
        ({"role": "user", "content": "x"}, "not dict"),
        (b"x", "not bytes"),
        (5, "not int"),
        (["x"], r"messages\[0\] must be an object"),
        ([{"content": "x"}], r"messages\[0\] has the unknown role None.*system, user, assistant, tool"),
        ([{"role": "user", "content": "x"}, {"role": "bot", "content": "x"}], r"messages\[1\].*'bot'"),
        ([{"role": ["user"], "content": "x"}], "unknown role"),
        ([{"role": "user"}], r"messages\[0\] has no content"),
        ([{"role": "user", "content": 5}], r"messages\[0\] must be text, not int"),
        ([{"role": "user", "content": {"a": 1}}], "must be text, not dict"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "a part of type 'image_url'"),
        ([{"role": "user", "content": ["x"]}], "a part of type 'str'"),
        ([{"role": "tool", "content": {1, 2}}], "can't be written as JSON"),
        ([{"role": "user", "content": "", "tool_calls": [{}]}], "only an assistant message"),
        ([{"role": "assistant", "tool_calls": {"name": "f"}}], "must be a list, not dict"),
        ([{"role": "assistant", "tool_calls": ["f"]}], r"tool_calls\[0\] must be an object"),
        ([{"role": "assistant", "tool_calls": [{"function": {}}]}], r"tool_calls\[0\] names no function"),
        ([{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "{"}]}], "are not JSON"),
        ([{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "[]"}]}], "must be an object, not list"),
    ],
)
def test_refused(messages, message):
    with pytest.raises(InvalidRequest, match=message) as caught:
        normalize_messages(messages)
    assert caught.value.param == "messages"


def test_deep_tool_result_is_refused_not_a_crash():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidRequest, match="can't be written as JSON"):
        normalize_messages([{"role": "tool", "content": {"a": deep}}])
    while deep:  # a list this deep must be taken apart by hand, or its destructor may exhaust the stack
        deep = deep[0]


def test_developer_is_system():
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert normalize_messages(messages) == normalize_messages([{**messages[0], "role": "system"}, messages[1]])
    assert XLam2Qwen().render(messages) == XLam2Qwen().render([{**messages[0], "role": "system"}, messages[1]])

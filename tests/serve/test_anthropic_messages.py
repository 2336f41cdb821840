"""`/v1/messages`, by Anthropic's own client and by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

import edge_lam
from edge_lam.serve import ServeOptions
from tests.serve.served import TOOLS, serving, user

if TYPE_CHECKING:
    import anthropic  # takes a second or two, and every worker collects all tests

PATH = "/v1/messages"
OWN: Any = [
    {
        "name": tool["function"]["name"],
        "description": tool["function"]["description"],
        "input_schema": tool["function"]["parameters"],
    }
    for tool in TOOLS
]
ASKED: Any = {"model": "tiny-lam", "max_tokens": 200}


@pytest.fixture
def claude(url: str) -> Iterator[anthropic.Anthropic]:
    import anthropic

    with anthropic.Anthropic(base_url=url, api_key="any", max_retries=0) as client:
        yield client


def calls_of(message: Any) -> list[tuple[str, Any]]:
    return [(block.name, block.input) for block in message.content if block.type == "tool_use"]


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_a_text(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(**ASKED, messages=user("hello"), system="Be short.")
    assert message.id.startswith("msg_")
    assert message.stop_reason == "end_turn"
    assert text_of(message)
    again = claude.messages.create(**ASKED, messages=user("hello"), system=[{"type": "text", "text": "Be short."}])
    assert again.usage.cache_read_input_tokens + again.usage.input_tokens == (
        message.usage.cache_read_input_tokens + message.usage.input_tokens
    )
    assert again.usage.cache_read_input_tokens > 0
    cut = claude.messages.create(model="any", max_tokens=2, messages=user("hello"))
    assert cut.stop_reason == "max_tokens"


def test_a_call_its_result_and_the_answer(claude: anthropic.Anthropic) -> None:
    messages: list[Any] = user("what time is it in Tokyo and in Oslo?")
    message = claude.messages.create(**ASKED, messages=messages, tools=OWN)
    assert message.stop_reason == "tool_use"
    assert calls_of(message) == [("get_time", {"city": "Tokyo"}), ("get_time", {"city": "Oslo"})]
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": f'{{"time": "{time}"}}'}]}
        for call, time in zip(message.content, ("17:16", "09:16"), strict=True)
    ]
    messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": results}]
    answer = claude.messages.create(**ASKED, messages=messages, tools=OWN)
    assert "09:16" in text_of(answer)


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "any"}, {"get_time", "add_note", "read_notes"}),
        ({"type": "tool", "name": "read_notes"}, {"read_notes"}),
        ({"type": "none"}, set()),
    ],
    ids=["any", "tool", "none"],
)
def test_tool_choices_whole_and_streamed(claude: anthropic.Anthropic, choice: Any, names: set[str]) -> None:
    asked = {**ASKED, "messages": user("hello"), "tools": OWN, "tool_choice": choice}
    whole = claude.messages.create(**asked)
    with claude.messages.stream(**asked) as stream:
        streamed = stream.get_final_message()
    for message in (whole, streamed):
        assert {name for name, _ in calls_of(message)} <= names
        assert bool(calls_of(message)) == bool(names)
        assert message.stop_reason == ("tool_use" if names else "end_turn")
    assert calls_of(whole) == calls_of(streamed)
    assert text_of(whole) == text_of(streamed)


def test_parallel_calls_can_be_forbidden(claude: anthropic.Anthropic) -> None:
    choice: Any = {"type": "auto", "disable_parallel_tool_use": True}
    messages: Any = user("what time is it in Tokyo and in Oslo?")
    message = claude.messages.create(**ASKED, messages=messages, tools=OWN, tool_choice=choice)
    assert len(calls_of(message)) == 1


@pytest.mark.parametrize("text", ["hello", "what time is it in Tokyo and in Oslo?", "read my notes"])
def test_events_come_in_order(claude: anthropic.Anthropic, text: str) -> None:
    asked = {**ASKED, "messages": user(text), "tools": OWN}
    events: list[Any] = list(claude.messages.create(**asked, stream=True))
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert events[0].message.usage.input_tokens > 0
    starts = [event for event in events if event.type == "content_block_start"]
    stops = [event for event in events if event.type == "content_block_stop"]
    assert [event.index for event in starts] == [event.index for event in stops] == list(range(len(starts)))
    whole = claude.messages.create(**asked)
    assert [event.content_block.type for event in starts] == [block.type for block in whole.content]
    assert events[-2].usage.output_tokens == whole.usage.output_tokens


def test_a_stop_sequence_is_told(claude: anthropic.Anthropic) -> None:
    asked: Any = {**ASKED, "messages": user("hello"), "stop_sequences": ["no such words", "?"]}
    whole = claude.messages.create(**asked)
    assert (whole.stop_reason, whole.stop_sequence) == ("stop_sequence", "?")
    with claude.messages.stream(**asked) as stream:
        assert stream.get_final_message().stop_sequence == "?"
    none = claude.messages.create(**{**asked, "stop_sequences": ["no such words"]})
    assert (none.stop_reason, none.stop_sequence) == ("end_turn", None)


def test_tokens_are_counted(claude: anthropic.Anthropic) -> None:
    asked: Any = {"model": "any", "messages": user("hello"), "tools": OWN, "system": "Be short."}
    usage = claude.messages.create(**asked, max_tokens=5).usage
    counted = claude.messages.count_tokens(**asked)
    assert counted.input_tokens == usage.input_tokens + usage.cache_read_input_tokens


def test_blocks_as_clients_send_them(client: TestClient) -> None:
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "what time ", "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "One moment."},
                {"type": "tool_use", "id": "t1", "name": "get_time", "input": {"city": "Oslo"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "here:"},
                {"type": "tool_result", "tool_use_id": "t1", "content": "no such city", "is_error": True},
            ],
        },
    ]
    tools = [{**OWN[0], "type": "custom", "cache_control": {"type": "ephemeral"}}, *OWN[1:]]
    body = {"messages": messages, "max_tokens": 50, "tools": tools, "metadata": {"user_id": "u"}}
    body |= {"thinking": {"type": "enabled", "budget_tokens": 1024}, "stop_sequences": ["END"], "top_k": 5}
    answer = client.post(PATH, json=body)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("messages", None),
        ("messages", []),
        ("messages", [3]),
        ("messages", [{"role": "system", "content": "a"}]),
        ("messages", [{"role": "user", "content": [{"type": "image", "source": {}}]}]),
        ("messages", [{"role": "user", "content": [{"type": "tool_result", "content": "a"}]}]),
        ("messages", [{"role": "assistant", "content": [{"type": "tool_use", "id": "a", "input": {}}]}]),
        ("system", 3),
        ("max_tokens", 0),
        ("max_tokens", "many"),
        ("stop_sequences", 3),
        ("tools", [{"type": "web_search_20250305", "name": "web_search"}]),
        ("tool_choice", {"type": "sometimes"}),
        ("tool_choice", {"type": "tool"}),
        ("tool_choice", "any"),
        ("mcp_servers", [{"url": "u"}]),
    ],
)
def test_what_can_not_be_served_is_refused(client: TestClient, field: str, value: Any) -> None:
    answer = client.post(PATH, json={"messages": user("hello"), "max_tokens": 5, field: value})
    assert answer.status_code == 400, answer.text
    told = answer.json()
    assert told["type"] == "error"
    assert told["error"]["type"] == "invalid_request_error"


def test_errors_are_of_the_class_that_programs_catch(claude: anthropic.Anthropic, lam: edge_lam.LAM) -> None:
    import anthropic

    with pytest.raises(anthropic.BadRequestError, match="tokens"):
        claude.messages.create(**ASKED, messages=user("word " * 6000))
    with serving(lam, ServeOptions(api_keys=("k",))) as url:
        with pytest.raises(anthropic.AuthenticationError):
            anthropic.Anthropic(base_url=url, api_key="j").messages.create(**ASKED, messages=user("hello"))
        assert anthropic.Anthropic(base_url=url, api_key="k").messages.create(**ASKED, messages=user("hello")).content

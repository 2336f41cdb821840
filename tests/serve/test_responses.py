"""`/v1/responses`, by OpenAI's own client and by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

import openai
import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from tests.serve.served import TOOLS, events_of, user

MODEL = "tiny-lam"
PATH = "/v1/responses"
FLAT: Any = [{"type": "function", "strict": True, **tool["function"]} for tool in TOOLS]

ALLOWED: Any = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "add_note"}]}


class Place(BaseModel):
    city: Literal["Oslo", "Lima"]


@pytest.fixture
def openai_client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        yield client


def calls_of(response: Any) -> list[tuple[str, Any]]:
    return [(item.name, json.loads(item.arguments)) for item in response.output if item.type == "function_call"]


def test_a_text(openai_client: openai.OpenAI) -> None:
    response = openai_client.responses.create(model=MODEL, input="hello", instructions="Be short.")
    assert response.id.startswith("resp_")
    assert response.status == "completed"
    (message,) = response.output
    assert message.id.startswith("msg_")
    assert response.output_text
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    cut = openai_client.responses.create(model=MODEL, input="hello", max_output_tokens=2)
    assert cut.status == "incomplete"
    assert cut.incomplete_details.reason == "max_output_tokens"


def test_a_call_its_result_and_the_answer(openai_client: openai.OpenAI) -> None:
    items: list[Any] = user("what time is it in Tokyo and in Oslo?")
    response = openai_client.responses.create(model=MODEL, input=items, tools=FLAT)
    assert calls_of(response) == [("get_time", {"city": "Tokyo"}), ("get_time", {"city": "Oslo"})]
    items += response.output  # as it is, with all that the client adds
    for call, time in zip(response.output, ("17:16", "09:16"), strict=True):
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": json.dumps({"time": time})})
    answer = openai_client.responses.create(model=MODEL, input=items, tools=FLAT)
    assert "09:16" in answer.output_text


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", {"get_time", "add_note", "read_notes"}),
        ({"type": "function", "name": "read_notes"}, {"read_notes"}),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "add_note"}]},
            {"add_note"},
        ),
        ("none", set()),
    ],
    ids=["required", "named", "allowed_tools", "none"],
)
def test_tool_choices_whole_and_streamed(openai_client: openai.OpenAI, choice: Any, names: set[str]) -> None:
    asked: Any = {"model": MODEL, "input": "hello", "tools": FLAT, "tool_choice": choice}
    whole = openai_client.responses.create(**asked)
    with openai_client.responses.stream(**asked) as stream:
        streamed = stream.get_final_response()
    for response in (whole, streamed):
        assert {name for name, _ in calls_of(response)} <= names
        assert bool(calls_of(response)) == bool(names)
    assert calls_of(whole) == calls_of(streamed)
    assert whole.output_text == streamed.output_text


@pytest.mark.parametrize("text", ["hello", "what time is it in Tokyo and in Oslo?", "read my notes"])
def test_events_come_in_order_and_add_up(openai_client: openai.OpenAI, text: str) -> None:
    asked: Any = {"model": MODEL, "input": text, "tools": FLAT}
    whole = openai_client.responses.create(**asked)
    events: list[Any] = list(openai_client.responses.create(**asked, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done") == len(whole.output)
    final = events[-1].response
    assert [item.type for item in final.output] == [item.type for item in whole.output]
    assert final.output_text == whole.output_text
    assert calls_of(final) == calls_of(whole)
    for index, item in enumerate(final.output):
        mine = [event for event in events if getattr(event, "output_index", None) == index]
        assert mine[0].type == "response.output_item.added"
        assert mine[-1].type == "response.output_item.done"
        assert mine[-1].item == item
        written = "".join(event.delta for event in mine if event.type.endswith(".delta"))
        assert written == (item.arguments if item.type == "function_call" else item.content[0].text)
        assert {event.item_id for event in mine if hasattr(event, "item_id")} == {item.id}
    assert len({item.id for item in final.output}) == len(final.output)


def test_parse_gives_objects_of_pydantic_models(openai_client: openai.OpenAI) -> None:
    response = openai_client.responses.parse(model=MODEL, input="hello", text_format=Place)
    assert isinstance(response.output_parsed, Place)


def test_logprobs_come_if_they_are_included(openai_client: openai.OpenAI) -> None:
    asked: Any = {"model": MODEL, "input": "hello", "include": ["message.output_text.logprobs"], "top_logprobs": 2}
    part = openai_client.responses.create(**asked).output[0].content[0]
    assert "".join(token.token for token in part.logprobs) == part.text
    assert all(len(token.top_logprobs) == 2 for token in part.logprobs)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", {"id": "c"}),
        ("prompt", {"id": "p"}),
        ("background", True),
        ("no_such_field", 1),
        ("input", None),
        ("input", []),
        ("input", [3]),
        ("input", [{"type": "item_reference", "id": "x"}]),
        ("input", [{"role": "user", "content": [{"type": "input_image", "image_url": "u"}]}]),
        ("input", [{"type": "function_call", "name": "f", "arguments": "{}"}]),
        ("input", [{"type": "function_call_output", "output": "1"}]),
        ("input", [{"role": "nobody", "content": "a"}]),
        ("instructions", 3),
        ("max_output_tokens", 0),
        ("text", {"format": {"type": "sound"}}),
        ("text", 3),
        ("tools", [{"type": "web_search"}]),
        ("tool_choice", "no_such_tool"),
        ("include", 3),
    ],
)
def test_what_can_not_be_served_is_refused_by_name(client: TestClient, field: str, value: Any) -> None:
    answer = client.post(PATH, json={"input": "hello", field: value})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == field


def test_fields_without_a_meaning_here_are_taken(client: TestClient) -> None:
    taken = {
        "store": True,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "low"},
        "truncation": "auto",
        "metadata": {"a": "b"},
        "previous_response_id": None,
        "background": False,
        "stream_options": {"include_obfuscation": False},
        "top_logprobs": 0,
        "user": "me",
    }
    answer = client.post(PATH, json={"input": "hello", **taken})
    assert answer.status_code == 200, answer.text
    assert answer.json()["metadata"] == {"a": "b"}
    assert answer.json()["store"] is False


def test_a_prompt_that_is_too_long_is_no_stream(client: TestClient) -> None:
    answer = client.post(PATH, json={"input": "word " * 6000, "stream": True})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "context_length_exceeded"
    assert answer.json()["error"]["param"] == "input"


def test_tokens_are_counted(client: TestClient) -> None:
    body = {"input": "hello", "tools": FLAT}
    counted = client.post(f"{PATH}/input_tokens", json=body).json()
    assert counted["input_tokens"] == client.post(PATH, json=body).json()["usage"]["input_tokens"]


def test_a_call_that_is_cut_off_is_incomplete(client: TestClient) -> None:
    body = {"input": "note: buy milk", "tools": FLAT, "tool_choice": "required", "stream": True}
    answer = client.post(PATH, json={**body, "max_output_tokens": 14})
    *_, last = events_of(answer.text)
    assert last["type"] == "response.incomplete"
    assert last["response"]["output"][-1]["status"] == "incomplete"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 3),
        ("metadata", 3),
        ("metadata", {"a": 1}),
        ("text", {"format": {"type": "text", "strict": "yes"}}),
        ("text", {"format": {"type": "text", "name": 3}}),
        ("text", {"format": "text"}),
    ],
)
def test_nothing_comes_back_that_an_answer_may_not_hold(client: TestClient, field: str, value: Any) -> None:
    answer = client.post("/v1/responses", json={"input": "hello", field: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == field


def test_what_an_answer_shows_of_its_request_is_whole(client: TestClient) -> None:
    function = {"type": "function", "name": "read_notes"}
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    text = {"format": {"type": "json_schema", "schema": schema}}
    body = {"input": "hello", "tools": [function], "text": text, "metadata": {"a": "b"}, "max_output_tokens": 2}
    told = client.post("/v1/responses", json=body).json()
    assert told["tools"] == [{"strict": None, "parameters": None, **function}]
    assert told["text"]["format"] == {"type": "json_schema", "schema": schema, "name": "reply"}
    assert told["metadata"] == {"a": "b"}
    first, *_ = events_of(client.post("/v1/responses", json={"input": "hello", "stream": True}).text)
    assert "usage" not in first["response"]  # nothing was used yet, and null is off the schema
    assert told["usage"]["input_tokens_details"]["cache_write_tokens"] == 0

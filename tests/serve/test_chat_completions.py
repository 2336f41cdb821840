"""`/v1/chat/completions`: shapes, chunks, fields, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.serve.served import CHAT, NOTES, TIME, TOOLS, ask, streamed, user


def refused(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post(CHAT, json={"messages": user("hello"), **body})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert set(error) >= {"message", "type", "param", "code"}
    return dict(error)


def test_a_text(client: TestClient) -> None:
    answer = ask(client, model="any", messages=user("hello"))
    (choice,) = answer["choices"]
    assert answer["object"] == "chat.completion"
    assert answer["id"].startswith("chatcmpl-")
    assert answer["model"] == "tiny-lam"
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    assert choice["message"]["refusal"] is None
    assert "tool_calls" not in choice["message"]
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert answer["timings"]["predicted_n"] == usage["completion_tokens"]
    assert answer["timings"]["prompt_n"] + answer["timings"]["cache_n"] == usage["prompt_tokens"]


def test_cached_tokens_are_told(client: TestClient) -> None:
    first = ask(client, messages=user("hello"))["usage"]
    second = ask(client, messages=user("hello"))["usage"]
    assert second["prompt_tokens_details"]["cached_tokens"] == first["prompt_tokens"] - 1


@pytest.mark.parametrize("tools", [TOOLS, [tool["function"] for tool in TOOLS]], ids=["nested", "flat"])
def test_a_call(client: TestClient, tools: list[Any]) -> None:
    (choice,) = ask(client, messages=user("what time is it in Oslo?"), tools=tools)["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    (call,) = choice["message"]["tool_calls"]
    assert call["type"] == "function"
    assert len(call["id"]) > 16
    assert call["function"]["name"] == "get_time"
    assert json.loads(call["function"]["arguments"]) == {"city": "Oslo"}


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", {"add_note", "get_time", "read_notes"}),
        ({"type": "function", "function": {"name": "read_notes"}}, {"read_notes"}),
        ({"type": "function", "name": "add_note"}, {"add_note"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "get_time"}}],
                },
            },
            {"get_time"},
        ),
    ],
)
@pytest.mark.parametrize("text", ["hello", "note: buy milk"])
def test_a_tool_choice_is_held(client: TestClient, text: str, choice: Any, names: set[str]) -> None:
    (answer,) = ask(client, messages=user(text), tools=TOOLS, tool_choice=choice)["choices"]
    assert answer["finish_reason"] == "tool_calls"
    assert {call["function"]["name"] for call in answer["message"]["tool_calls"]} <= names


def test_none_forbids_calls(client: TestClient) -> None:
    (answer,) = ask(client, messages=user("what time is it in Oslo?"), tools=TOOLS, tool_choice="none")["choices"]
    assert answer["finish_reason"] == "stop"
    assert answer["message"]["content"]


def test_parallel_calls_and_one_alone(client: TestClient) -> None:
    body = {"messages": user("what time is it in Tokyo and in Oslo?"), "tools": TOOLS}
    (both,) = ask(client, **body)["choices"]
    assert [json.loads(call["function"]["arguments"])["city"] for call in both["message"]["tool_calls"]] == [
        "Tokyo",
        "Oslo",
    ]
    (one,) = ask(client, **body, parallel_tool_calls=False)["choices"]
    assert len(one["message"]["tool_calls"]) == 1


def test_a_result_is_answered(client: TestClient) -> None:
    asked = user("what time is it in Oslo?")
    message = ask(client, messages=asked, tools=[TIME])["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": '{"time": "09:16"}'}
    (answer,) = ask(client, messages=[*asked, message, result], tools=[TIME])["choices"]
    assert answer["finish_reason"] == "stop"
    assert "09:16" in answer["message"]["content"]


@pytest.mark.parametrize(
    "dumped",
    [
        {"content": None, "function_call": None, "refusal": None, "audio": None, "annotations": []},
        {"content": [{"type": "text", "text": "One moment."}]},
        {"provider_specific_fields": {"a": 1}},
    ],
    ids=["nulls", "parts", "no content"],
)
def test_messages_as_clients_dump_them(client: TestClient, dumped: dict[str, Any]) -> None:
    call = {"id": "call_1", "type": "function", "name": "x", "function": {"name": "get_time", "arguments": "{}"}}
    messages = [
        {"role": "developer", "content": [{"type": "text", "text": "Be short."}]},
        {"role": "user", "content": [{"type": "text", "text": "what time "}, {"type": "text", "text": "is it?"}]},
        {"role": "assistant", "tool_calls": [call], **dumped},
        {"role": "tool", "tool_call_id": "call_1", "name": "get_time", "content": "09:16"},
    ]
    assert ask(client, messages=messages)["choices"][0]["message"]["content"]


def test_fields_without_a_meaning_here_are_taken(client: TestClient) -> None:
    taken = {
        "user": "me",
        "store": True,
        "metadata": {"a": "b"},
        "service_tier": "auto",
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "verbosity": "low",
        "reasoning_effort": "high",
        "frequency_penalty": 0,
        "presence_penalty": 0.0,
        "modalities": ["text"],
        "tools": None,
        "tool_choice": None,
        "stop": None,
        "seed": None,
        "n": None,
        "stream_options": None,
        "logit_bias": None,
    }
    assert ask(client, messages=user("hello"), **taken)["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("audio", {"voice": "a"}),
        ("best_of", 2),
        ("frequency_penalty", 0.5),
        ("functions", [{"name": "f"}]),
        ("function_call", "auto"),
        ("grammar", "root ::= 'a'"),
        ("modalities", ["text", "audio"]),
        ("no_such_field", 1),
        ("logit_bias", {"1": 1000}),
        ("logprobs", "yes"),
        ("max_completion_tokens", 0),
        ("max_tokens", 1.5),
        ("messages", None),
        ("messages", "hello"),
        ("messages", []),
        ("messages", [3]),
        ("messages", [{}]),
        ("messages", [{"role": 3, "content": "a"}]),
        ("messages", [{"role": "user", "content": 3}]),
        ("messages", [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}]),
        ("messages", [{"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}]),
        ("n", 0),
        ("n", 1000),
        ("n", True),
        ("parallel_tool_calls", "no"),
        ("response_format", {"type": "sound"}),
        ("json_schema", {"type": "sound"}),
        ("seed", -1),
        ("stop", 3),
        ("stream", "yes"),
        ("stream_options", 3),
        ("temperature", "hot"),
        ("temperature", -1),
        ("temperature", 1e400),
        ("tool_choice", "required"),
        ("tool_choice", "no_such_tool"),
        ("tools", "get_time"),
        ("tools", [{"type": "custom", "custom": {"name": "x"}}]),
        ("tools", [TIME] * 200),
        ("tools", [{"type": "function", "function": {"name": "f", "parameters": {"type": "no such type"}}}]),
        ("top_logprobs", 3),
        ("top_p", 7),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(client: TestClient, field: str, value: Any) -> None:
    body = json.dumps({"messages": user("hello"), field: value})  # 1e400 is JSON, and more than a float
    answer = client.post(CHAT, content=body.replace("Infinity", "1e400"))
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["param"] == field
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert error["code"]


def test_an_error_quotes_no_megabytes(client: TestClient) -> None:
    assert len(refused(client, tool_choice="x" * 100_000)["message"]) < 2000


def test_a_prompt_that_is_too_long(client: TestClient) -> None:
    error = refused(client, messages=user("word " * 6000))
    assert error["type"] == "exceed_context_size_error"
    assert error["code"] == "context_length_exceeded"
    assert error["n_prompt_tokens"] > error["n_ctx"] == 4096


def test_a_prompt_that_is_too_long_is_no_stream(client: TestClient) -> None:
    assert refused(client, messages=user("word " * 6000), stream=True)["code"] == "context_length_exceeded"


def test_lengths(client: TestClient) -> None:
    for fields in ({"max_tokens": 2}, {"max_completion_tokens": 2}, {"max_completion_tokens": 2, "max_tokens": 50}):
        answer = ask(client, messages=user("hello"), **fields)
        assert answer["usage"]["completion_tokens"] == 2
        assert answer["choices"][0]["finish_reason"] == "length"
    assert ask(client, messages=user("hello"), max_tokens=-1)["choices"][0]["finish_reason"] == "stop"


def test_several_choices_and_their_seeds(client: TestClient) -> None:
    body = {"messages": user("hello"), "n": 2, "temperature": 5, "seed": 7, "max_tokens": 12}
    answer = ask(client, **body)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    texts = [choice["message"]["content"] for choice in answer["choices"]]
    assert texts[0] != texts[1]
    assert texts[1] == ask(client, **{**body, "n": 1, "seed": 8})["choices"][0]["message"]["content"]
    assert answer["usage"]["prompt_tokens"] == ask(client, messages=user("hello"))["usage"]["prompt_tokens"]
    parts: dict[int, str] = {0: "", 1: ""}
    for chunk in streamed(client, **body):
        for choice in chunk["choices"]:
            parts[choice["index"]] += choice["delta"].get("content") or ""
    assert sorted(parts.values()) == sorted(texts)


def test_a_response_format_is_held_also_beside_tools(client: TestClient) -> None:
    schema = {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "place", "schema": schema, "strict": True}}
    (text,) = ask(client, messages=user("hello"), response_format=wanted)["choices"]
    assert json.loads(text["message"]["content"]) == {"city": "Oslo"}
    asked = {"messages": user("what time is it in Oslo?"), "tools": TOOLS, "response_format": wanted}
    (call,) = ask(client, **asked)["choices"]
    assert call["finish_reason"] == "tool_calls"
    (text,) = ask(client, **{**asked, "tool_choice": "none"})["choices"]
    assert json.loads(text["message"]["content"]) == {"city": "Oslo"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"const": "42"}, "42"),
        ({"enum": [7]}, 7),
        ({"type": "string", "pattern": "^ab$"}, "ab"),
        ({"type": "array", "items": {"const": "x"}, "minItems": 2, "maxItems": 2}, ["x", "x"]),
        ({"type": ["null", "array"], "items": {"const": 1}, "minItems": 1, "maxItems": 1, "enum": [[1]]}, [1]),
        ({"type": "array", "prefixItems": [{"const": {"a": None}}], "minItems": 1, "maxItems": 1}, [{"a": None}]),
    ],
)
def test_a_response_format_may_be_of_any_value(client: TestClient, schema: dict[str, Any], expected: Any) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "value", "schema": schema}}
    (choice,) = ask(client, messages=user("hello"), response_format=wanted)["choices"]
    assert json.loads(choice["message"]["content"]) == expected
    assert choice["finish_reason"] == "stop"
    assert choice["message"].get("tool_calls") is None
    (alone,) = ask(client, messages=user("hello"), json_schema=schema)["choices"]
    assert json.loads(alone["message"]["content"]) == expected
    native = client.post("/completion", json={"prompt": "hello", "json_schema": schema}).json()
    assert json.loads(native["content"]) == expected
    body = {"model": "tiny-lam", "messages": user("hello"), "format": schema, "stream": False}
    assert json.loads(client.post("/api/chat", json=body).json()["message"]["content"]) == expected


def test_an_array_beside_tools_is_refused_as_calls_are_arrays_too(client: TestClient) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "value", "schema": {"type": "array"}}}
    answer = client.post(CHAT, json={"messages": user("hello"), "tools": TOOLS, "response_format": wanted})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "response_format"


def test_stop_ends_a_text(client: TestClient) -> None:
    whole = ask(client, messages=user("hello"))["choices"][0]["message"]["content"]
    word = whole.split()[1]
    (cut,) = ask(client, messages=user("hello"), stop=[word])["choices"]
    assert cut["message"]["content"] == whole[: whole.index(word)].strip()
    assert cut["finish_reason"] == "stop"


def test_chunks_of_a_text(client: TestClient) -> None:
    first, *more = streamed(client, messages=user("hello"))
    (choice,) = first["choices"]
    assert choice["delta"] == {"role": "assistant", "content": None}
    assert {chunk["id"] for chunk in more} == {first["id"]}
    *deltas, last = [chunk["choices"][0] for chunk in more]
    assert all(set(delta["delta"]) == {"content"} and delta["finish_reason"] is None for delta in deltas)
    assert last["delta"] == {}
    assert last["finish_reason"] == "stop"
    text = "".join(delta["delta"]["content"] for delta in deltas)
    assert text == ask(client, messages=user("hello"))["choices"][0]["message"]["content"]
    assert "usage" not in first


@pytest.mark.parametrize("text", ["what time is it in Tokyo and in Oslo?", "read my notes"])
def test_chunks_of_calls(client: TestClient, text: str) -> None:
    chunks = streamed(client, messages=user(text), tools=TOOLS)
    calls: dict[int, dict[str, str]] = {}
    for chunk in chunks:
        for part in chunk["choices"][0]["delta"].get("tool_calls", ()):
            if part["index"] not in calls:
                assert part["type"] == "function"
                calls[part["index"]] = {"id": part["id"], "name": part["function"]["name"], "arguments": ""}
            else:
                assert set(part) == {"index", "function"}
                assert set(part["function"]) == {"arguments"}
            calls[part["index"]]["arguments"] += part["function"]["arguments"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"][0]["finish_reason"]] == [
        "tool_calls"
    ]
    message = ask(client, messages=user(text), tools=TOOLS)["choices"][0]["message"]
    whole = [(call["function"]["name"], call["function"]["arguments"]) for call in message["tool_calls"]]
    assert [(call["name"], call["arguments"]) for call in calls.values()] == whole
    assert list(calls) == list(range(len(whole)))
    assert len({call["id"] for call in calls.values()}) == len(whole)


def test_usage_comes_only_if_asked_for(client: TestClient) -> None:
    *chunks, last = streamed(client, messages=user("hello"), stream_options={"include_usage": True})
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] > 0
    assert last["timings"]["predicted_n"] == last["usage"]["completion_tokens"]
    assert all("usage" not in chunk for chunk in streamed(client, messages=user("hello")))


def test_no_arguments_are_an_empty_object(client: TestClient) -> None:
    (choice,) = ask(client, messages=user("read my notes"), tools=[NOTES])["choices"]
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_progress_of_a_prompt(client: TestClient) -> None:
    body = {"messages": user("word " * 600), "max_tokens": 2, "return_progress": True}
    chunks = streamed(client, **body)
    told = [chunk["prompt_progress"] for chunk in chunks if "prompt_progress" in chunk]
    assert told[0]["processed"] == told[0]["cache"]
    assert [one["processed"] for one in told] == sorted({one["processed"] for one in told})
    assert told[-1]["processed"] == told[-1]["total"] > 1200
    assert "prompt_progress" in chunks[1]  # behind the role, before the text
    again = [chunk["prompt_progress"] for chunk in streamed(client, **body) if "prompt_progress" in chunk]
    assert again[0]["cache"] == again[0]["total"] - 1
    assert not any("prompt_progress" in chunk for chunk in streamed(client, **{**body, "return_progress": False}))

"""What clients of vLLM rely on in tool use: the properties that its own tests hold, of answers whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.serve.served import CHAT, TIME, TOOLS, events_of, tool, user

RESPONSES = "/v1/responses"
OSLO, TOKYO = {"city": "Oslo", "time": "09:16"}, {"city": "Tokyo", "time": "17:16"}


def asked(client: TestClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(CHAT, json=body)
    assert answer.status_code == 200, answer.text
    (choice,) = answer.json()["choices"]
    return dict(choice)


def assembled(client: TestClient, body: dict[str, Any]) -> dict[str, Any]:
    """Stream an answer, hold each chunk to the rules of the API, and return the choice that they add up to."""
    *chunks, end = events_of(client.post(CHAT, json={**body, "stream": True}).text)
    assert end == "[DONE]"
    assert len({chunk["id"] for chunk in chunks}) == 1
    roles, reasons, text, calls = [], [], [], list[dict[str, Any]]()
    for (choice,) in (chunk["choices"] for chunk in chunks):
        assert choice["index"] == 0
        assert not reasons, "a chunk behind the one that ends the choice"
        delta = choice["delta"]
        roles += [delta["role"]] if delta.get("role") else []
        reasons += [choice["finish_reason"]] if choice["finish_reason"] else []
        text += [delta["content"]] if delta.get("content") else []
        assert len(delta.get("tool_calls", ())) <= 1
        for part in delta.get("tool_calls", ()):
            if "id" in part:  # a call begins: everything but its arguments, once
                assert part["index"] == len(calls)
                assert part["type"] == "function"
                assert part["function"]["name"]
                assert len(part["id"]) > 16
                calls.append({"id": part["id"], "name": part["function"]["name"], "arguments": ""})
            else:
                assert set(part["function"]) == {"arguments"}
                assert part["index"] == len(calls) - 1, "arguments of a call that is over"
            calls[-1]["arguments"] += part["function"]["arguments"]
    assert roles == ["assistant"]
    assert len({call["id"] for call in calls}) == len(calls)
    return {"finish_reason": reasons[0], "text": "".join(text), "calls": calls}


def called(*results: dict[str, str]) -> list[dict[str, Any]]:
    """A conversation in which `get_time` was called once for each of these results."""
    calls = [
        {
            "id": f"call_{index}",
            "type": "function",
            "function": {"name": "get_time", "arguments": json.dumps({"city": result["city"]})},
        }
        for index, result in enumerate(results)
    ]
    told = [
        {"role": "tool", "tool_call_id": f"call_{index}", "content": json.dumps(result)}
        for index, result in enumerate(results)
    ]
    cities = " and in ".join(result["city"] for result in results)
    return [
        *user(f"what time is it in {cities}?"),
        {"role": "assistant", "content": None, "tool_calls": calls},
        *told,
    ]


NAMED = {"type": "function", "function": {"name": "add_note"}}
REQUESTS: dict[str, tuple[dict[str, Any], Sequence[str]]] = {  # with the tools that must be called
    "one call": ({"messages": user("what time is it in Oslo?"), "tools": TOOLS}, ["get_time"]),
    "two calls": ({"messages": user("what time is it in Tokyo and in Oslo?"), "tools": TOOLS}, ["get_time"] * 2),
    "no arguments": ({"messages": user("read my notes"), "tools": TOOLS}, ["read_notes"]),
    "a result": ({"messages": called(OSLO), "tools": TOOLS}, []),
    "two results": ({"messages": called(TOKYO, OSLO), "tools": TOOLS}, []),
    "tools, but nothing for them": ({"messages": user("hello"), "tools": TOOLS}, []),
    "no tools": ({"messages": user("hello")}, []),
    "null for tools": ({"messages": user("hello"), "tools": None, "tool_choice": None}, []),
    "forbidden": ({"messages": user("what time is it in Oslo?"), "tools": TOOLS, "tool_choice": "none"}, []),
    "named": ({"messages": user("hello"), "tools": TOOLS, "tool_choice": NAMED}, ["add_note"]),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_stream_keeps_the_rules_and_adds_up_to_the_whole(client: TestClient, name: str) -> None:
    body, tools = REQUESTS[name]
    body = {**body, "temperature": 0, "max_completion_tokens": 150, "logprobs": False, "parallel_tool_calls": True}
    whole, streamed = asked(client, body), assembled(client, body)
    calls = whole["message"].get("tool_calls", [])
    assert [call["function"]["name"] for call in calls] == tools
    assert [(call["name"], call["arguments"]) for call in streamed["calls"]] == [
        (call["function"]["name"], call["function"]["arguments"]) for call in calls
    ]
    assert streamed["finish_reason"] == whole["finish_reason"] == ("tool_calls" if tools else "stop")
    assert streamed["text"] == (whole["message"]["content"] or "")
    assert bool(streamed["text"]) == (not tools)


def test_results_are_told(client: TestClient) -> None:
    assert "09:16" in asked(client, {"messages": called(OSLO), "tools": TOOLS})["message"]["content"]
    both = asked(client, {"messages": called(TOKYO, OSLO), "tools": TOOLS})["message"]["content"]
    assert "09:16" in both
    assert "17:16" in both


@pytest.mark.parametrize(
    "value", ["a { b", "a } b", "a }} b", 'a " } b', "a \\ } b", "]}}", "北京, 上海", "🧭\n\t\x01", "<tool_call>", ""]
)
def test_any_string_comes_back_as_it_is(client: TestClient, value: str) -> None:
    keep = tool("keep", "Keep a text.", text={"type": "string", "enum": [value]})
    body = {"messages": user("hello"), "tools": [keep], "tool_choice": "required", "parallel_tool_calls": False}
    (whole,) = asked(client, body)["message"]["tool_calls"]
    (streamed,) = assembled(client, body)["calls"]
    assert json.loads(whole["function"]["arguments"]) == {"text": value}
    assert streamed["arguments"] == whole["function"]["arguments"]
    assert "\\u4e" not in streamed["arguments"]  # other scripts as they are


@pytest.mark.parametrize("seed", range(5))
def test_what_is_required_fits_whatever_is_sampled(client: TestClient, seed: int) -> None:
    """A call's arguments are all there, of their types, and no others; there is at least one call."""
    forecast = tool("get_forecast", "Get the forecast.", city={"enum": ["Oslo", "Lima"]}, days={"enum": [1, 2, 7]})
    body = {"messages": user("hello"), "tools": [forecast, TIME], "tool_choice": "required"}
    choice = asked(client, {**body, "temperature": 3, "seed": seed, "max_tokens": 300})
    for call in choice["message"].get("tool_calls", []):
        arguments = json.loads(call["function"]["arguments"])
        if call["function"]["name"] == "get_forecast":
            assert arguments["city"] in ("Oslo", "Lima")
            assert arguments["days"] in (1, 2, 7)
            assert set(arguments) == {"city", "days"}
        else:
            assert call["function"]["name"] == "get_time"
            assert set(arguments) == {"city"}
    assert choice["message"].get("tool_calls") or choice["finish_reason"] == "length"


@pytest.mark.parametrize("tools", [{}, {"tools": None}, {"tools": []}], ids=["absent", "null", "empty"])
@pytest.mark.parametrize(
    ("path", "prompt", "named"),
    [
        (CHAT, {"messages": user("hello")}, {"type": "function", "function": {"name": "get_time"}}),
        (RESPONSES, {"input": "hello"}, {"type": "function", "name": "get_time"}),
    ],
    ids=["chat", "responses"],
)
def test_a_choice_needs_tools(
    client: TestClient, path: str, prompt: dict[str, Any], named: dict[str, Any], tools: dict[str, Any]
) -> None:
    for choice in ("required", named):
        refused = client.post(path, json={**prompt, **tools, "tool_choice": choice})
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "tool_choice"
    for choice in (None, "none", "auto"):  # with nothing to choose from, they say the same
        assert client.post(path, json={**prompt, **tools, "tool_choice": choice}).status_code == 200


@pytest.mark.parametrize("choice", [{"type": "function"}, {"type": "function", "name": ""}, {"type": "hunt"}, "any"])
@pytest.mark.parametrize(("path", "prompt"), [(CHAT, {"messages": user("hello")}), (RESPONSES, {"input": "hello"})])
def test_a_choice_of_nothing_is_refused(client: TestClient, path: str, prompt: dict[str, Any], choice: Any) -> None:
    refused = client.post(path, json={**prompt, "tools": TOOLS, "tool_choice": choice})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "tool_choice"


@pytest.mark.parametrize(("path", "prompt"), [(CHAT, {"messages": user("hello")}), (RESPONSES, {"input": "hello"})])
def test_tools_that_are_no_functions_are_refused_by_name(client: TestClient, path: str, prompt: dict[str, Any]) -> None:
    """VLLM skips them in silence; a program that gives a search should know that nothing will be searched."""
    refused = client.post(path, json={**prompt, "tools": [{"type": "web_search"}, *TOOLS]})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "tools"


def test_parallel_tool_calls_may_be_null(client: TestClient) -> None:
    body = {"messages": user("what time is it in Tokyo and in Oslo?"), "tools": TOOLS, "parallel_tool_calls": None}
    assert len(asked(client, body)["message"]["tool_calls"]) == 2
    response = client.post(RESPONSES, json={"input": "hello", "parallel_tool_calls": None}).json()
    assert response["parallel_tool_calls"] is True


@pytest.mark.parametrize("word", ["reasoning", "reasoning_content"])
def test_thoughts_in_the_history_are_taken(client: TestClient, word: str) -> None:
    history = [*user("what is 2+2?"), {"role": "assistant", "content": "4", word: "2 and 2 are 4"}, *user("hello")]
    assert asked(client, {"messages": history})["message"]["content"]


def test_a_named_tool_beside_a_response_format_is_refused(client: TestClient) -> None:
    wanted = {"type": "json_object"}
    refused = client.post(
        CHAT, json={"messages": user("hello"), "tools": TOOLS, "tool_choice": NAMED, "response_format": wanted}
    )
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "response_format"

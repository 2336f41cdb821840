"""Ollama's API, by its own client for Python."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import ollama
import pytest

from tests.serve.served import TOOLS, user

MODEL = "tiny-lam"


@pytest.fixture
def client(url: str) -> ollama.Client:
    return ollama.Client(host=url)


def calls_of(message: ollama.Message) -> list[tuple[str, Any]]:
    return [(call.function.name, dict(call.function.arguments)) for call in message.tool_calls or ()]


def test_models(client: ollama.Client, url: str) -> None:
    (model,) = client.list().models
    assert model.model == MODEL
    assert model.details.quantization_level == "Q8_0"
    shown = client.show(MODEL)
    assert "tools" in shown.capabilities
    assert [running.model for running in client.ps().models] == [MODEL]
    assert httpx2.get(url + "/api/version").json()["version"]


def test_a_text_whole_and_streamed(client: ollama.Client) -> None:
    whole = client.chat(MODEL, user("hello"), options={"num_ctx": 2048, "temperature": 0}, keep_alive="5m")
    assert whole.done
    assert whole.done_reason == "stop"
    assert whole.eval_count > 0
    lines = list(client.chat(MODEL, user("hello"), stream=True))
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert "".join(line.message.content for line in lines) == whole.message.content
    assert client.chat(MODEL, user("hello"), options={"num_predict": 2}).done_reason == "length"


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_its_result_and_the_answer(client: ollama.Client, stream: bool) -> None:
    messages: list[Any] = user("what time is it in Oslo?")
    if stream:
        lines = list(client.chat(MODEL, messages, tools=TOOLS, stream=True))
        calls = [call for line in lines for call in line.message.tool_calls or ()]
        message = ollama.Message(role="assistant", tool_calls=calls)
    else:
        message = client.chat(MODEL, messages, tools=TOOLS).message
    assert calls_of(message) == [("get_time", {"city": "Oslo"})]
    messages.append(message)
    messages.append({"role": "tool", "tool_name": "get_time", "content": json.dumps({"time": "09:16"})})
    assert "09:16" in client.chat(MODEL, messages, tools=TOOLS).message.content


def test_a_function_is_a_tool(client: ollama.Client) -> None:
    def get_time(city: str) -> str:
        """Get the current time in a city or time zone.

        Args:
            city: The city
        """
        return city

    message = client.chat(MODEL, user("what time is it in Oslo?"), tools=[get_time]).message
    assert calls_of(message) == [("get_time", {"city": "Oslo"})]


def test_a_format_is_held(client: ollama.Client) -> None:
    schema = {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]}
    assert json.loads(client.chat(MODEL, user("hello"), format=schema).message.content) == {"city": "Oslo"}
    answer = client.chat(MODEL, user("hello"), format="json", options={"num_predict": 200})
    assert answer.message.content.startswith("{")


@pytest.mark.parametrize(
    "more",
    [
        {"options": {"repeat_penalty": 1.3}},
        {"options": {"no_such_option": 1}},
        {"format": {"type": "no such type"}},
        {"messages": [{"role": "user", "content": "a", "images": ["aGk="]}]},
        {"messages": [{"role": "nobody", "content": "a"}]},
    ],
)
def test_what_can_not_be_served_is_refused(client: ollama.Client, more: dict[str, Any]) -> None:
    with pytest.raises(ollama.ResponseError) as refused:
        client.chat(**{"model": MODEL, "messages": user("hello"), **more})
    assert refused.value.status_code == 400

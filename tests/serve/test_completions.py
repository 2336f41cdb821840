"""`/v1/completions`: prompts as benchmarks render them, and text as the model writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from starlette.testclient import TestClient

import edge_lam
from tests.serve.served import CHAT, TIME, events_of, user

PATH = "/v1/completions"
ASKED = "what time is it in Oslo?"


@pytest.fixture
def openai_client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        yield client


def ask(client: TestClient, **body: Any) -> dict[str, Any]:
    answer = client.post(PATH, json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_prompt_rendered_elsewhere_gets_the_call_as_it_is_written(client: TestClient, lam: edge_lam.LAM) -> None:
    chat = client.post(CHAT, json={"messages": user(ASKED), "tools": [TIME]}).json()
    answer = ask(client, prompt=lam.render(user(ASKED), [TIME]), max_tokens=100, temperature=0)
    (choice,) = answer["choices"]
    assert answer["object"] == "text_completion"
    assert json.loads(choice["text"]) == [{"name": "get_time", "arguments": {"city": "Oslo"}}]
    assert choice["finish_reason"] == "stop"
    assert answer["usage"]["prompt_tokens"] == chat["usage"]["prompt_tokens"]  # control tokens are read as such


def test_token_ids_are_a_prompt_too(client: TestClient, lam: edge_lam.LAM) -> None:
    prompt = lam.render(user("hello"))
    text = ask(client, prompt=prompt, max_tokens=20)["choices"][0]["text"]
    assert ask(client, prompt=lam.tokenize(prompt), max_tokens=20)["choices"][0]["text"] == text


def test_several_prompts_and_choices(client: TestClient, lam: edge_lam.LAM) -> None:
    prompts = [lam.render(user(text)) for text in ("hello", ASKED)]
    answer = ask(client, prompt=prompts, n=2, max_tokens=8)
    texts = [choice["text"] for choice in answer["choices"]]
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert texts[0] == texts[1]
    assert texts[2] == texts[3] != texts[0]
    assert answer["usage"]["prompt_tokens"] == sum(len(lam.tokenize(prompt)) for prompt in prompts)
    mixed = ask(client, prompt=[prompts[0], lam.tokenize(prompts[1])], max_tokens=8)
    assert [choice["text"] for choice in mixed["choices"]] == texts[::2]


def test_echo_and_white_space(client: TestClient) -> None:
    body = {"prompt": "one two  ", "echo": True, "max_tokens": 3}
    (choice,) = ask(client, **body)["choices"]
    assert choice["text"].startswith("one two  ")
    parts = events_of(client.post(PATH, json={**body, "stream": True}).text)
    assert "".join(part["choices"][0]["text"] for part in parts[:-1]) == choice["text"]


def test_logprobs(client: TestClient, lam: edge_lam.LAM) -> None:
    (choice,) = ask(client, prompt=lam.render(user("hello")), logprobs=2, max_tokens=4)["choices"]
    told = choice["logprobs"]
    assert "".join(told["tokens"]) == choice["text"]
    assert len(told["tokens"]) == len(told["token_logprobs"]) == len(told["top_logprobs"]) == len(told["text_offset"])
    assert all(len(top) == 2 for top in told["top_logprobs"])
    assert told["text_offset"][0] == 0
    assert all(
        choice["text"][at:].startswith(token) for at, token in zip(told["text_offset"], told["tokens"], strict=True)
    )


def test_by_openais_client_whole_and_streamed(openai_client: openai.OpenAI, lam: edge_lam.LAM) -> None:
    asked: Any = {"model": "any", "prompt": lam.render(user("hello")), "max_tokens": 50, "stop": ["?"]}
    whole = openai_client.completions.create(**asked)
    assert whole.choices[0].finish_reason == "stop"
    assert "?" not in whole.choices[0].text
    chunks = list(openai_client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    *parts, last = chunks
    assert "".join(part.choices[0].text for part in parts) == whole.choices[0].text
    assert [part.choices[0].finish_reason for part in parts][-1] == "stop"
    assert last.usage.completion_tokens == whole.usage.completion_tokens


def test_a_response_format_is_held(client: TestClient, lam: edge_lam.LAM) -> None:
    schema = {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]}
    wanted = {"type": "json_schema", "json_schema": {"schema": schema}}
    (choice,) = ask(client, prompt=lam.render(user("hello")), response_format=wanted, max_tokens=50)["choices"]
    assert json.loads(choice["text"]) == {"city": "Oslo"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", None),
        ("prompt", ""),
        ("prompt", []),
        ("prompt", [[]]),
        ("prompt", 3),
        ("prompt", {"a": 1}),
        ("prompt", ["a", 3]),
        ("prompt", [10**7]),
        ("prompt", [-1]),
        ("prompt", "\ud800"),
        ("prompt", "word " * 6000),
        ("prompt", ["a"] * 100),
        ("max_tokens", 0),
        ("best_of", 3),
        ("suffix", "b"),
        ("logprobs", 100),
        ("tools", [TIME]),
        ("stop_token_ids", [3]),
    ],
)
def test_what_can_not_be_served_is_refused_by_name(client: TestClient, field: str, value: Any) -> None:
    answer = client.post(PATH, content=json.dumps({"prompt": "hello", field: value}))
    assert answer.status_code == 400, answer.text
    param = answer.json()["error"]["param"]
    assert param == ("top_logprobs" if field == "logprobs" else field)


def test_what_is_sent_beside_a_prompt_by_benchmarks_is_taken(client: TestClient) -> None:
    sent = {"model": "m", "temperature": 0.001, "stop_token_ids": [], "skip_special_tokens": False, "max_tokens": 2}
    assert ask(client, prompt="hello", **sent, echo=False, logprobs=None)["usage"]["completion_tokens"] == 2
    answer = client.post(PATH, json={"prompt": "hello", "echo": True, "logprobs": 1})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "echo"
    assert len(client.post(PATH, json={"prompt": "hello"}).json()["choices"]) == 1

"""`/v1/completions`: prompts as benchmarks render them, and text as the model writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from starlette.testclient import TestClient

import edge_lam
from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.llama import Context, Model
from edge_lam.loading.model_path import EMBEDDED_MODEL
from edge_lam.serve import app
from tests.adapters import write_lora
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


def evaluated(path: Path, tokens: list[int]) -> list[tuple[float, int]]:
    """Ask llama.cpp itself: the log probability of each token but the first, and which token was the most likely."""
    found = []
    with Model(path, device="cpu") as model, Context(model, n_ctx=512) as context:
        for start in range(0, len(tokens) - 1, 16):  # one by one they would be computed by other kernels
            read = tokens[start : min(start + 16, len(tokens) - 1)]
            context.decode(read, start=start, logits="all")
            for row in range(len(read)):
                logits = context.logits(row).astype(np.float64)
                total = np.log(np.exp(logits - logits.max()).sum()) + logits.max()
                found.append((float(logits[tokens[start + row + 1]] - total), int(logits.argmax())))
    return found


@pytest.fixture(scope="module")
def unshared() -> Iterator[edge_lam.LAM]:
    """A model of which nobody else wants a reply: in passes with others, other kernels compute the last tokens."""
    with edge_lam.load(log=False, n_ctx=2048) as lam:
        yield lam


@pytest.mark.parametrize("n_tokens", [0, 1])
@pytest.mark.parametrize("times", [1, 12])  # one pass, and several
def test_logprobs_of_a_prompt_are_those_of_llama_cpp(
    unshared: edge_lam.LAM, tiny_lam_path: Path, n_tokens: int, times: int
) -> None:
    lam, client = unshared, TestClient(app(unshared))
    prompt = lam.render(user("what time is it in Oslo? " * times))
    tokens = lam.tokenize(prompt)
    known = evaluated(tiny_lam_path, tokens)
    for sent in (prompt, tokens, prompt):  # what is in the cache is read again
        body = {"prompt": sent, "echo": True, "logprobs": 1, "max_tokens": n_tokens, "temperature": 0, "seed": 1234}
        (choice,) = ask(client, **body)["choices"]
        told = choice["logprobs"]
        assert len(told["tokens"]) == len(tokens) + n_tokens
        assert choice["text"] == "".join(told["tokens"])
        assert choice["text"].startswith(prompt)
        assert choice["finish_reason"] == "length"
        assert told["token_logprobs"][0] is told["top_logprobs"][0] is None
        assert told["token_logprobs"][1 : len(tokens)] == pytest.approx([one for one, _ in known], abs=0.02)
        for found, top, (_, best), token in zip(
            told["token_logprobs"][1:], told["top_logprobs"][1:], known, tokens[1:], strict=False
        ):
            assert found <= max(top.values())
            assert (found == max(top.values())) == (token == best)
        assert [told["text_offset"][0], told["text_offset"][-1]] == [0, len(choice["text"]) - len(told["tokens"][-1])]


def test_a_reply_that_ends_at_once_still_has_a_token_behind_its_prompt(client: TestClient, lam: edge_lam.LAM) -> None:
    prompts = [lam.tokenize(lam.render(user("hello"))), lam.tokenize("hello")]
    ends = {"<|im_end|>": 100}
    body = {"prompt": prompts, "echo": True, "logprobs": 1, "max_tokens": 1, "logit_bias": ends}
    for choice, prompt in zip(ask(client, **body)["choices"], prompts, strict=True):
        assert choice["finish_reason"] == "stop"
        assert len(choice["logprobs"]["tokens"]) == len(prompt) + 1  # lm-eval leaves out the last one
        assert choice["logprobs"]["tokens"][-1] == ""


def test_logprobs_of_a_stream_come_with_their_text(client: TestClient, lam: edge_lam.LAM) -> None:
    body = {"prompt": lam.render(user("tell me a joke")), "logprobs": 2, "max_tokens": 30, "stop": ["because"]}
    (whole,) = ask(client, **body)["choices"]
    parts = [part["choices"][0] for part in events_of(client.post(PATH, json={**body, "stream": True}).text)[:-1]]
    told = {
        name: [one for part in parts if part["logprobs"] for one in part["logprobs"][name]]
        for name in ("tokens", "token_logprobs", "text_offset")
    }
    assert told["tokens"] == whole["logprobs"]["tokens"]
    assert told["text_offset"] == whole["logprobs"]["text_offset"]
    assert told["token_logprobs"] == pytest.approx(whole["logprobs"]["token_logprobs"], abs=0.05)
    assert all(part["logprobs"] for part in parts if part["text"])
    assert sum(bool(part["logprobs"]) for part in parts) > 1


def test_by_openais_client_whole_and_streamed(openai_client: openai.OpenAI, lam: edge_lam.LAM) -> None:
    # A call, of which the model is sure: drafts depend on the time, and other passes move the last digits.
    prompt = lam.render(user("what time is it in Oslo?"), tools=DEMO_TOOLS[:2])
    asked: Any = {"model": "any", "prompt": prompt, "max_tokens": 50, "stop": ["Oslo"]}
    whole = openai_client.completions.create(**asked)
    assert whole.choices[0].finish_reason == "stop"
    assert whole.choices[0].text.startswith('[{"name": "')
    assert "Oslo" not in whole.choices[0].text
    chunks = list(openai_client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    *parts, last = chunks
    assert "".join(part.choices[0].text for part in parts) == whole.choices[0].text
    assert [part.choices[0].finish_reason for part in parts][-1] == "stop"
    assert last.usage.prompt_tokens == whole.usage.prompt_tokens
    assert last.usage.completion_tokens == whole.usage.completion_tokens  # whatever a pass confirmed behind it


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
    for body in ({"logprobs": 1, "stream": True}, {"prompt": [1, 2]}):
        answer = client.post(PATH, json={"prompt": "hello", "echo": True, **body})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "echo"
    assert len(client.post(PATH, json={"prompt": "hello"}).json()["choices"]) == 1


def test_an_adapter_that_computes_no_numbers_is_an_error_for_its_prompts_too(tmp_path: Path) -> None:
    """What is asked of a prompt alone chooses no token: its logprobs were NaN, which is no JSON."""
    path = write_lora(tmp_path / "endless.gguf", EMBEDDED_MODEL, spread=1e30)
    asked = {"model": "tiny-lam:endless", "prompt": "hello there", "echo": True, "logprobs": 2}
    with edge_lam.load(log=False, prefix_cache=False, n_ctx=1024, adapters={"endless": path}) as lam:
        client = TestClient(app(lam), raise_server_exceptions=False)
        for max_tokens in (0, 1):
            answer = client.post("/v1/completions", json=asked | {"max_tokens": max_tokens})
            assert "no usable logits" in answer.json()["error"]["message"]

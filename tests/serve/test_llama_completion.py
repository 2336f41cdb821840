"""llama-server's own `/completion` and `/slots`."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.serve.served import events_of, user

PATH = "/completion"
PROMPT = "<|im_start|>system\nBe short.\n<|im_end|><|im_start|>user\nhello<|im_end|><|im_start|>assistant\n"


def ask(client: TestClient, **body: Any) -> Any:
    answer = client.post(PATH, json={"prompt": PROMPT, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_completion(client: TestClient) -> None:
    answer = ask(client)
    assert answer["stop"] is True
    assert answer["stop_type"] == "eos"
    assert answer["model"] == "tiny-lam"
    assert answer["prompt"] == PROMPT
    assert answer["tokens"] == []
    assert answer["tokens_evaluated"] > 5
    assert answer["timings"]["predicted_n"] == answer["tokens_predicted"] > 1
    chat = client.post("/v1/completions", json={"prompt": PROMPT, "max_tokens": 500}).json()
    assert answer["content"] == chat["choices"][0]["text"]


def test_why_it_ended(client: TestClient) -> None:
    cut = ask(client, n_predict=3)
    assert (cut["stop_type"], cut["tokens_predicted"], cut["generation_settings"]["n_predict"]) == ("limit", 3, 3)
    word = ask(client)["content"].split()[1]
    stopped = ask(client, stop=[word])
    assert (stopped["stop_type"], stopped["stopping_word"]) == ("word", word)
    assert word not in stopped["content"]


def test_a_stream_adds_up_to_the_whole(client: TestClient) -> None:
    whole = ask(client, return_tokens=True)
    *chunks, last = events_of(client.post(PATH, json={"prompt": PROMPT, "stream": True}).text)
    assert [chunk["stop"] for chunk in chunks] == [False] * len(chunks)
    assert "".join(chunk["content"] for chunk in chunks) == whole["content"]
    assert last["stop"] is True
    assert last["content"] == ""
    assert last["tokens_predicted"] == whole["tokens_predicted"]
    shown = client.post("/detokenize", json={"tokens": whole["tokens"]}).json()["content"]
    assert shown == whole["content"]


def test_a_stream_tells_tokens_with_their_text_and_how_much_of_the_prompt_is_read(client: TestClient) -> None:
    body = {"prompt": PROMPT * 20, "n_predict": 30, "n_probs": 2, "return_tokens": True}
    whole = ask(client, **body)
    *chunks, last = events_of(client.post(PATH, json={**body, "stream": True, "return_progress": True}).text)
    read = [chunk["prompt_progress"]["processed"] for chunk in chunks if "prompt_progress" in chunk]
    assert read == sorted(read)
    assert read[-1] == chunks[0]["prompt_progress"]["total"] == whole["tokens_evaluated"]
    first = chunks[0]
    assert first["timings"]["prompt_n"] == first["prompt_progress"]["processed"] - first["prompt_progress"]["cache"]
    written = [chunk for chunk in chunks if "prompt_progress" not in chunk]
    assert len(written) > 1
    assert [token for chunk in written for token in chunk["tokens"]] == whole["tokens"] == last["tokens"]
    for chunk in written:
        told = chunk["completion_probabilities"]
        assert [token["id"] for token in told] == chunk["tokens"]
        assert all(len(token["top_logprobs"]) == 2 for token in told)


def test_prompts_in_every_form(client: TestClient) -> None:
    tokens = client.post("/tokenize", json={"content": PROMPT}).json()["tokens"]
    alone = ask(client)["content"]
    assert ask(client, prompt=tokens)["content"] == alone
    assert ask(client, prompt={"prompt_string": PROMPT})["content"] == alone
    start, end = PROMPT[:10], PROMPT[-12:]
    middle = client.post("/tokenize", json={"content": PROMPT[10:-12]}).json()["tokens"]
    begin = client.post("/tokenize", json={"content": start}).json()["tokens"]
    parts = ask(client, prompt=[*begin, PROMPT[10:-12], end])
    assert parts["content"] == ask(client, prompt=[start, *middle, end])["content"]
    assert parts["prompt"] == [*begin, PROMPT[10:-12], end]
    several = ask(client, prompt=[tokens, PROMPT, {"prompt_string": PROMPT}])
    assert [(one["index"], one["content"]) for one in several] == [(0, alone), (1, alone), (2, alone)]


def test_probabilities_and_fields(client: TestClient) -> None:
    answer = ask(client, n_probs=3, n_predict=4, logit_bias=[["Hello", False]])
    assert len(answer["completion_probabilities"]) == 4
    for token in answer["completion_probabilities"]:
        assert token["logprob"] <= 0
        assert [set(top) for top in token["top_logprobs"]] == [{"id", "token", "logprob", "bytes"}] * 3
    picked = ask(client, response_fields=["content", "generation_settings/n_predict", "no_such"], n_predict=2)
    assert set(picked) == {"content", "generation_settings/n_predict"}
    schema = {"type": "object", "properties": {"a": {"const": "x"}}, "required": ["a"]}
    assert ask(client, json_schema=schema)["content"] == '{"a": "x"}'


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", None),
        ("prompt", [1, 2, "a", [3]]),
        ("prompt", [1, 2, "a", 10**7]),
        ("prompt", [{}]),
        ("prompt", {"prompt_string": "a", "multimodal_data": "aGk="}),
        ("n_predict", 0),
        ("n_probs", 1000),
        ("json_schema", {"type": "no such type"}),
        ("logit_bias", [3]),
        ("response_fields", "content"),
        ("post_sampling_probs", True),
        ("no_such_field", 1),
    ],
)
def test_what_can_not_be_served_is_refused_by_name(client: TestClient, field: str, value: Any) -> None:
    answer = client.post(PATH, json={"prompt": PROMPT, field: value})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == field


def test_slots(client: TestClient) -> None:
    slots = client.get("/slots").json()
    assert [slot["id"] for slot in slots] == [0, 1]
    assert not any(slot["is_processing"] for slot in slots)
    assert client.post("/v1/chat/completions", json={"messages": user("hello")}).status_code == 200

"""`/v1/chat/completions` with logprobs, whole and streamed."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.serve.served import CHAT, TOOLS, ask, streamed, user


def test_logprobs(client: TestClient) -> None:
    body = {"messages": user("hello"), "logprobs": True, "top_logprobs": 2, "max_tokens": 4}
    (choice,) = ask(client, **body)["choices"]
    tokens = choice["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == choice["message"]["content"]
    assert all(len(token["top_logprobs"]) == 2 for token in tokens)
    seen = [one for chunk in streamed(client, **body) for one in chunk["choices"] if one["logprobs"]]
    assert [token for one in seen for token in one["logprobs"]["content"]] == tokens


def test_logprobs_of_a_call_are_numbers_that_add_up(client: TestClient) -> None:
    body = {"messages": user("what time is it in Oslo?"), "tools": TOOLS, "tool_choice": "required", "logprobs": True}
    (choice,) = ask(client, **body)["choices"]
    tokens = choice["logprobs"]["content"]
    forced = [token["logprob"] for token in tokens if token.get("forced")]
    assert forced == [0.0] * len(forced) != []
    assert sum(token["logprob"] for token in tokens) < 0


@pytest.mark.parametrize(
    "more",
    [{"messages": user("tell me a joke")}, {"messages": user("what time is it in Oslo?"), "tools": TOOLS}],
)
def test_logprobs_of_a_stream_come_with_what_their_tokens_say(client: TestClient, more: dict[str, Any]) -> None:
    body = {"logprobs": True, "max_tokens": 40, **more}
    whole = client.post(CHAT, json=body).json()["choices"][0]
    first, *chunks = [one for chunk in streamed(client, **body) for one in chunk["choices"]]
    assert first["logprobs"] is None
    assert chunks[-1]["finish_reason"]
    assert chunks[-1]["logprobs"] is None
    told = [token for one in chunks if one["logprobs"] for token in one["logprobs"]["content"]]
    assert [token["token"] for token in told] == [token["token"] for token in whole["logprobs"]["content"]]
    said = [one for one in chunks if one["delta"].get("content")]
    assert all(one["logprobs"]["content"] for one in said)
    tokens = text = ""
    for one in said:
        tokens += "".join(token["token"] for token in one["logprobs"]["content"])
        text += one["delta"]["content"]
        assert tokens.strip() == text.strip()  # white space is shown when it is known not to end the reply

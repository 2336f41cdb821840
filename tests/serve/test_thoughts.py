"""What a model thought before, sent back by clients of every API, is in its prompt where the template writes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import edge_lam
from edge_lam.serve import app
from tests.serve.served import CHAT, user

THOUGHT = "The city is called Oslo, I had better look it up."
CALL = {"name": "get_time", "arguments": '{"city": "Oslo"}'}
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>\n{% endif %}"
    "{{ m.content }}{% if m.tool_calls %}{{ m.tool_calls | tojson }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if tools %}{{ tools | tojson }}{% endif %}<|im_start|>assistant\n"
)


@pytest.fixture(scope="module")
def thinker(tiny_lam_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    template = tmp_path_factory.mktemp("thoughts") / "thoughts.jinja"
    template.write_text(TEMPLATE)
    with edge_lam.load(tiny_lam_path, template=template, log="off", prefix_cache=False) as lam:
        yield TestClient(app(lam))


def chat(thought: str) -> tuple[str, dict[str, Any], str]:
    call = {"id": "c1", "type": "function", "function": CALL}
    said = {"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": thought}
    result = {"role": "tool", "tool_call_id": "c1", "content": "12:00"}
    return f"{CHAT}/input_tokens", {"messages": [*user("time in Oslo?"), said, result]}, "input_tokens"


def messages(thought: str) -> tuple[str, dict[str, Any], str]:
    use = {"type": "tool_use", "id": "c1", "name": "get_time", "input": {"city": "Oslo"}}
    sealed = {"type": "redacted_thinking", "data": "x"}
    said = {"role": "assistant", "content": [{"type": "thinking", "thinking": thought, "signature": ""}, sealed, use]}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "12:00"}]}
    return "/v1/messages/count_tokens", {"messages": [*user("time in Oslo?"), said, result]}, "input_tokens"


def responses(thought: str) -> tuple[str, dict[str, Any], str]:
    content = [{"type": "reasoning_text", "text": thought}] if thought else None
    items = [
        *user("time in Oslo?"),
        {"type": "reasoning", "id": "rs_1", "summary": [], "content": content, "encrypted_content": None},
        {"type": "function_call", "call_id": "c1", **CALL},
        {"type": "function_call_output", "call_id": "c1", "output": "12:00"},
    ]
    return "/v1/responses/input_tokens", {"input": items}, "input_tokens"


def ollama(thought: str) -> tuple[str, dict[str, Any], str]:
    said = {"role": "assistant", "content": "It is noon.", "thinking": thought}
    body = {"messages": [*user("time in Oslo?"), said, *user("sure?")], "stream": False, "options": {"num_predict": 1}}
    return "/api/chat", body, "prompt_eval_count"


@pytest.mark.parametrize("api", [chat, messages, responses, ollama])
def test_a_thought_is_in_the_prompt(thinker: TestClient, api: Any) -> None:
    counts = []
    for thought in ("", THOUGHT):
        path, body, name = api(thought)
        answer = thinker.post(path, json=body)
        assert answer.status_code == 200, answer.text
        counts.append(answer.json()[name])
    plain = len(thinker.post("/tokenize", json={"content": f"<think>{THOUGHT}</think>"}).json()["tokens"])
    assert abs(counts[1] - counts[0] - plain) <= 2  # line ends


def test_templates_that_write_no_thoughts_read_none(client: TestClient) -> None:
    counts = {client.post(path, json=body).json()[name] for path, body, name in (chat(""), chat(THOUGHT))}
    assert len(counts) == 1


def test_a_thought_without_an_answer_is_no_message(thinker: TestClient) -> None:
    thought = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": THOUGHT}]}
    items = [thought, *user("hello")]
    path = "/v1/responses/input_tokens"
    assert thinker.post(path, json={"input": items}).json() == thinker.post(path, json={"input": items[1:]}).json()

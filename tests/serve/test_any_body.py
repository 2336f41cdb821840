"""Whatever a client sends, a fault of the client is never a 500, and an error has its API's form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

import edge_lam
from edge_lam.serve import ServeOptions, app
from tests.serve.served import TIME, TOOLS, user

BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": user("hello"), "tools": TOOLS},
    "/v1/completions": {"prompt": "hello"},
    "/v1/responses": {"input": user("hello"), "tools": [{"type": "function", **TIME["function"]}]},
    "/v1/messages": {"messages": user("hello"), "max_tokens": 3, "system": "Be short."},
    "/api/chat": {"messages": user("hello"), "tools": TOOLS, "options": {"temperature": 0}},
    "/v1/chat/completions/input_tokens": {"messages": user("hello"), "tools": TOOLS},
    "/apply-template": {"messages": user("hello"), "tools": TOOLS},
    "/tokenize": {"content": "hello"},
    "/detokenize": {"tokens": [1, 2]},
    "/edge_lam/approvals": {"id": "a", "allow": True},
}
FIELDS = (
    *("messages", "tools", "tool_choice", "parallel_tool_calls", "response_format", "temperature", "top_p", "top_k"),
    *("min_p", "seed", "stop", "logit_bias", "logprobs", "top_logprobs", "max_tokens", "max_completion_tokens", "n"),
    *("stream", "stream_options", "edge_lam", "prompt", "echo", "input", "instructions", "text", "include", "system"),
    *("stop_sequences", "format", "options", "think", "metadata", "content", "add_special", "with_pieces", "tokens"),
    *("type", "role", "function", "arguments", "name", "schema", "id", "allow"),
)
texts = st.text(max_size=12) | st.sampled_from(
    ("auto", "required", "user", "tool", "function", "json_schema", "\ud800")
)
numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | texts, inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def strict(lam: edge_lam.LAM) -> TestClient:
    options = ServeOptions(max_tokens=2, max_choices=2, timeout=5.0)
    return TestClient(app(lam, options), raise_server_exceptions=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(sorted(BODIES)), changes=st.dictionaries(st.sampled_from(FIELDS), values, max_size=3))
def test_no_body_is_a_fault_of_ours(strict: TestClient, path: str, changes: dict[str, Any]) -> None:
    answer = strict.post(path, content=json.dumps({**BODIES[path], **changes}))
    assert answer.status_code in (200, 400, 404)
    if answer.status_code != 200:
        told = answer.json()["error"]
        assert told if isinstance(told, str) else told["message"]

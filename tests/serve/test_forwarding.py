"""Requests that another process answers: the same answers, and what clients see of a process that is lost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.testclient import TestClient

import edge_lam
from edge_lam.serve import app
from edge_lam.serve.errors import RequestError
from edge_lam.serve.forwarding import MAX_UNREAD, Forwarded, ForwardedResponse, Message, ReplicaLostError, answered
from tests.serve.served import CHAT, NOTES, TIME, TOOLS, events_of, long_reply, user

Begin = Callable[[Forwarded], AsyncGenerator[Message, None]]
ASKED: dict[str, Any] = {"messages": user("what time is it in Oslo?"), "tools": TOOLS, "tool_choice": "required"}


def door(begin: Begin) -> TestClient:
    """A client of a server that answers nothing itself."""

    async def forward(request: Request) -> Any:
        return ForwardedResponse(Forwarded.of(request.scope, await request.body()), begin)

    routes = [Route("/{path:path}", forward, methods=["GET", "POST"])]
    return TestClient(Starlette(routes=routes), raise_server_exceptions=False)


def lost_after(n_messages: int, lam: edge_lam.LAM, n_times: int = 1) -> Begin:
    """What begins answers that end amid themselves, so many times."""
    application, left = app(lam), [n_times]

    async def begin(asked: Forwarded) -> AsyncGenerator[Message, None]:
        left[0] -= 1
        n = 0
        async for message in answered(application, asked):
            if left[0] >= 0 and n == n_messages:
                raise ReplicaLostError
            n += 1
            yield message

    return begin


def calls(answer: dict[str, Any]) -> Any:
    return [call["function"] for call in answer["choices"][0]["message"]["tool_calls"]]


def test_answers_are_the_same(lam: edge_lam.LAM, client: TestClient) -> None:
    application = app(lam)
    forwarding = door(lambda asked: answered(application, asked))
    assert calls(forwarding.post(CHAT, json=ASKED).json()) == calls(client.post(CHAT, json=ASKED).json())
    streamed = forwarding.post(CHAT, json={**ASKED, "stream": True})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    assert events_of(streamed.text)[-1] == "[DONE]"
    assert forwarding.get("/health").status_code == 200
    refused = forwarding.post(CHAT, json={"messages": 3})
    assert (refused.status_code, refused.json()) == (400, client.post(CHAT, json={"messages": 3}).json())
    assert forwarding.post(CHAT, content=b"{").json()["error"]["code"] == "invalid_json"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("n_messages", [0, 1])
def test_another_process_is_asked_if_the_first_is_lost_before_its_answer(
    lam: edge_lam.LAM, n_messages: int, stream: bool
) -> None:
    answer = door(lost_after(n_messages, lam)).post(CHAT, json={**ASKED, "stream": stream})
    assert answer.status_code == 200
    assert "replica_lost" not in answer.text


@pytest.mark.parametrize("more", [{}, {"edge_lam": {"run_tools": True}}])
def test_what_can_not_be_answered_by_any_is_told(lam: edge_lam.LAM, more: dict[str, Any]) -> None:
    answer = door(lost_after(0, lam, n_times=1 if more else 99)).post(CHAT, json={**ASKED, **more})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "replica_lost")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, ASKED),
        ("/v1/completions", {"prompt": "hello"}),
        ("/v1/responses", {"input": "hello"}),
        ("/v1/messages", {"messages": user("hello"), "max_tokens": 9}),
        ("/api/chat", {"messages": user("hello")}),
    ],
)
def test_an_answer_that_breaks_off_says_so_in_the_words_of_its_api(
    lam: edge_lam.LAM, path: str, body: dict[str, Any]
) -> None:
    answer = door(lost_after(3, lam)).post(path, json={**body, "stream": True})
    last = answer.text.strip().splitlines()[-1].removeprefix("data: ")
    told = json.loads(last)
    assert "lost" in str(told), last
    assert told.get("type", "error") == "error"
    assert ("event: error" in answer.text) == (path in ("/v1/responses", "/v1/messages"))


def test_a_client_that_goes_away_ends_the_reply_there(lam: edge_lam.LAM) -> None:
    async def leave() -> None:
        body = json.dumps(long_reply(stream=True)).encode()
        scope = {"type": "http", "method": "POST", "path": CHAT, "headers": [], "query_string": b"", "scheme": "http"}
        messages = answered(app(lam), Forwarded.of(scope, body))
        for _ in range(4):
            await anext(messages)
        assert lam.engine.core.activity.running
        await messages.aclose()

    asyncio.run(leave())
    deadline = time.monotonic() + 60
    while lam.engine.core.activity.running:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_reader_that_takes_nothing_gets_no_more_of_it(lam: edge_lam.LAM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_lam.serve.forwarding.SLOW_SECONDS", 0.2)
    log: list[dict[str, Any]] = []
    application = app(lam, access_log=lambda line: log.append(json.loads(line)))

    async def read() -> list[Message]:
        body = json.dumps(long_reply(stream=True)).encode()
        scope = {"type": "http", "method": "POST", "path": CHAT, "headers": [], "query_string": b"", "scheme": "http"}
        messages = answered(application, Forwarded.of(scope, body))
        taken = [await anext(messages) for _ in range(4)]
        deadline = time.monotonic() + 60
        while lam.engine.core.activity.running or not log:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)

        async def take() -> None:
            while True:
                taken.append(await anext(messages))

        with pytest.raises(RequestError, match="nothing of the answer was taken"):
            await take()
        return taken

    taken = asyncio.run(read())
    assert len(taken) <= 4 + MAX_UNREAD
    assert not any(b"[DONE]" in message.get("body", b"") for message in taken)
    assert [(line["status"], line["error"]) for line in log] == [(499, "client_too_slow")]


def test_a_reader_that_pauses_gets_all_of_it(lam: edge_lam.LAM) -> None:
    async def read() -> str:
        body = json.dumps({**long_reply(stream=True), "max_tokens": 4 * MAX_UNREAD}).encode()
        scope = {"type": "http", "method": "POST", "path": CHAT, "headers": [], "query_string": b"", "scheme": "http"}
        messages = answered(app(lam), Forwarded.of(scope, body))
        parts = [await anext(messages)]
        while lam.engine.core.activity.running:  # it is whole before the next piece is taken
            await asyncio.sleep(0.01)
        parts += [message async for message in messages]
        return b"".join(message.get("body", b"") for message in parts).decode()

    told = asyncio.run(read())
    assert events_of(told)[-1] == "[DONE]"


def test_prompts_that_begin_alike_have_the_same_prefix() -> None:
    def prefix(**body: Any) -> str:
        return Forwarded.of({"path": CHAT}, json.dumps(body).encode()).prefix

    one = prefix(messages=user("a"), tools=TOOLS)
    assert one
    assert one == prefix(messages=user("b"), tools=TOOLS, stream=True)
    system = {"role": "system", "content": "Be short."}
    others = [
        prefix(messages=user("a"), tools=[TIME]),
        prefix(messages=user("a"), tools=[NOTES]),
        prefix(messages=[system, *user("a")], tools=TOOLS),
        prefix(messages=[system, *user("a")]),
        prefix(messages=user("a"), tools=TOOLS, model="m:adapter"),
        prefix(prompt="once upon a time"),
    ]
    assert len({one, *others}) == 7
    assert prefix(messages=user("a")) == prefix() == Forwarded.of({"path": CHAT}, b"\xff").prefix == ""

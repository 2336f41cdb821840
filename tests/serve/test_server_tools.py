"""Tools that the server runs: only if they were given, only if asked to, and only as they are approved."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from starlette.testclient import TestClient

import edge_lam
from edge_lam.errors import InvalidRequest
from edge_lam.serve import ServerTools, app
from edge_lam.serve.model import ServedModel
from edge_lam.tools import as_tools
from tests.serve.served import CHAT, TIME, events_of, serving, user

ASKED = {"messages": user("what time is it in Oslo?"), "edge_lam": {"run_tools": True}}
SECONDS = 120.0


class Ran:
    """Tools that note what ran."""

    def __init__(self) -> None:
        self.cities: list[str] = []
        self.tools = as_tools([self.get_time, self.add_note])

    def get_time(self, city: str) -> dict[str, str]:
        """Get the current time in a city or time zone.

        Args:
            city: City or time zone
        """
        self.cities.append(city)
        return {"city": city, "time": "09:16"}

    def add_note(self, text: str) -> dict[str, str]:
        """Save a note.

        Args:
            text: What to remember
        """
        raise OSError("the disk is full")


@pytest.fixture
def ran() -> Ran:
    return Ran()


def client_of(lam: edge_lam.LAM, ran: Ran, **more: Any) -> TestClient:
    return TestClient(app(lam, tools=ServerTools(ran.tools, **more)), raise_server_exceptions=False)


def ours(chunks: list[Any], name: str) -> list[Any]:
    return [chunk["edge_lam"][name] for chunk in chunks if chunk != "[DONE]" and name in chunk.get("edge_lam", ())]


def test_the_whole_answer_and_how_to_go_on(lam: edge_lam.LAM, ran: Ran) -> None:
    client = client_of(lam, ran, approval="never")
    answer = client.post(CHAT, json=ASKED).json()
    (choice,) = answer["choices"]
    assert choice["message"]["content"] == "It is 09:16 in Oslo."
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "stop"
    assert ran.cities == ["Oslo"]
    added = answer["edge_lam"]["messages"]
    assert [message["role"] for message in added] == ["assistant", "tool", "assistant"]
    more = {**ASKED, "messages": [*ASKED["messages"], *added, *user("what time is it in Oslo?")]}
    assert client.post(CHAT, json=more).status_code == 200
    assert answer["usage"]["completion_tokens"] > 10


def test_a_stream_tells_starts_and_results(lam: edge_lam.LAM, ran: Ran) -> None:
    body = {**ASKED, "stream": True, "stream_options": {"include_usage": True}}
    chunks = events_of(client_of(lam, ran, approval="never").post(CHAT, json=body).text)
    (started,), (finished,) = ours(chunks, "tool_started"), ours(chunks, "tool_finished")
    assert (started["name"], started["arguments"]) == ("get_time", {"city": "Oslo"})
    assert finished["id"] == started["id"]
    assert finished["result"] == {"city": "Oslo", "time": "09:16"}
    assert finished["outcome"] == "ok"
    deltas = [choice["delta"] for chunk in chunks[:-1] for choice in chunk["choices"]]
    assert not any("tool_calls" in delta for delta in deltas)
    assert "".join(delta.get("content") or "" for delta in deltas) == "It is 09:16 in Oslo."
    reasons = [choice["finish_reason"] for chunk in chunks[:-1] for choice in chunk["choices"]]
    assert [reason for reason in reasons if reason] == ["stop"]
    assert chunks[-2]["usage"]["completion_tokens"] > 10


def test_openais_client_reads_it_as_any_answer(lam: edge_lam.LAM, ran: Ran) -> None:
    with serving(lam, tools=ServerTools(ran.tools, approval="never")) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="any")
        asked: Any = {"model": "any", "messages": ASKED["messages"], "extra_body": {"edge_lam": {"run_tools": True}}}
        assert client.chat.completions.create(**asked).choices[0].message.content == "It is 09:16 in Oslo."
        with client.chat.completions.stream(**asked) as stream:
            assert stream.get_final_completion().choices[0].message.content == "It is 09:16 in Oslo."


def test_a_tool_that_fails_is_a_result(lam: edge_lam.LAM, ran: Ran) -> None:
    body = {"messages": user("note: buy milk"), "edge_lam": {"run_tools": True}, "stream": True}
    chunks = events_of(client_of(lam, ran, approval="never").post(CHAT, json=body).text)
    assert ours(chunks, "tool_finished")[0]["outcome"] == "failed"
    assert chunks[-1] == "[DONE]"


def test_only_tools_of_the_list_run(lam: edge_lam.LAM, ran: Ran) -> None:
    client = client_of(lam, ran, approval="list", allowed=["add_note"])
    chunks = events_of(client.post(CHAT, json={**ASKED, "stream": True}).text)
    assert ours(chunks, "tool_finished")[0]["outcome"] == "denied"
    assert ran.cities == []
    client_of(lam, ran, approval="list", allowed=["get_time"]).post(CHAT, json=ASKED)
    assert ran.cities == ["Oslo"]


@pytest.fixture
def asking(lam: edge_lam.LAM, ran: Ran) -> Iterator[httpx2.Client]:
    with serving(lam, tools=ServerTools(ran.tools)) as url, httpx2.Client(base_url=url, timeout=SECONDS) as client:
        yield client


@pytest.mark.parametrize("allow", [True, False])
def test_the_client_is_asked(asking: httpx2.Client, ran: Ran, allow: bool) -> None:
    chunks = []
    with asking.stream("POST", CHAT, json={**ASKED, "stream": True}) as answer:
        for line in answer.iter_lines():
            chunks += events_of(line)
            if line and (asked := ours(chunks[-1:], "approval")):
                assert ran.cities == []
                said = {"id": asked[0]["id"], "allow": allow, "reason": "not now"}
                assert httpx2.post(asking.base_url.join("/edge_lam/approvals"), json=said).status_code == 200
                assert httpx2.post(asking.base_url.join("/edge_lam/approvals"), json=said).status_code == 404
    assert ran.cities == (["Oslo"] if allow else [])
    (finished,) = ours(chunks, "tool_finished")[:1]
    assert finished["outcome"] == ("ok" if allow else "denied")
    assert allow or "not now" in json.dumps(finished["result"])


def test_nobody_can_be_asked_about_an_answer_that_is_not_streamed(lam: edge_lam.LAM, ran: Ran) -> None:
    assert client_of(lam, ran).post(CHAT, json=ASKED).status_code == 200
    assert ran.cities == []


def test_a_client_that_leaves_while_it_is_asked_ends_the_run(asking: httpx2.Client, ran: Ran) -> None:
    with asking.stream("POST", CHAT, json={**ASKED, "stream": True}) as answer:
        for line in answer.iter_lines():
            if asked := ours(events_of(line), "approval"):
                break
    said = {"id": asked[0]["id"], "allow": True}
    deadline = threading.Event()
    for _ in range(500):
        if asking.post("/edge_lam/approvals", json={**said, "allow": False}).status_code == 404:
            break
        deadline.wait(0.02)
    assert ran.cities == []


def test_a_server_that_stops_says_so_while_a_tool_runs(lam: edge_lam.LAM) -> None:
    begun, leave = threading.Event(), threading.Event()

    def get_time(city: str) -> str:
        """Get the current time in a city or time zone.

        Args:
            city: City or time zone
        """
        begun.set()
        leave.wait(SECONDS)
        return city

    answers = dict[bool, Any]()

    def ask(url: str, stream: bool) -> None:
        body = {**ASKED, "stream": stream, "stream_options": {"include_usage": True}}
        answers[stream] = httpx2.post(url + CHAT, json=body, timeout=SECONDS)

    for stream in (False, True):
        served = ServedModel.of(lam)
        with serving(served, tools=ServerTools(as_tools([get_time]), approval="never")) as url:
            begun.clear()
            asking = threading.Thread(target=ask, args=(url, stream))
            asking.start()
            assert begun.wait(SECONDS)
            served.stop()
            asking.join()
    leave.set()
    assert answers[False].status_code == 503
    assert events_of(answers[True].text)[-1]["error"]["code"] == "closed"


def test_what_is_not_given_does_not_run(lam: edge_lam.LAM, client: TestClient, ran: Ran) -> None:
    refused = client.post(CHAT, json=ASKED)
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "edge_lam"
    assert client.get("/edge_lam/tools").json()["tools"] == []
    assert client.post("/edge_lam/approvals", json={"id": "a", "allow": True}).status_code == 404
    with_tools = client_of(lam, ran, approval="never")
    plain = with_tools.post(CHAT, json={"messages": ASKED["messages"], "tools": [TIME]}).json()
    assert plain["choices"][0]["finish_reason"] == "tool_calls"
    assert ran.cities == []
    for more in ({"tools": [TIME]}, {"n": 2}, {"edge_lam": {"run_tools": "yes"}}, {"edge_lam": {"other": 1}}):
        assert with_tools.post(CHAT, json={**ASKED, **more}).status_code == 400, more


def test_tools_are_told(lam: edge_lam.LAM, ran: Ran) -> None:
    told = client_of(lam, ran).get("/edge_lam/tools").json()
    assert told["approval"] == "ask"
    assert [tool["name"] for tool in told["tools"]] == ["get_time", "add_note"]


def test_tools_that_can_not_be_run_are_refused(ran: Ran) -> None:
    with pytest.raises(InvalidRequest, match="has no function"):
        ServerTools(as_tools([TIME]))
    with pytest.raises(InvalidRequest, match="no tool 'nobody'"):
        ServerTools(ran.tools, approval="list", allowed=["nobody"])

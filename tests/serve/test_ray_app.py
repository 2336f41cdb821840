"""Two replicas on a local Ray: prompts find the one that has their tools, and a killed one loses no reply unsaid."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import psutil
import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.serve.forwarding import Forwarded
from tests.serve.served import CHAT, TOOLS, events_of, tool, user

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'edge-lam[ray]'")
serve = pytest.importorskip("ray.serve", reason="Ray Serve is not installed: pip install 'edge-lam[ray]'")

from edge_lam.serve.ray_app import PrefixRouter, QueuePolicy, app, take_cores  # noqa: E402

SECONDS = 300.0
KEY = "the-key"
ASKED: dict[str, Any] = {"messages": user("what time is it in Oslo?"), "tools": TOOLS, "tool_choice": "required"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two replicas, as `serve run` passes it on."""
    keys = tmp_path_factory.mktemp("ray") / "keys.txt"
    keys.write_text(KEY)
    return {"min_replicas": "2", "max_replicas": "2", "n_ctx": "2048", "parallel": "2", "api_key_file": str(keys)}


@pytest.fixture(scope="module")
def served(settings: dict[str, str]) -> Iterator[str]:
    """The URL of two replicas; RAY_ADDRESS names a Ray that runs already."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    if not os.environ.get("RAY_ADDRESS"):
        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(app(settings))
    yield f"http://127.0.0.1:{port}"
    serve.shutdown()
    ray.shutdown()


def client() -> httpx2.Client:
    return httpx2.Client(headers={"authorization": f"Bearer {KEY}"}, timeout=SECONDS)


def replicas() -> list[psutil.Process]:
    """Return the processes of replicas."""
    name = "Replica:default:Replica"
    return [one for one in psutil.process_iter(["cmdline"]) if name in "".join(one.info["cmdline"] or ())]


def test_a_prompt_finds_the_replica_that_has_its_tools(served: str) -> None:
    assert len(replicas()) == 2
    with client() as asking:
        for index in range(6):
            tools = [tool(f"look_up_{index}", f"Look something up in book {index}.", word={"type": "string"}), *TOOLS]
            usages = [
                asking.post(served + CHAT, json={"messages": user(text), "tools": tools, "max_tokens": 4}).json()[
                    "usage"
                ]
                for text in ("hello", "look up a word")
            ]
            cached = usages[1]["prompt_tokens_details"]["cached_tokens"]
            assert cached > usages[1]["prompt_tokens"] / 2, usages


def test_the_door_checks_who_asks_and_passes_errors_on(served: str) -> None:
    assert httpx2.post(served + CHAT, json=ASKED, timeout=SECONDS).status_code == 401
    with client() as asking:
        refused = asking.post(served + CHAT, json={"messages": 3})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "messages")
        assert asking.get(served + "/health").json()["status"] == "ok"
        assert asking.get(served + "/metrics").status_code == 404


def outcome(asking: httpx2.Client, url: str, *, stream: bool) -> str:
    """Ask, and return what came of it; anything but what is named here is a fault."""
    answer = asking.post(url + CHAT, json={**ASKED, "stream": stream})
    if answer.status_code in (429, 503):
        assert "retry-after" in answer.headers
        return str(answer.json()["error"]["code"])
    assert answer.status_code == 200, answer.text
    if not stream:
        (call,) = answer.json()["choices"][0]["message"]["tool_calls"]
        assert json.loads(call["function"]["arguments"]) == {"city": "Oslo"}
        return "right"
    *chunks, last = events_of(answer.text)
    if last != "[DONE]":
        return str(last["error"]["code"])
    deltas = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert json.loads("".join(delta["function"].get("arguments", "") for delta in deltas)) == {"city": "Oslo"}
    return "right"


def test_a_replica_that_is_killed_loses_no_reply_unsaid(served: str) -> None:
    found, faults, ends = Counter[str](), list[BaseException](), time.monotonic() + 20

    def ask(stream: bool) -> None:
        with client() as asking:
            try:
                while time.monotonic() < ends:
                    found[outcome(asking, served, stream=stream)] += 1
            except Exception as error:  # a connection that breaks off, an answer that is none
                faults.append(error)

    threads = [threading.Thread(target=ask, args=(index % 2 == 0,)) for index in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(5)
    victim = replicas()[0]
    victim.send_signal(signal.SIGKILL)
    for thread in threads:
        thread.join()
    assert not faults, faults[:3]
    assert found["right"] > 0
    assert found.keys() <= {"right", "busy", "replica_lost", "no_replica"}
    deadline = time.monotonic() + SECONDS
    while len(replicas()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    with client() as asking:
        assert outcome(asking, served, stream=False) == "right"


def test_replicas_are_added_while_more_replies_are_open_than_one_has_room_for(
    served: str, settings: dict[str, str]
) -> None:
    serve.delete("default")  # an application that is only changed keeps its replicas for ten minutes
    serve.run(app({**settings, "min_replicas": "1", "parallel": "1", "patience": "1"}))
    deadline, found, n_most = time.monotonic() + SECONDS, Counter[str](), list[int]()
    assert len(replicas()) == 1

    def ask() -> None:
        with client() as asking:
            while not n_most and time.monotonic() < deadline:
                found[outcome(asking, served, stream=False)] += 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(replicas()) != 2 and time.monotonic() < deadline:
        time.sleep(0.5)
    n_most.append(len(replicas()))
    for thread in threads:
        thread.join()
    assert n_most == [2]
    assert found.keys() == {"right"}


@pytest.mark.parametrize(("n_open", "n_queued", "wanted"), [(0, 0, 0), (4, 0, 1), (5, 0, 2), (4, 5, 3)])
def test_replicas_are_wanted_by_the_replies_that_are_open(n_open: int, n_queued: int, wanted: int) -> None:
    class Context:
        aggregated_metrics = {"edge_lam_replies_open": {"one": n_open - 1, "other": 1}} if n_open else None
        total_queued_requests = n_queued

    assert QueuePolicy(open_each=4)(Context()) == (wanted, {})


def ranks(prefix: str, *replicas: str) -> list[list[str]]:
    """The replicas that a prompt with a prefix is sent to, in the order in which they are tried."""
    candidates = [SimpleNamespace(replica_id=SimpleNamespace(unique_id=name)) for name in replicas]
    pending = SimpleNamespace(args=[Forwarded({}, b"", prefix)])
    found = asyncio.run(PrefixRouter.choose_replicas(cast("Any", None), candidates, pending))
    return [[one.replica_id.unique_id for one in rank] for rank in found]


def test_a_prefix_keeps_its_replica_while_others_come_and_go() -> None:
    names, prefixes = [f"r{number}" for number in range(5)], [f"p{number}" for number in range(50)]
    for prefix in prefixes:
        order = ranks(prefix, *names)
        assert order == ranks(prefix, *reversed(names))
        assert sorted(order) == [[name] for name in names]
        for gone in names:
            assert ranks(prefix, *(name for name in names if name != gone)) == [one for one in order if one != [gone]]
    assert len({ranks(prefix, *names)[0][0] for prefix in prefixes}) == len(names)


def test_a_prompt_without_a_prefix_may_go_anywhere() -> None:
    assert ranks("", "r1", "r2") == [["r1", "r2"]]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no way to hold threads to cores")
def test_no_two_replicas_have_the_same_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_LAM_HOME", str(tmp_path))
    before = os.sched_getaffinity(0)
    taken, locks = list[set[int]](), []
    try:
        for _ in range(len(before) + 1):
            locks.append(take_cores(1))
            taken.append(os.sched_getaffinity(0))
            os.sched_setaffinity(0, before)
    finally:
        os.sched_setaffinity(0, before)
    assert set.union(*taken[:-1]) == before
    assert all(len(cores) == 1 for cores in taken[:-1])
    assert (locks[-1], taken[-1]) == (None, before)


@pytest.mark.parametrize("wrong", [{"no_such_setting": 1}, {"cores": "many"}, {"cores": 0}])
def test_settings_that_are_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match=next(iter(wrong))):
        app(wrong)

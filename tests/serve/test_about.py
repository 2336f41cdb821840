"""What the server tells of itself and its tokens."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient

import edge_lam
from edge_lam.errors import Closed, ModelNotFound
from edge_lam.serve import app
from edge_lam.serve.metrics import Metrics
from edge_lam.serve.model import ServedModel
from tests.serve.served import CHAT, NOTE, TIME, counted, long_reply, serving, user


def test_models(client: TestClient, lam: edge_lam.LAM) -> None:
    listed = client.get("/v1/models").json()
    (model,) = listed["data"]
    assert listed["object"] == "list"
    assert model["id"] == "tiny-lam"
    assert model["object"] == "model"
    assert model["meta"]["n_ctx"] == 4096
    assert model["meta"]["license"] == "apache-2.0"
    assert model["meta"]["format"] == "xlam-2-qwen"
    assert client.get("/v1/models/tiny-lam").json() == model
    missing = client.get("/v1/models/gpt-4")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"


def test_an_alias(lam: edge_lam.LAM) -> None:
    client = TestClient(app(ServedModel.of(lam, "my/model")))
    (model,) = client.get("/v1/models").json()["data"]
    assert model["id"] == "my/model"
    assert model["aliases"] == ["tiny-lam"]
    assert client.get("/v1/models/my/model").status_code == 200


def test_props_tell_no_paths(client: TestClient) -> None:
    props = client.get("/props").json()
    assert props["model_path"] == "tiny-lam-Q8_0.gguf"
    assert props["total_slots"] == 2
    assert props["default_generation_settings"]["n_ctx"] == 4096


def test_health_while_the_model_loads(lam: edge_lam.LAM) -> None:
    loading, failures, ready = threading.Event(), list[BaseException](), threading.Event()

    def load() -> edge_lam.LAM:
        loading.wait()
        return lam

    served = ServedModel(load)
    served.start(ready.set, failures.append)
    client = TestClient(app(served))
    for answer in (client.get("/health"), client.post("/v1/chat/completions", json={"messages": user("hello")})):
        assert answer.status_code == 503
        assert answer.json()["error"]["code"] == "loading"
        assert int(answer.headers["retry-after"]) >= 1
    loading.set()
    ready.wait()
    assert client.get("/health").json()["status"] == "ok"
    assert not failures


def test_a_model_that_can_not_be_loaded() -> None:
    failed = threading.Event()

    def load() -> edge_lam.LAM:
        raise ModelNotFound("no such model")

    served = ServedModel(load)
    served.start(lambda: None, lambda error: failed.set())
    failed.wait()
    assert TestClient(app(served)).get("/health").status_code == 503


def test_tokens_and_back(client: TestClient) -> None:
    text = "What is the capital of 媽 🤗?"
    tokens = client.post("/tokenize", json={"content": text}).json()["tokens"]
    assert client.post("/detokenize", json={"tokens": tokens}).json() == {"content": text}
    pieces = client.post("/tokenize", json={"content": text, "with_pieces": True}).json()["tokens"]
    assert [piece["id"] for piece in pieces] == tokens
    data = b"".join(p.encode() if isinstance(p, str) else bytes(p) for p in (piece["piece"] for piece in pieces))
    assert data.decode() == text
    special = client.post("/tokenize", json={"content": "<|im_end|>"}).json()["tokens"]
    plain = client.post("/tokenize", json={"content": "<|im_end|>", "parse_special": False}).json()["tokens"]
    assert len(special) == 1 < len(plain)
    for path, body in (
        ("/tokenize", {"content": 3}),
        ("/detokenize", {"tokens": [10**7]}),
        ("/detokenize", {"tokens": [-1]}),
        ("/detokenize", {"tokens": "text"}),
        ("/detokenize", {"tokens": [10**400]}),
    ):
        assert client.post(path, json=body).status_code == 400, body


def test_the_prompt_of_messages(client: TestClient) -> None:
    body = {"messages": user("what time is it?"), "tools": [TIME]}
    prompt = client.post("/apply-template", json=body).json()["prompt"]
    assert "get_time" in prompt
    assert prompt.endswith("<|im_start|>assistant\n")
    counted = client.post("/v1/chat/completions/input_tokens", json=body).json()["input_tokens"]
    assert counted == client.post("/v1/chat/completions", json=body).json()["usage"]["prompt_tokens"]
    assert client.post("/apply-template", json={"messages": 3}).status_code == 400


def test_metrics(lam: edge_lam.LAM) -> None:
    client = TestClient(app(lam))
    body = {"messages": user("what time is it in Oslo?"), "tools": [TIME, NOTE]}
    answers = [client.post("/v1/chat/completions", json=body).json() for _ in range(2)]
    client.post("/v1/chat/completions", json={"messages": []})
    client.get("/no-such-path")
    told = client.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain")
    values = dict(line.rsplit(" ", 1) for line in told.text.splitlines() if not line.startswith("#"))
    timings = [answer["timings"] for answer in answers]
    assert float(values["llamacpp:prompt_tokens_total"]) == sum(one["prompt_n"] for one in timings)
    assert float(values["llamacpp:prompt_tokens_cached_total"]) == sum(one["cache_n"] for one in timings)
    assert float(values["llamacpp:tokens_predicted_total"]) == sum(one["predicted_n"] for one in timings)
    drafts, drafted = (float(values[f"llamacpp:spec_decode_num_{name}_total"]) for name in ("drafts", "draft_tokens"))
    assert drafts <= drafted
    assert bool(drafts) == bool(drafted)
    assert float(values["llamacpp:requests_processing"]) == float(values["edge_lam_replies_open"]) == 0
    assert float(values["edge_lam_cut_at_name_count"]) == 2
    assert float(values["edge_lam_mask_seconds_total"]) > 0
    assert float(values["edge_lam_restored_prefixes_total"]) == 0  # this model keeps none
    assert float(values['edge_lam_calls_total{tool="get_time"}']) == 2
    assert float(values["edge_lam_calls_invalid_total"]) == 0
    assert float(values["edge_lam_forced_tokens_total"]) > 0
    assert float(values["edge_lam_first_token_seconds_count"]) == 2
    assert float(values["edge_lam_resident_bytes"]) > 0
    assert float(values['edge_lam_requests_total{path="/v1/chat/completions",status="200"}']) == 2
    assert float(values['edge_lam_requests_total{path="/v1/chat/completions",status="400"}']) == 1
    assert "no-such-path" not in told.text


def test_metrics_of_what_goes_on(tiny_lam_path: Path, tmp_path: Path) -> None:
    with (
        edge_lam.load(tiny_lam_path, n_parallel=2, log="off", prefix_cache=tmp_path) as lam,
        serving(lam) as url,
        contextlib.ExitStack() as stack,
    ):
        lines = []  # a generator that is gone would close its connection
        for _ in range(3):  # two are written, one waits
            asked = stack.enter_context(httpx2.stream("POST", url + CHAT, json=long_reply(stream=True), timeout=120))
            lines.append(asked.iter_lines())
            next(lines[-1])
        deadline = time.monotonic() + 60
        while (values := counted(url))["llamacpp:n_busy_slots_per_decode"] <= 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert 1 < values["llamacpp:n_busy_slots_per_decode"] <= 2
        assert values["llamacpp:requests_processing"] == 2
        assert values["llamacpp:requests_deferred"] == 1
        assert values["edge_lam_replies_open"] == 3


def test_names_of_tools_take_no_end_of_memory(lam: edge_lam.LAM) -> None:
    metrics = Metrics(ServedModel.of(lam), max_tools=2)
    for index in range(4):
        name = f"get_time_{index}"
        tool = {"type": "function", "function": {**TIME["function"], "name": name}}
        metrics.reply_finished(lam.chat("hello", tools=[tool], tool_choice=name, max_tokens=60))
    counted = [line for line in metrics.text().decode().splitlines() if line.startswith("edge_lam_calls_total{")]
    assert counted[-1].startswith('edge_lam_calls_total{tool="(other)"} 2')
    assert len(counted) == 3


def test_a_model_that_nobody_asks_is_freed_and_comes_back(tiny_lam_path: Path) -> None:
    loaded = list[edge_lam.LAM]()

    def load() -> edge_lam.LAM:
        loaded.append(edge_lam.load(tiny_lam_path, log="off"))
        return loaded[-1]

    async def run() -> None:
        served, ready = ServedModel(load, idle_unload=0.05), threading.Event()
        asgi = app(served)
        served.start(ready.set, lambda error: None)
        await asyncio.to_thread(ready.wait)
        transport = httpx2.ASGITransport(asgi)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test", timeout=60) as client:
            asked = {"messages": user("hello")}
            first = (await client.post("/v1/chat/completions", json=asked)).json()
            while (await client.get("/health")).json()["loaded"]:
                await asyncio.sleep(0.02)
            with pytest.raises(Closed):
                loaded[0].chat("hello")
            assert (await client.get("/v1/models")).json()["data"][0]["id"] == "tiny-lam"
            assert len(loaded) == 1  # what is known of it needs no model
            answers = await asyncio.gather(*(client.post("/v1/chat/completions", json=asked) for _ in range(3)))
            assert [answer.status_code for answer in answers] == [200] * 3
            assert answers[0].json()["choices"][0]["message"] == first["choices"][0]["message"]
            assert len(loaded) == 2
        served.close()

    asyncio.run(run())


def test_a_model_that_can_not_be_loaded_again_is_tried_again(tiny_lam_path: Path) -> None:
    n_loads = 0

    def load() -> edge_lam.LAM:
        nonlocal n_loads
        n_loads += 1
        if n_loads == 2:
            raise ModelNotFound("it is gone")
        return edge_lam.load(tiny_lam_path, log="off")

    async def run() -> None:
        served, ready = ServedModel(load, idle_unload=0.01), threading.Event()
        transport = httpx2.ASGITransport(app(served))
        served.start(ready.set, lambda error: None)
        await asyncio.to_thread(ready.wait)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test", timeout=60) as client:
            statuses = []
            for _ in range(3):
                statuses.append((await client.post("/tokenize", json={"content": "a"})).status_code)
                while (await client.get("/health")).json()["loaded"]:
                    await asyncio.sleep(0.01)
        assert statuses == [200, 500, 200]
        served.close()

    asyncio.run(run())


def test_tools_are_linted(client: TestClient) -> None:
    told = client.post(
        "/edge_lam/lint", json={"tools": [TIME, {"name": "f", "parameters": {"type": "hunt"}}, 3]}
    ).json()
    good, wrong, nothing = told["tools"]
    assert good["refused"] is None
    assert {keyword["verdict"] for keyword in good["keywords"]} == {"grammar"}
    assert told["tokens"] == good["tokens"] > 10
    assert told["context"] == 4096
    assert wrong["refused"]["path"] == "/type"
    assert nothing["name"] == "tool 3"
    for tools in (None, "get_time", [TIME] * 200):
        refused = client.post("/edge_lam/lint", json={"tools": tools})
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "tools"

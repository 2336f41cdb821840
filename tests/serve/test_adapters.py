"""Adapters of a served model, chosen by what clients call the model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import edge_lam
from edge_lam.serve import app
from tests.adapters import write_lora
from tests.serve.served import user

PATHS = {"/v1/chat/completions": "messages", "/v1/completions": "prompt", "/v1/responses": "input"}


@pytest.fixture(scope="module")
def adapted(tiny_lam_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a model with two adapters."""
    folder = tmp_path_factory.mktemp("adapters")
    files = {
        name: write_lora(folder / f"{name}.gguf", tiny_lam_path, seed=seed)
        for seed, name in enumerate(("notes", "mail"))
    }
    with edge_lam.load(adapters=files, log="off", prefix_cache=False) as lam:
        yield TestClient(app(lam), raise_server_exceptions=False)


def logprob(client: TestClient, model: str) -> float:
    asked = {"messages": user("hello"), "max_tokens": 1, "logprobs": True, "model": model}
    answer = client.post("/v1/chat/completions", json=asked).json()
    return float(answer["choices"][0]["logprobs"]["content"][0]["logprob"])


def test_the_name_of_the_model_chooses_an_adapter(adapted):
    chosen = {name: logprob(adapted, name) for name in ("tiny-lam", "tiny-lam:notes", "tiny-lam:mail")}
    assert len(set(chosen.values())) == 3
    for same in ("gpt-4", "tiny-lam:latest", "other:notes"):
        assert logprob(adapted, same) == chosen["tiny-lam"]
    assert logprob(adapted, "tiny-lam:mail") == chosen["tiny-lam:mail"]


@pytest.mark.parametrize("path", PATHS)
def test_every_api_takes_it_and_says_it(adapted, path):
    asked = {PATHS[path]: user("hello") if PATHS[path] == "messages" else "hello", "model": "tiny-lam:notes"}
    answer = adapted.post(path, json=asked)
    assert answer.status_code == 200, answer.text
    assert answer.json()["model"] == "tiny-lam:notes"


def test_llama_servers_clients_choose_by_number(adapted):
    listed = adapted.get("/lora-adapters").json()
    assert listed == [{"id": 0, "path": "notes", "scale": 0.0}, {"id": 1, "path": "mail", "scale": 0.0}]
    asked = {"messages": user("hello"), "max_tokens": 1}
    for lora, name in (
        ([{"id": 1, "scale": 1.0}], "tiny-lam:mail"),
        ([{"id": 0, "scale": 1}, {"id": 1, "scale": 0}], "tiny-lam:notes"),
        ([], "tiny-lam"),
    ):
        answer = adapted.post("/v1/chat/completions", json=asked | {"lora": lora})
        assert (answer.status_code, answer.json().get("model")) == (200, name), answer.text
    for lora, said in (
        ([{"id": 2, "scale": 1.0}], "lora holds {'id': 2, 'scale': 1.0}"),
        ("notes", "lora holds 'notes'"),
        ([{"id": 0, "scale": 0.5}], "scale can be 0 or 1, not 0.5"),
        ([{"id": 0, "scale": 1}, {"id": 1, "scale": 1}], "notes and mail can't be added up"),
    ):
        answer = adapted.post("/completion", json={"prompt": "hello", "lora": lora})
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith(said)


def test_an_unknown_adapter_is_not_found(adapted):
    answer = adapted.post("/v1/chat/completions", json={"messages": user("hello"), "model": "tiny-lam:note"})
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert error["message"] == "no adapter is called 'note' (there are notes, mail)"


def test_adapters_are_listed_as_models(adapted):
    names = ["tiny-lam", "tiny-lam:notes", "tiny-lam:mail"]
    assert [model["id"] for model in adapted.get("/v1/models").json()["data"]] == names
    assert [model["name"] for model in adapted.get("/api/tags").json()["models"]] == names
    assert adapted.get("/v1/models/tiny-lam:mail").json()["id"] == "tiny-lam:mail"
    assert adapted.get("/v1/models/tiny-lam:post").status_code == 404

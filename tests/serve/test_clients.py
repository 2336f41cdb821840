"""The scenarios of clients that are installed here; `python tests/serve/clients.py` runs those of all."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from tests.serve.clients.scenario import REQUESTS, Scenario, outcome

MODEL = "tiny-lam"


@pytest.fixture(params=["openai_chat", "openai_responses", "anthropic_messages", "ollama_chat"])
def scenario(request: pytest.FixtureRequest, url: str) -> Scenario:
    module: Any = importlib.import_module(f"tests.serve.clients.{request.param}")
    client: Scenario = module.Client(url, MODEL)
    return client


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_client_gets_what_it_asks_for(scenario: Scenario, request_: str) -> None:
    found = outcome(scenario, request_)
    if found["outcome"] == "no way":
        pytest.skip(found["seen"])
    assert found["outcome"] == "held", found["seen"]


class Liar(Scenario):
    """A client that gets nothing of what it asks for, and has no way to name a tool."""

    def answer(self) -> None:
        raise ConnectionError("nobody answers")

    def named(self) -> None:
        raise NotImplementedError("no tool_choice")

    def required(self) -> None:
        raise AssertionError("no call")

    none = parallel = streamed = typed = required


def test_what_is_not_held_is_told() -> None:
    liar = Liar("http://127.0.0.1:1", MODEL)
    found = [(one["request"], one["outcome"], one["seen"]) for one in (outcome(liar, name) for name in REQUESTS[:3])]
    assert found == [
        ("answer", "broken", "ConnectionError: nobody answers"),
        ("required", "broken", "no call"),
        ("named", "no way", "no tool_choice"),
    ]

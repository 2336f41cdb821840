"""llm, Simon Willison's: a model of its configuration file, run as its command does."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from tests.serve.clients import scenario
from tests.serve.clients.scenario import HELLO, IN_BOTH, IN_OSLO, PLACE, Clock

HOME = Path(tempfile.mkdtemp(prefix="edge-lam-llm-"))
os.environ["LLM_USER_PATH"] = str(HOME)  # read when it is imported

import llm  # noqa: E402


class Client(scenario.Scenario):
    def __init__(self, url: str, model: str) -> None:
        super().__init__(url, model)
        known = {"model_id": "served", "model_name": model, "api_base": f"{url}/v1"}
        can = {"supports_tools": True, "supports_schema": True, "can_stream": True}
        (HOME / "extra-openai-models.yaml").write_text(json.dumps([known | can]))  # JSON is YAML
        self.llm = llm.get_model("served")
        self.llm.key = "any"

    def answer(self) -> None:
        self._chain(stream=False)

    def streamed(self) -> None:
        self._chain(stream=True)

    def _chain(self, *, stream: bool) -> None:
        clock = Clock()
        chain = self.llm.chain(IN_OSLO, tools=[clock.get_time], stream=stream, options={"temperature": 0})
        text = chain.text()
        clock.was_asked("Oslo")
        scenario.holds_result(text)

    def required(self) -> None:
        raise NotImplementedError("llm sends no tool_choice")

    def named(self) -> None:
        raise NotImplementedError("llm sends no tool_choice")

    def none(self) -> None:
        scenario.is_text(self.llm.prompt(IN_OSLO, temperature=0, stream=False).text())

    def parallel(self) -> None:
        clock = Clock()
        response = self.llm.prompt(IN_BOTH, tools=[clock.get_time], temperature=0, stream=False)
        calls = response.tool_calls()
        scenario.are_calls_of_both(
            [(call.name, call.arguments) for call in calls], [call.tool_call_id or "" for call in calls]
        )

    def typed(self) -> None:
        response = self.llm.prompt(HELLO, schema=PLACE, temperature=0, stream=False)
        scenario.is_place(response.text())

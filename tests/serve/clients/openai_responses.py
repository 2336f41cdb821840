"""OpenAI's package for Python: Responses."""

from __future__ import annotations

import json
from typing import Any

import openai

from tests.serve.clients import scenario
from tests.serve.clients.scenario import FUNCTIONS, HELLO, IN_BOTH, IN_OSLO, RESULT, Call, Place, expect

TOOLS = [{"type": "function", "strict": False, **function} for function in FUNCTIONS]


class Client(scenario.Scenario):
    def __init__(self, url: str, model: str) -> None:
        super().__init__(url, model)
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)

    def ask(self, input: Any, **more: Any) -> Any:
        asked = {"model": self.model, "input": input, "tools": TOOLS, "temperature": 0, "store": False, **more}
        return self.client.responses.create(**asked)

    def answer(self) -> None:
        response = self.ask(IN_OSLO)
        scenario.is_call_of_oslo(calls_of(response))
        items = [{"role": "user", "content": IN_OSLO}, *(item.model_dump() for item in response.output)]
        call_id = items[-1]["call_id"]
        answer = self.ask([*items, {"type": "function_call_output", "call_id": call_id, "output": RESULT}])
        scenario.holds_result(answer.output_text)

    def required(self) -> None:
        scenario.are_calls(calls_of(self.ask(HELLO, tool_choice="required")))

    def named(self) -> None:
        named = self.ask(HELLO, tool_choice={"type": "function", "name": "add_note"})
        scenario.are_calls(calls_of(named), "add_note")

    def none(self) -> None:
        response = self.ask(IN_OSLO, tool_choice="none")
        scenario.is_text(response.output_text, calls_of(response))

    def parallel(self) -> None:
        response = self.ask(IN_BOTH, parallel_tool_calls=True)
        ids = [item.call_id for item in response.output if item.type == "function_call"]
        scenario.are_calls_of_both(calls_of(response), ids)

    def streamed(self) -> None:
        for text in (IN_OSLO, HELLO):
            whole, asked = self.ask(text), {"model": self.model, "input": text, "tools": TOOLS, "temperature": 0}
            with self.client.responses.stream(**asked) as stream:
                streamed = stream.get_final_response()
            expect(calls_of(streamed) == calls_of(whole), f"streamed {calls_of(streamed)}, whole {calls_of(whole)}")
            expect(streamed.output_text == whole.output_text, f"streamed {streamed.output_text!r}")
            if text == IN_OSLO:
                scenario.is_call_of_oslo(calls_of(streamed))

    def typed(self) -> None:
        response = self.client.responses.parse(model=self.model, input=HELLO, text_format=Place)
        scenario.is_place(response.output_parsed)


def calls_of(response: Any) -> list[Call]:
    """Return the calls of a response."""
    return [(item.name, json.loads(item.arguments)) for item in response.output if item.type == "function_call"]

"""litellm, as tau2 and many proxies use it: provider `openai`."""

from __future__ import annotations

import json
from typing import Any

import litellm

from tests.serve.clients import scenario
from tests.serve.clients.scenario import HELLO, IN_BOTH, IN_OSLO, PLACE, RESULT, TOOLS, Call, expect

litellm.telemetry = False
litellm.suppress_debug_info = True


class Client(scenario.Scenario):
    def ask(self, text: str, **more: Any) -> Any:
        return self.asked(text, **more).choices[0]

    def asked(self, text: str, **more: Any) -> Any:
        given: dict[str, Any] = {"messages": [{"role": "user", "content": text}], "tools": TOOLS, "temperature": 0}
        where: dict[str, Any] = {"api_base": f"{self.url}/v1", "api_key": "any", "num_retries": 0}
        return litellm.completion(model=f"openai/{self.model}", **where, **{**given, **more})

    def answer(self) -> None:
        message = self.ask(IN_OSLO).message
        scenario.is_call_of_oslo(calls_of(message))
        result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "name": "get_time", "content": RESULT}
        messages = [{"role": "user", "content": IN_OSLO}, message.model_dump(), result]
        scenario.holds_result(self.ask("", messages=messages).message.content)

    def required(self) -> None:
        scenario.are_calls(calls_of(self.ask(HELLO, tool_choice="required").message))

    def named(self) -> None:
        choice = {"type": "function", "function": {"name": "add_note"}}
        scenario.are_calls(calls_of(self.ask(HELLO, tool_choice=choice).message), "add_note")

    def none(self) -> None:
        message = self.ask(IN_OSLO, tool_choice="none").message
        scenario.is_text(message.content, calls_of(message))

    def parallel(self) -> None:
        message = self.ask(IN_BOTH, parallel_tool_calls=True).message
        scenario.are_calls_of_both(calls_of(message), [call.id for call in message.tool_calls or ()])

    def streamed(self) -> None:
        for text in (IN_OSLO, HELLO):
            whole, chunks = self.ask(text).message, list(self.asked(text, stream=True))
            streamed = litellm.stream_chunk_builder(chunks).choices[0].message
            expect(calls_of(streamed) == calls_of(whole), f"streamed {calls_of(streamed)}, whole {calls_of(whole)}")
            expect((streamed.content or "") == (whole.content or ""), f"streamed {streamed.content!r}")
            if text == IN_OSLO:
                scenario.is_call_of_oslo(calls_of(streamed))

    def typed(self) -> None:
        schema = {"name": "place", "strict": True, "schema": PLACE}
        wanted = {"type": "json_schema", "json_schema": schema}
        message = self.ask(HELLO, tools=None, response_format=wanted).message
        scenario.is_place(message.content)


def calls_of(message: Any) -> list[Call]:
    """Return the calls of a message."""
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]

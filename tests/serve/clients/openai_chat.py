"""OpenAI's package for Python: chat completions."""

from __future__ import annotations

import json
from typing import Any

import openai

from tests.serve.clients import scenario
from tests.serve.clients.scenario import HELLO, IN_BOTH, IN_OSLO, RESULT, TOOLS, Call, Place, expect


class Client(scenario.Scenario):
    def __init__(self, url: str, model: str) -> None:
        super().__init__(url, model)
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)

    def ask(self, text: str, **more: Any) -> Any:
        messages: Any = [{"role": "user", "content": text}]
        asked = {"model": self.model, "messages": messages, "tools": TOOLS, "temperature": 0, **more}
        return self.client.chat.completions.create(**asked).choices[0]

    def answer(self) -> None:
        choice = self.ask(IN_OSLO)
        scenario.is_call_of_oslo(calls_of(choice.message))
        expect(choice.finish_reason == "tool_calls", choice.finish_reason)
        messages: Any = [
            {"role": "user", "content": IN_OSLO},
            choice.message.model_dump(),
            {"role": "tool", "tool_call_id": choice.message.tool_calls[0].id, "content": RESULT},
        ]
        answer = self.ask("", messages=messages)
        scenario.holds_result(answer.message.content)
        expect(answer.finish_reason == "stop", answer.finish_reason)

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
            whole = self.ask(text).message
            asked: Any = {"model": self.model, "messages": [{"role": "user", "content": text}], "tools": TOOLS}
            with self.client.chat.completions.stream(**asked, temperature=0) as stream:
                streamed = stream.get_final_completion().choices[0].message
            expect(calls_of(streamed) == calls_of(whole), f"streamed {calls_of(streamed)}, whole {calls_of(whole)}")
            expect((streamed.content or "") == (whole.content or ""), f"streamed {streamed.content!r}")
            if text == IN_OSLO:
                scenario.is_call_of_oslo(calls_of(streamed))

    def typed(self) -> None:
        messages: Any = [{"role": "user", "content": HELLO}]
        reply = self.client.chat.completions.parse(model=self.model, messages=messages, response_format=Place)
        scenario.is_place(reply.choices[0].message.parsed)


def calls_of(message: Any) -> list[Call]:
    """Return the calls of a message."""
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]

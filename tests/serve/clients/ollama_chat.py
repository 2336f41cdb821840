"""Ollama's package for Python. Its API has no tool_choice."""

from __future__ import annotations

from typing import Any

import ollama

from tests.serve.clients import scenario
from tests.serve.clients.scenario import HELLO, IN_BOTH, IN_OSLO, PLACE, RESULT, TOOLS, Call, expect


class Client(scenario.Scenario):
    def __init__(self, url: str, model: str) -> None:
        super().__init__(url, model)
        self.client = ollama.Client(host=url)

    def ask(self, *messages: Any, **more: Any) -> Any:
        return self.client.chat(self.model, list(messages), **{"tools": TOOLS, "options": {"temperature": 0}, **more})

    def answer(self) -> None:
        user = {"role": "user", "content": IN_OSLO}
        message = self.ask(user).message
        scenario.is_call_of_oslo(calls_of(message))
        result = {"role": "tool", "tool_name": "get_time", "content": RESULT}
        scenario.holds_result(self.ask(user, message, result).message.content)

    def required(self) -> None:
        raise NotImplementedError("Ollama's API has no tool_choice")

    def named(self) -> None:
        raise NotImplementedError("Ollama's API has no tool_choice")

    def none(self) -> None:
        message = self.ask({"role": "user", "content": IN_OSLO}, tools=None).message
        scenario.is_text(message.content, calls_of(message))

    def parallel(self) -> None:
        message = self.ask({"role": "user", "content": IN_BOTH}).message
        scenario.are_calls_of_both(calls_of(message), [str(index) for index in range(2)])  # Ollama's calls have no ids

    def streamed(self) -> None:
        for text in (IN_OSLO, HELLO):
            user = {"role": "user", "content": text}
            whole = self.ask(user).message
            parts = [line.message for line in self.ask(user, stream=True)]
            calls = [call for part in parts for call in calls_of(part)]
            expect(calls == calls_of(whole), f"streamed {calls}, whole {calls_of(whole)}")
            expect("".join(part.content or "" for part in parts) == (whole.content or ""), "another text")
            if text == IN_OSLO:
                scenario.is_call_of_oslo(calls)

    def typed(self) -> None:
        message = self.ask({"role": "user", "content": HELLO}, tools=None, format=PLACE).message
        scenario.is_place(message.content)


def calls_of(message: Any) -> list[Call]:
    """Return the calls of a message."""
    return [(call.function.name, dict(call.function.arguments)) for call in message.tool_calls or ()]

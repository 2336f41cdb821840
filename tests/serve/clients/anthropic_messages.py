"""Anthropic's package for Python."""

from __future__ import annotations

import json
from typing import Any

import anthropic

from tests.serve.clients import scenario
from tests.serve.clients.scenario import FUNCTIONS, HELLO, IN_BOTH, IN_OSLO, PLACE, RESULT, Call, expect

TOOLS = [
    {"name": function["name"], "description": function["description"], "input_schema": function["parameters"]}
    for function in FUNCTIONS
]


class Client(scenario.Scenario):
    def __init__(self, url: str, model: str) -> None:
        super().__init__(url, model)
        self.client = anthropic.Anthropic(base_url=url, api_key="any", max_retries=0)

    def ask(self, text: str, **more: Any) -> Any:
        return self.client.messages.create(**self.asked(text, **more))

    def asked(self, text: str, **more: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": text}]
        return {"model": self.model, "max_tokens": 200, "messages": messages, "tools": TOOLS, **more}

    def answer(self) -> None:
        message = self.ask(IN_OSLO)
        scenario.is_call_of_oslo(calls_of(message))
        expect(message.stop_reason == "tool_use", message.stop_reason)
        (call,) = (block for block in message.content if block.type == "tool_use")
        result = {"type": "tool_result", "tool_use_id": call.id, "content": RESULT}
        messages: Any = [
            {"role": "user", "content": IN_OSLO},
            {"role": "assistant", "content": message.content},
            {"role": "user", "content": [result]},
        ]
        scenario.holds_result(text_of(self.ask("", messages=messages)))

    def required(self) -> None:
        scenario.are_calls(calls_of(self.ask(HELLO, tool_choice={"type": "any"})))

    def named(self) -> None:
        named = self.ask(HELLO, tool_choice={"type": "tool", "name": "add_note"})
        scenario.are_calls(calls_of(named), "add_note")

    def none(self) -> None:
        message = self.ask(IN_OSLO, tool_choice={"type": "none"})
        scenario.is_text(text_of(message), calls_of(message))

    def parallel(self) -> None:
        message = self.ask(IN_BOTH)
        ids = [block.id for block in message.content if block.type == "tool_use"]
        scenario.are_calls_of_both(calls_of(message), ids)

    def streamed(self) -> None:
        for text in (IN_OSLO, HELLO):
            whole = self.ask(text)
            with self.client.messages.stream(**self.asked(text)) as stream:
                streamed = stream.get_final_message()
            expect(calls_of(streamed) == calls_of(whole), f"streamed {calls_of(streamed)}, whole {calls_of(whole)}")
            expect(text_of(streamed) == text_of(whole), f"streamed {text_of(streamed)!r}")
            if text == IN_OSLO:
                scenario.is_call_of_oslo(calls_of(streamed))

    def typed(self) -> None:
        """Ask as Anthropic's guides do it: by a tool that has to be called."""
        tool = {"name": "tell_place", "description": "Tell the place.", "input_schema": PLACE}
        message = self.ask(HELLO, tools=[tool], tool_choice={"type": "tool", "name": "tell_place"})
        ((_, arguments),) = calls_of(message)
        scenario.is_place(json.dumps(arguments))


def calls_of(message: Any) -> list[Call]:
    """Return the calls of a message."""
    return [(block.name, json.loads(json.dumps(block.input))) for block in message.content if block.type == "tool_use"]


def text_of(message: Any) -> str:
    """Return the text of a message."""
    return "".join(block.text for block in message.content if block.type == "text")

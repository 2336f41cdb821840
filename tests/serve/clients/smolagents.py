"""smolagents: its tool-calling agent requires a call in every step, `final_answer` to end; and its model alone."""

from __future__ import annotations

import json
from typing import Any

from smolagents import ChatMessage, MessageRole, OpenAIModel, Tool, agglomerate_stream_deltas

from tests.serve.clients import scenario
from tests.serve.clients.scenario import HELLO, IN_BOTH, IN_OSLO, PLACE, RESULT, Call, expect


class GetTime(Tool):
    name = "get_time"
    description = "Get the current time in a city or time zone."
    inputs = {"city": {"type": "string", "description": "City or time zone"}}  # noqa: RUF012 - as the class wants it
    output_type = "string"

    def forward(self, city: str) -> str:
        return json.dumps({"city": city, "time": "09:16"})


class AddNote(Tool):
    name = "add_note"
    description = "Save a note."
    inputs = {"text": {"type": "string", "description": "What to remember"}}  # noqa: RUF012 - as the class wants it
    output_type = "string"

    def forward(self, text: str) -> str:
        return text


TOOLS = [GetTime(), AddNote()]


class Client(scenario.Scenario):
    def __init__(self, url: str, model: str) -> None:
        super().__init__(url, model)
        self.llm = OpenAIModel(
            model, api_base=f"{url}/v1", api_key="any", temperature=0, client_kwargs={"max_retries": 0}
        )

    def ask(self, *messages: ChatMessage, **more: Any) -> Any:
        return self.llm.generate(list(messages), **{"tools_to_call_from": TOOLS, **more})

    def answer(self) -> None:
        """As its agent goes on: what was called and what came back are told as text."""
        called = self.ask(user(IN_OSLO), stop_sequences=["Observation:", "Calling tools:"])
        scenario.is_call_of_oslo(calls_of(called))
        told = [
            ChatMessage(
                MessageRole.ASSISTANT, [{"type": "text", "text": "Calling tools:\nget_time"}], called.tool_calls
            ),
            ChatMessage(MessageRole.TOOL_RESPONSE, [{"type": "text", "text": f"Observation:\n{RESULT}"}]),
        ]
        after = self.ask(user(IN_OSLO), *told, tool_choice="none")
        expect(after.content, "no text")

    def required(self) -> None:
        scenario.are_calls(calls_of(self.ask(user(HELLO))), "get_time", "add_note")  # its default

    def named(self) -> None:
        choice = {"type": "function", "function": {"name": "add_note"}}
        scenario.are_calls(calls_of(self.ask(user(HELLO), tool_choice=choice)), "add_note")

    def none(self) -> None:
        message = self.ask(user(IN_OSLO), tool_choice="none")
        scenario.is_text(message.content, calls_of(message))

    def parallel(self) -> None:
        message = self.ask(user(IN_BOTH), tool_choice="auto")
        scenario.are_calls_of_both(calls_of(message), [call.id for call in message.tool_calls or ()])

    def streamed(self) -> None:
        stream = self.llm.generate_stream([user(IN_OSLO)], tools_to_call_from=TOOLS)
        scenario.is_call_of_oslo(calls_of(agglomerate_stream_deltas(list(stream))))

    def typed(self) -> None:
        wanted = {"type": "json_schema", "json_schema": {"name": "place", "schema": PLACE}}
        message = self.ask(user(HELLO), tools_to_call_from=None, response_format=wanted)
        scenario.is_place(message.content)


def parts(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]


def user(text: str) -> ChatMessage:
    return ChatMessage(MessageRole.USER, parts(text))


def calls_of(message: Any) -> list[Call]:
    """Return the calls of a message."""
    found = [(call.function.name, call.function.arguments) for call in message.tool_calls or ()]
    return [(name, json.loads(given) if isinstance(given, str) else given) for name, given in found]

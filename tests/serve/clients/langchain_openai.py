"""LangChain's chat model for OpenAI's API."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI

from tests.serve.clients import scenario
from tests.serve.clients.scenario import HELLO, IN_BOTH, IN_OSLO, RESULT, TOOLS, Call, Place, expect


class Client(scenario.Scenario):
    def __init__(self, url: str, model: str) -> None:
        super().__init__(url, model)
        self.llm = ChatOpenAI(base_url=f"{url}/v1", api_key="any", model=model, temperature=0, max_retries=0)

    def tooled(self, **more: Any) -> Any:
        return self.llm.bind_tools(TOOLS, **more)

    def answer(self) -> None:
        message = self.tooled().invoke(IN_OSLO)
        scenario.is_call_of_oslo(calls_of(message))
        result = ToolMessage(RESULT, tool_call_id=message.tool_calls[0]["id"])
        scenario.holds_result(self.tooled().invoke([HumanMessage(IN_OSLO), message, result]).content)

    def required(self) -> None:
        scenario.are_calls(calls_of(self.tooled(tool_choice="any").invoke(HELLO)))

    def named(self) -> None:
        scenario.are_calls(calls_of(self.tooled(tool_choice="add_note").invoke(HELLO)), "add_note")

    def none(self) -> None:
        message = self.tooled(tool_choice="none").invoke(IN_OSLO)
        scenario.is_text(message.content, calls_of(message))

    def parallel(self) -> None:
        message = self.tooled(parallel_tool_calls=True).invoke(IN_BOTH)
        scenario.are_calls_of_both(calls_of(message), [call["id"] for call in message.tool_calls])

    def streamed(self) -> None:
        for text in (IN_OSLO, HELLO):
            whole, streamed = self.tooled().invoke(text), reduce(add, self.tooled().stream(text))
            expect(calls_of(streamed) == calls_of(whole), f"streamed {calls_of(streamed)}, whole {calls_of(whole)}")
            expect(streamed.content == whole.content, f"streamed {streamed.content!r}, whole {whole.content!r}")
            if text == IN_OSLO:
                scenario.is_call_of_oslo(calls_of(streamed))

    def typed(self) -> None:
        for method in ("json_schema", "function_calling"):
            place = self.llm.with_structured_output(Place, method=method).invoke(HELLO)
            scenario.is_place(place)


def calls_of(message: Any) -> list[Call]:
    """Return the calls of a message."""
    return [(call["name"], call["args"]) for call in message.tool_calls]

"""agno: its agent over `OpenAILike`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agno.agent import Agent
from agno.models.openai.like import OpenAILike
from agno.tools import Function

from tests.serve.clients import scenario
from tests.serve.clients.scenario import HELLO, IN_BOTH, IN_OSLO, Clock, Place, expect


class Client(scenario.Scenario):
    def agent(self, *tools: Any, **more: Any) -> Agent:
        model = OpenAILike(id=self.model, base_url=f"{self.url}/v1", api_key="any", temperature=0, max_retries=0)
        return Agent(model=model, tools=list(tools), telemetry=False, retries=0, **more)

    def answer(self) -> None:
        clock = Clock()
        answer = self.agent(clock.get_time).run(IN_OSLO)
        clock.was_asked("Oslo")
        scenario.holds_result(answer.content)

    def required(self) -> None:
        clock = Clock()
        self.agent(once(clock.get_time), tool_choice="required").run(HELLO)
        expect(clock.asked, "no call")

    def named(self) -> None:
        clock, noted = Clock(), list[str]()

        def add_note(text: str) -> str:
            """Save a note."""
            noted.append(text)
            return "saved"

        choice = {"type": "function", "function": {"name": "add_note"}}
        self.agent(once(clock.get_time), once(add_note), tool_choice=choice).run(HELLO)
        expect(noted and not clock.asked, f"add_note was called {len(noted)} times, get_time {len(clock.asked)}")

    def none(self) -> None:
        clock = Clock()
        answer = self.agent(clock.get_time, tool_choice="none").run(IN_OSLO)
        clock.was_asked()
        scenario.is_text(answer.content)

    def parallel(self) -> None:
        clock = Clock()
        answer = self.agent(clock.get_time).run(IN_BOTH)
        clock.was_asked("Tokyo", "Oslo")
        first = next(message for message in answer.messages if message.tool_calls)
        expect(len(first.tool_calls) == 2, f"{len(first.tool_calls)} calls in the first message")

    def streamed(self) -> None:
        clock, pieces = Clock(), list[str]()
        for event in self.agent(clock.get_time).run(IN_OSLO, stream=True):
            if getattr(event, "event", "") == "RunContent" and isinstance(event.content, str):
                pieces.append(event.content)
        clock.was_asked("Oslo")
        scenario.holds_result("".join(pieces))

    def typed(self) -> None:
        answer = self.agent(output_schema=Place).run(HELLO)
        scenario.is_place(answer.content)


def once(tool: Callable[..., str]) -> Function:
    """Return a tool after which the agent ends: its tool_choice holds in every round."""
    function = Function.from_callable(tool)
    function.stop_after_tool_call = True
    return function

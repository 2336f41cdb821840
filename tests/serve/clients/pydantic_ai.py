"""pydantic-ai: its agent over OpenAI's chat completions, and its single requests where an agent would not end."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_ai import Agent, ModelSettings, direct
from pydantic_ai.messages import ModelRequest, ToolCallPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.tools import ToolDefinition

from tests.serve.clients import scenario
from tests.serve.clients.scenario import FUNCTIONS, HELLO, IN_BOTH, IN_OSLO, Call, Clock, Place, expect


class Client(scenario.Scenario):
    def __init__(self, url: str, model: str) -> None:
        super().__init__(url, model)
        self.llm = OpenAIChatModel(model, provider=OpenAIProvider(base_url=f"{url}/v1", api_key="any"))
        self.settings = ModelSettings(temperature=0)

    def ask(self, text: str, **settings: Any) -> Any:
        tools = [
            ToolDefinition(name=one["name"], description=one["description"], parameters_json_schema=one["parameters"])
            for one in FUNCTIONS
        ]
        return direct.model_request_sync(
            self.llm,
            [ModelRequest.user_text_prompt(text)],
            model_settings=ModelSettings(temperature=0, **settings),
            model_request_parameters=ModelRequestParameters(function_tools=tools),
        )

    def agent(self, clock: Clock) -> Agent[None, str]:
        return Agent(self.llm, tools=[clock.get_time], model_settings=self.settings, retries=0)

    def answer(self) -> None:
        clock = Clock()
        result = self.agent(clock).run_sync(IN_OSLO)
        clock.was_asked("Oslo")
        scenario.holds_result(result.output)

    def required(self) -> None:
        scenario.are_calls(calls_of(self.ask(HELLO, tool_choice="required")))

    def named(self) -> None:
        scenario.are_calls(calls_of(self.ask(HELLO, tool_choice=["add_note"])), "add_note")

    def none(self) -> None:
        response = self.ask(IN_OSLO, tool_choice="none")
        scenario.is_text(response.text, calls_of(response))

    def parallel(self) -> None:
        response = self.ask(IN_BOTH)
        ids = [part.tool_call_id for part in response.parts if isinstance(part, ToolCallPart)]
        scenario.are_calls_of_both(calls_of(response), ids)

    def streamed(self) -> None:
        asyncio.run(self._streamed())

    async def _streamed(self) -> None:
        clock, whole = Clock(), await self.agent(Clock()).run(IN_OSLO)
        async with self.agent(clock).run_stream(IN_OSLO) as stream:
            streamed = await stream.get_output()
        clock.was_asked("Oslo")
        scenario.holds_result(streamed)
        expect(streamed == whole.output, f"streamed {streamed!r}, whole {whole.output!r}")

    def typed(self) -> None:
        result = Agent(self.llm, output_type=Place, model_settings=self.settings, retries=0).run_sync(HELLO)
        scenario.is_place(result.output)


def calls_of(response: Any) -> list[Call]:
    """Return the calls of a response."""
    return [(part.tool_name, part.args_as_dict()) for part in response.parts if isinstance(part, ToolCallPart)]

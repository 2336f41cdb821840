"""OpenAI's agents SDK, over Responses: what it asks a server whose base URL it is given."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import Agent, ModelSettings, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from agents.items import ToolCallItem
from openai import AsyncOpenAI

from tests.serve.clients import scenario
from tests.serve.clients.scenario import HELLO, IN_BOTH, IN_OSLO, SYSTEM, Clock, Place, expect

set_tracing_disabled(True)


class Client(scenario.Scenario):
    def agent(self, *tools: Any, output_type: Any = None, **settings: Any) -> Agent[None]:
        client = AsyncOpenAI(base_url=f"{self.url}/v1", api_key="any", max_retries=0)
        return Agent(
            name="assistant",
            instructions=SYSTEM,
            model=OpenAIResponsesModel(self.model, client),
            tools=list(tools),
            output_type=output_type,
            model_settings=ModelSettings(temperature=0, **settings),
            tool_use_behavior="stop_on_first_tool" if settings else "run_llm_again",
        )

    def answer(self) -> None:
        clock = Clock()
        result = Runner.run_sync(self.agent(function_tool(clock.get_time)), IN_OSLO, max_turns=3)
        clock.was_asked("Oslo")
        scenario.holds_result(result.final_output)

    def required(self) -> None:
        clock = Clock()
        Runner.run_sync(self.agent(function_tool(clock.get_time), tool_choice="required"), HELLO, max_turns=1)
        expect(len(clock.asked) >= 1, "no call")

    def named(self) -> None:
        clock, noted = Clock(), list[str]()

        def add_note(text: str) -> str:
            """Save a note."""
            noted.append(text)
            return "saved"

        tools = (function_tool(clock.get_time), function_tool(add_note))
        Runner.run_sync(self.agent(*tools, tool_choice="add_note"), HELLO, max_turns=1)
        expect(noted and not clock.asked, f"add_note was called {len(noted)} times, get_time {len(clock.asked)}")

    def none(self) -> None:
        clock = Clock()
        result = Runner.run_sync(self.agent(function_tool(clock.get_time), tool_choice="none"), IN_OSLO, max_turns=1)
        clock.was_asked()
        scenario.is_text(result.final_output)

    def parallel(self) -> None:
        clock = Clock()
        result = Runner.run_sync(self.agent(function_tool(clock.get_time)), IN_BOTH, max_turns=3)
        clock.was_asked("Tokyo", "Oslo")
        ids = {item.raw_item.call_id for item in result.new_items if isinstance(item, ToolCallItem)}
        expect(len(ids) == 2, f"ids: {ids}")
        first = [item for item in result.raw_responses[0].output if item.type == "function_call"]
        expect(len(first) == 2, f"{len(first)} calls in the first response")

    def streamed(self) -> None:
        asyncio.run(self._streamed())

    async def _streamed(self) -> None:
        clock = Clock()
        whole = await Runner.run(self.agent(function_tool(Clock().get_time)), IN_OSLO, max_turns=3)
        result = Runner.run_streamed(self.agent(function_tool(clock.get_time)), IN_OSLO, max_turns=3)
        pieces = [
            event.data.delta
            async for event in result.stream_events()
            if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
        ]
        clock.was_asked("Oslo")
        scenario.holds_result(result.final_output)
        expect(result.final_output == whole.final_output, f"streamed {result.final_output!r}")
        expect("".join(pieces) == whole.final_output, f"streamed {''.join(pieces)!r}")

    def typed(self) -> None:
        result = Runner.run_sync(self.agent(output_type=Place), HELLO, max_turns=1)
        scenario.is_place(result.final_output)

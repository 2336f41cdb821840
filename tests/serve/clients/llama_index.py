"""LlamaIndex: its `OpenAILike`, told that the model chats and calls functions, and its function agent."""

from __future__ import annotations

import asyncio
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

from tests.serve.clients import scenario
from tests.serve.clients.scenario import HELLO, IN_BOTH, IN_OSLO, Call, Clock, Place, expect


def add_note(text: str) -> str:
    """Save a note."""
    return text


class Client(scenario.Scenario):
    def __init__(self, url: str, model: str) -> None:
        super().__init__(url, model)
        known: dict[str, Any] = {"is_chat_model": True, "is_function_calling_model": True, "max_retries": 0}
        self.llm = OpenAILike(model=model, api_base=f"{url}/v1", api_key="any", temperature=0, **known)
        self.clock = Clock()
        self.tools = [FunctionTool.from_defaults(self.clock.get_time), FunctionTool.from_defaults(add_note)]

    def ask(self, text: str, **more: Any) -> list[Call]:
        asked: dict[str, Any] = {"user_msg": text, "allow_parallel_tool_calls": True, **more}
        return self.calls_of(self.llm.chat_with_tools(self.tools, **asked))

    def calls_of(self, response: Any) -> list[Call]:
        calls = self.llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        return [(call.tool_name, call.tool_kwargs) for call in calls]

    def answer(self) -> None:
        asyncio.run(self._answer())

    async def _answer(self) -> None:
        clock = Clock()
        answer = await FunctionAgent(tools=[clock.get_time], llm=self.llm, streaming=False).run(IN_OSLO)
        clock.was_asked("Oslo")
        scenario.holds_result(answer)

    def required(self) -> None:
        scenario.are_calls(self.ask(HELLO, tool_required=True), "get_time", "add_note")

    def named(self) -> None:
        choice = {"type": "function", "function": {"name": "add_note"}}
        scenario.are_calls(self.ask(HELLO, tool_choice=choice), "add_note")

    def none(self) -> None:
        response = self.llm.chat_with_tools(self.tools, user_msg=IN_OSLO, tool_choice="none")
        scenario.is_text(response.message.content, self.calls_of(response))

    def parallel(self) -> None:
        response = self.llm.chat_with_tools(self.tools, user_msg=IN_BOTH, allow_parallel_tool_calls=True)
        calls = self.llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        scenario.are_calls_of_both(self.calls_of(response), [call.tool_id for call in calls])

    def streamed(self) -> None:
        *_, last = self.llm.stream_chat_with_tools(self.tools, user_msg=IN_OSLO)
        scenario.is_call_of_oslo(self.calls_of(last))
        whole = self.llm.chat([ChatMessage(role="user", content=HELLO)]).message.content
        *_, text = self.llm.stream_chat([ChatMessage(role="user", content=HELLO)])
        expect(text.message.content == whole, f"streamed {text.message.content!r}, whole {whole!r}")

    def typed(self) -> None:
        place = self.llm.as_structured_llm(Place).complete(HELLO).raw
        scenario.is_place(place)

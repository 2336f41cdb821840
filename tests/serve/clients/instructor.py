"""instructor: typed answers by a named tool (its default), by any of several tools, and by a JSON schema."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import instructor
import openai
from pydantic import BaseModel

from tests.serve.clients import scenario
from tests.serve.clients.scenario import HELLO, IN_BOTH, IN_OSLO, Place, expect


class get_time(BaseModel):  # noqa: N801 - the tool's name
    """Get the current time in a city or time zone."""

    city: str


class Client(scenario.Scenario):
    def ask(self, text: str, wanted: Any, mode: instructor.Mode = instructor.Mode.TOOLS, **more: Any) -> Any:
        plain = openai.OpenAI(base_url=f"{self.url}/v1", api_key="any", max_retries=0)
        client = instructor.from_openai(plain, mode=mode)
        messages: Any = [{"role": "user", "content": text}]
        asked = {"model": self.model, "messages": messages, "response_model": wanted, "temperature": 0}
        return client.chat.completions.create(**asked, max_retries=0, **more)

    def answer(self) -> None:
        raise NotImplementedError("instructor reads a call and sends no results")

    def required(self) -> None:
        raise NotImplementedError("instructor names the tool that it wants")

    def named(self) -> None:
        expect(self.ask(IN_OSLO, get_time).city == "Oslo", "another city")
        expect(isinstance(self.ask(HELLO, get_time), get_time), "no get_time")

    def none(self) -> None:
        expect(self.ask(HELLO, None).choices[0].message.content, "no text")

    def parallel(self) -> None:
        found = list(self.ask(IN_BOTH, Iterable[get_time], instructor.Mode.PARALLEL_TOOLS))
        expect([one.city for one in found] == ["Tokyo", "Oslo"], f"{found}")

    def streamed(self) -> None:
        pieces = list(self.ask(IN_OSLO, instructor.Partial[get_time], stream=True))
        expect(pieces[-1].city == self.ask(IN_OSLO, get_time).city == "Oslo", f"{pieces[-1]}")

    def typed(self) -> None:
        for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA):
            place = self.ask(HELLO, Place, mode)
            scenario.is_place(place)

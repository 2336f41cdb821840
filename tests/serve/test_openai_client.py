"""OpenAI's own client against the server: it reads answers and chunks strictly, as agents' frameworks do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
from openai.types.chat import ChatCompletionMessage
from pydantic import BaseModel

import edge_lam
from edge_lam.serve import ServeOptions
from tests.serve.served import NOTES, TIME, TOOLS, serving, user

MODEL = "tiny-lam"
NAMED: Any = {"type": "function", "function": {"name": "read_notes"}}
ALLOWED: Any = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NOTES]}}


class GetTime(BaseModel):
    """Get the current time in a city or time zone."""

    city: str


class Place(BaseModel):
    city: Literal["Oslo", "Lima"]
    rank: Literal[1, 2]


@pytest.fixture
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
        yield client


def calls_of(message: ChatCompletionMessage) -> list[tuple[str, Any]]:
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or ()]


def test_a_call_its_result_and_the_answer(client: openai.OpenAI) -> None:
    messages: list[Any] = user("what time is it in Oslo?")
    reply = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
    (choice,) = reply.choices
    assert choice.finish_reason == "tool_calls"
    assert calls_of(choice.message) == [("get_time", {"city": "Oslo"})]
    # Dumped as it is, with all that the client adds.
    messages.append(choice.message.model_dump())
    messages.append({"role": "tool", "tool_call_id": choice.message.tool_calls[0].id, "content": '{"time": "09:16"}'})
    answer = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
    assert answer.choices[0].finish_reason == "stop"
    assert "09:16" in answer.choices[0].message.content


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("required", {"get_time", "add_note", "read_notes"}),
        (NAMED, {"read_notes"}),
        (ALLOWED, {"read_notes"}),
        ("none", set()),
    ],
    ids=["required", "named", "allowed_tools", "none"],
)
def test_tool_choices_whole_and_streamed(client: openai.OpenAI, choice: Any, names: set[str]) -> None:
    asked: Any = {"model": MODEL, "messages": user("hello"), "tools": TOOLS, "tool_choice": choice}
    whole = client.chat.completions.create(**asked).choices[0]
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion().choices[0]
    for end in (whole, streamed):
        calls = calls_of(end.message)
        assert {name for name, _ in calls} <= names
        assert bool(calls) == bool(names)
        assert end.finish_reason == ("tool_calls" if names else "stop")
    assert calls_of(whole.message) == calls_of(streamed.message)
    assert whole.message.content == streamed.message.content


@pytest.mark.parametrize("text", ["what time is it in Tokyo and in Oslo?", "read my notes", "hello"])
def test_a_stream_adds_up_to_the_whole(client: openai.OpenAI, text: str) -> None:
    asked: Any = {"model": MODEL, "messages": user(text), "tools": TOOLS}
    whole = client.chat.completions.create(**asked)
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        events = list(stream)
        streamed = stream.get_final_completion()
    assert streamed.choices[0].finish_reason == whole.choices[0].finish_reason
    assert calls_of(streamed.choices[0].message) == calls_of(whole.choices[0].message)
    assert (streamed.choices[0].message.content or None) == (whole.choices[0].message.content or None)
    assert streamed.usage.completion_tokens == whole.usage.completion_tokens
    done = [event for event in events if event.type == "tool_calls.function.arguments.done"]
    assert len(done) == len(whole.choices[0].message.tool_calls or ())


def test_parallel_calls_have_ids_of_their_own(client: openai.OpenAI) -> None:
    messages: Any = user("what time is it in Tokyo and in Oslo?")
    reply = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
    assert calls_of(reply.choices[0].message) == [("get_time", {"city": "Tokyo"}), ("get_time", {"city": "Oslo"})]
    assert len({call.id for call in reply.choices[0].message.tool_calls}) == 2
    alone = client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS, parallel_tool_calls=False)
    assert len(calls_of(alone.choices[0].message)) == 1


def test_parse_gives_objects_of_pydantic_models(client: openai.OpenAI) -> None:
    tools = [openai.pydantic_function_tool(GetTime)]
    reply = client.chat.completions.parse(
        model=MODEL, messages=user("what time is it in Oslo?"), tools=tools, tool_choice="required"
    )
    (call,) = reply.choices[0].message.tool_calls
    assert isinstance(call.function.parsed_arguments, GetTime)
    text = client.chat.completions.parse(model=MODEL, messages=user("hello"), response_format=Place)
    assert isinstance(text.choices[0].message.parsed, Place)
    with client.chat.completions.stream(model=MODEL, messages=user("hello"), response_format=Place) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == text.choices[0].message.parsed


async def _gathered(url: str, texts: list[str]) -> list[Any]:
    import asyncio

    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any") as client:

        async def ask(text: str) -> Any:
            stream = await client.chat.completions.create(model=MODEL, messages=user(text), tools=[TIME], stream=True)
            parts = [chunk.choices[0].delta async for chunk in stream]
            return "".join(call.function.arguments or "" for delta in parts for call in delta.tool_calls or ())

        return await asyncio.gather(*map(ask, texts))


def test_many_at_once_get_each_their_own(url: str) -> None:
    import asyncio

    cities = ["Oslo", "Tokyo", "Paris", "Lima", "Rome", "Berlin"] * 2
    answers = asyncio.run(_gathered(url, [f"what time is it in {city}?" for city in cities]))
    assert [json.loads(answer) for answer in answers] == [{"city": city} for city in cities]


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).id == MODEL
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4")


def test_errors_are_of_the_class_that_programs_catch(client: openai.OpenAI, lam: edge_lam.LAM) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=user("hello"), frequency_penalty=1)
    assert refused.value.param == "frequency_penalty"
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=user("word " * 6000), stream=True)
    assert refused.value.code == "context_length_exceeded"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model=MODEL, input="a")
    with serving(lam, ServeOptions(api_keys=("k",))) as url:
        wrong = openai.OpenAI(base_url=f"{url}/v1", api_key="j")
        with pytest.raises(openai.AuthenticationError):
            wrong.models.list()
        assert openai.OpenAI(base_url=f"{url}/v1", api_key="k").models.list().data


def test_the_example_of_the_docs_runs(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(from openai.+?)```", docs, re.DOTALL)
    assert code
    exec(code[1].replace("http://127.0.0.1:8080", url), {})  # noqa: S102
    assert "name='get_time'" in capsys.readouterr().out

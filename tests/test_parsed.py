"""What pydantic models get back: a reply as an instance of its format, a call as one of its tool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field, field_validator

from edge_lam import LAM, Tool, ToolCall, load
from edge_lam.demo_tools import get_status
from edge_lam.errors import InvalidCall, InvalidReply, InvalidRequest


class Lamp(BaseModel):
    """Set a lamp."""

    state: Literal["on", "off"]
    level: int = Field(ge=0, le=9)


class Unfit(BaseModel):
    state: Literal["on", "off"]

    @field_validator("state")
    @classmethod
    def refuse(cls, value: str) -> str:
        raise ValueError("never")


@pytest.fixture(scope="module")
def lam(tiny_lam_path: Path) -> Iterator[LAM]:
    with load(tiny_lam_path, n_ctx=1024, log="off") as lam:
        yield lam


def test_a_reply_is_an_instance_of_its_format(lam):
    reply = lam.chat("The lamp, as JSON", response_format=Lamp, max_tokens=40)
    assert isinstance(reply.parsed, Lamp)
    assert reply.parsed == Lamp.model_validate_json(reply.text)


def test_a_reply_that_is_none_says_why(lam):
    cut = lam.chat("The lamp, as JSON", response_format=Lamp, max_tokens=3)
    with pytest.raises(InvalidReply, match="the reply is no Lamp: ") as caught:
        _ = cut.parsed
    assert caught.value.raw == cut.text
    refused = lam.chat("The lamp, as JSON", response_format=Unfit, max_tokens=40)
    with pytest.raises(InvalidReply, match=r"the reply is no Unfit: state: .*never"):
        _ = refused.parsed


def test_a_reply_without_a_model_has_no_instance(lam):
    assert lam.chat("Hi", max_tokens=2).parsed is None
    assert lam.chat("Hi", response_format={"type": "json_object"}, max_tokens=2).parsed is None


def test_a_class_that_is_no_model_is_refused(lam):
    with pytest.raises(InvalidRequest, match="response_format is no pydantic model: int") as caught:
        lam.chat("Hi", response_format=int)
    assert caught.value.param == "response_format"


def test_a_call_of_a_model_is_an_instance(lam):
    options = {"tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 60}
    (call,) = lam.chat("Set the lamp", tools=[Lamp], **options).tool_calls
    assert call.parsed == Lamp.model_validate(call.arguments)
    (call,) = lam.chat("How full is the disk?", tools=[get_status], **options).tool_calls
    assert call.parsed == call.arguments
    assert call.tool.name == "get_status"


def test_a_call_that_does_not_fit_says_why():
    assert ToolCall("1", "unknown", {"a": 1}).parsed == {"a": 1}
    with pytest.raises(InvalidCall, match="Lamp: level: Input should be less than or equal to 9"):
        _ = ToolCall("1", "Lamp", {"state": "on", "level": 10}, tool=Tool.from_model(Lamp)).parsed

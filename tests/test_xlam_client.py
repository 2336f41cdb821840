"""The door for programs written for xLAM's own client; each of that client's defects has a test here."""

from __future__ import annotations

import json
from typing import Literal

import pytest

from edge_lam.errors import Closed, InvalidRequest
from edge_lam.tools import Tool
from edge_lam.xlam_client import xLAMChatCompletion, xLAMConfig


def switch_lamp(state: Literal["on", "off"]) -> dict[str, str]:
    """Switch the lamp."""
    return {"lamp": state}


FLAT = Tool.from_function(switch_lamp).definition()
ASKED = [{"role": "user", "content": "Lamp on please"}]
ONE_CALL = {"tool_choice": "required", "parallel_tool_calls": False, "max_tokens": 60}


@pytest.fixture(scope="module")
def client(tiny_lam_path):
    config = xLAMConfig(model=tiny_lam_path, n_ctx=1024, log=False)
    assert str(config.MODEL_NAME) == str(tiny_lam_path)
    with xLAMChatCompletion.from_config(config) as client:
        yield client


@pytest.mark.parametrize("tool", [FLAT, {"type": "function", "function": FLAT}, switch_lamp])
def test_calls_of_flat_and_nested_tools(client, tool):
    done = client.completion(ASKED, tools=[tool], **ONE_CALL)
    (choice,) = done["choices"]
    (call,) = choice["message"]["tool_calls"]
    assert (call["name"], choice["finish_reason"]) == ("switch_lamp", "tool_calls")
    assert call["arguments"]["state"] in ("on", "off")
    assert (choice["message"]["role"], choice["message"]["content"]) == ("assistant", "")
    assert done["usage"]["total_tokens"] == done["usage"]["prompt_tokens"] + done["usage"]["completion_tokens"]
    assert json.loads(json.dumps(done)) == done


def test_a_plain_reply_is_kept(client):
    (choice,) = client.completion(ASKED, tools=[FLAT], tool_choice="none", max_tokens=8)["choices"]
    assert choice["message"]["content"] == client.lam.chat(ASKED, tools=[FLAT], tool_choice="none", max_tokens=8).text
    assert choice["message"]["content"]
    assert choice["message"]["tool_calls"] == []


def test_a_completion_is_a_message_of_the_next_request(client):
    (choice,) = client.completion(ASKED, tools=[FLAT], **ONE_CALL)["choices"]
    result = {"role": "tool", "content": {"lamp": "on"}}
    done = client.completion([*ASKED, choice["message"], result], tools=[FLAT], max_tokens=8)
    assert done["usage"]["prompt_tokens"] > 0


def test_a_system_message_is_read_as_text(client):
    system = {"role": "system", "content": "Speak like a pirate."}
    with_it = client.completion([system, *ASKED], tools=[FLAT], max_tokens=1)["usage"]["prompt_tokens"]
    prompt = client.lam.engine.format.render([system, *ASKED], [Tool.from_schema(FLAT)])
    assert "Speak like a pirate." in prompt
    assert "'role'" not in prompt
    assert with_it == len(client.lam.engine.model.tokenize(prompt))


@pytest.mark.parametrize("option", ["base_url", "api_key", "task_instruction", "format_instruction"])
def test_what_belongs_to_a_server_is_refused_by_name(client, option):
    with pytest.raises(InvalidRequest) as caught:
        xLAMConfig(**{option: "x"})
    assert (caught.value.param, bool(caught.value.hint)) == (option, True)
    with pytest.raises(InvalidRequest) as caught:
        client.completion(ASKED, **{option: "x"})
    assert caught.value.param == option
    assert xLAMConfig(**{option: None}).MODEL_NAME is None


def test_unknown_options_are_refused_by_name(client):
    with pytest.raises(InvalidRequest) as caught:
        xLAMChatCompletion.from_config(xLAMConfig(n_context=5))
    assert caught.value.param == "n_context"
    for option in ("n", "logprobs", "warmth"):
        with pytest.raises(InvalidRequest) as caught:
            client.completion(ASKED, **{option: 1})
        assert caught.value.param == option


def test_it_closes(tiny_lam_path):
    client = xLAMChatCompletion.from_config(xLAMConfig(model=tiny_lam_path, n_ctx=512, log=False))
    client.close()
    with pytest.raises(Closed):
        client.completion(ASKED)

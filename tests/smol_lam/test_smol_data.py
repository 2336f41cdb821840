"""What smol-lam is taught, and the requests it is scored on: sound, weighed where a reply turns, and kept apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tokenizers import Tokenizer

from smol_lam.data import FIRST_WEIGHT, MIX, TURN_WEIGHT, SmolRowMaker, turning_points
from smol_lam.evaluate import REQUESTS, is_right
from tiny_lam import catalog
from tiny_lam.prompt import calls_text

MODELS = Path(__file__).parents[2] / "models"
GROUPS: list[dict[str, Any]] = [
    group for file in sorted(REQUESTS.glob("*.json")) for group in json.loads(file.read_text())
]
REQUESTED = [(group["tools"], request) for group in GROUPS for request in group["requests"]]
CALLS: list[dict[str, Any]] = [
    {"name": "set_timer", "arguments": {"minutes": 5, "label": 'a "}}, {" b'}},
    {"name": "get_status", "arguments": {}},
]


@pytest.fixture(scope="module")
def maker() -> SmolRowMaker:
    return SmolRowMaker(Tokenizer.from_file(str(MODELS / "tiny-lam" / "checkpoint" / "tokenizer.json")), 1)


def test_a_reply_turns_behind_each_value_and_each_call():
    text = calls_text(CALLS)
    behind = [text[place:] for place in sorted(turning_points(CALLS))]
    assert behind == [', "label": "a \\"}}, {\\" b"}}, {"name": "get_status", "arguments": {}}]', *behind[1:]]
    assert behind[1:] == [
        '}}, {"name": "get_status", "arguments": {}}]',
        ', {"name": "get_status", "arguments": {}}]',
        "]",
    ]


def test_only_replies_are_learnt_and_their_turns_weigh_more(maker):
    batch = maker.draw_batch(2)
    decoded = maker.tokenizer.decode(batch.targets[batch.weights > 0].tolist(), skip_special_tokens=False)
    assert "<|im_start|>" not in decoded
    replies = decoded.count("<|im_end|>")
    assert (batch.weights == FIRST_WEIGHT).sum() == replies
    assert (batch.weights == TURN_WEIGHT).sum() > replies / 2


def test_half_of_what_is_taught_is_not_one_call():
    shares = dict(MIX.weights)
    assert sum(shares.values()) == pytest.approx(1)
    assert 0.4 <= shares["parallel"] + shares["irrelevant"] + shares["missing"] <= 0.5


@pytest.mark.parametrize(("tools", "request_"), REQUESTED, ids=[request["request"] for _, request in REQUESTED])
def test_expected_calls_are_calls_of_the_tools(tools, request_):
    schemas = {tool["name"]: tool["parameters"] for tool in tools}
    for calls in (request_["calls"], *request_.get("also", ())):
        for call in calls:
            schema = {**schemas[call["name"]], "additionalProperties": False}
            jsonschema.validate(call["arguments"], schema)


def test_no_training_reads_the_tools_of_the_requests():
    names = {tool["name"] for group in GROUPS for tool in group["tools"]}
    assert not names & {tool.name for tool in (*catalog.DEMO, *catalog.TRAINED, *catalog.HELD_OUT)}
    assert len(GROUPS) == 11
    assert len(REQUESTED) == 60


A, B = ({"name": name, "arguments": {"x": 1}} for name in "ab")


@pytest.mark.parametrize(
    ("request_", "text", "calls", "right"),
    [
        ({"calls": [A]}, "", [A], True),
        ({"calls": [A]}, "", [{"name": "a", "arguments": {"x": 2}}], False),
        ({"calls": [A]}, "", [A, A], False),
        ({"calls": [A], "also": [[B]]}, "", [B], True),
        ({"calls": []}, "I can't do that.", [], True),
        ({"calls": []}, "", [A], False),
        ({"calls": [], "asks": ["day"]}, "On which day?", [], True),
        ({"calls": [], "asks": ["day"]}, "I can't do that.", [], False),
        ({"calls": [], "asks": ["day"]}, "On which day?", [A], False),
    ],
)
def test_a_request_is_right_only_if_it_does_what_is_expected(request_, text, calls, right):
    assert is_right(request_, text, calls) is right

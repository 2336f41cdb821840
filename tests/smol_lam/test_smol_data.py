"""What smol-lam is taught, and the requests it is scored on: sound, weighed where a reply turns, and kept apart."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tokenizers import Tokenizer

from smol_lam.catalog import APPS, TOOLS, read_tools
from smol_lam.data import FIRST_WEIGHT, MIX, TEXT_TOKENS, TURN_WEIGHT, SmolRowMaker, plain_texts, turning_points
from smol_lam.evaluate import REQUESTS, is_right
from tiny_lam import catalog
from tiny_lam.absent import near_tool
from tiny_lam.episodes import ask, draw_conversation, draw_episode
from tiny_lam.prompt import calls_text
from tiny_lam.replies import NO_TOOL, NO_TOOLS_AT_ALL
from tiny_lam.spec import flat, nested

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
    assert 0.5 <= shares["parallel"] + shares["irrelevant"] + shares["missing"] <= 0.6


def test_plain_text_is_long_docstrings_and_none_of_what_perplexity_is_measured_on(maker, tmp_path):
    long = " ".join(["Plain English, as it stands in a library."] * 20)
    for name in ("plain.py", "pydoc_data/topics.py", "test/test_plain.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'def f():\n    """{long}"""\n\ndef g():\n    """Short."""\n')
    (tmp_path / "broken.py").write_text("def f(:\n")
    maker.texts = plain_texts(tmp_path)
    assert maker.texts == [long]
    batch = maker.draw_text()
    (row,) = batch.rows
    assert not row.shared
    assert 0 < row.trunk <= TEXT_TOKENS
    read = maker.tokenizer.decode(batch.ids[batch.preamble :].tolist())
    assert len(read) > 200
    assert read in long


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


def test_the_tools_of_the_catalog_are_new_and_told_by_their_schema():
    names = [tool.name for tool in TOOLS]
    assert len(set(names)) == len(names) > 280
    assert not set(names) & {tool.name for tool in (*catalog.DEMO, *catalog.TRAINED, *catalog.HELD_OUT)}
    assert not set(names) & {tool["name"] for group in GROUPS for tool in group["tools"]}
    rng = random.Random(2)
    for tool in TOOLS:
        validator = jsonschema.Draft202012Validator({**tool.definition()["parameters"], "additionalProperties": False})
        for _ in range(6):
            text, calls, _said = ask(rng, tool, MIX)
            assert "{" not in text
            validator.validate(calls[0]["arguments"])


def test_a_tool_is_read_from_its_lines(tmp_path):
    file = tmp_path / "some.txt"
    file.write_text(
        "# send_flowers | Send flowers.\n"
        "to: text person | Who gets them\n"
        "kind?: choice roses, wild=wild flowers|something wild | Which\n"
        "tags?: list label | Tags\n"
        "card?: flag with a card / without a card|no card | Whether there is a card\n"
        "- send flowers to {to}\n+ flowers to {to} and to {to2}\n? to: send flowers {card}\n"
        "= price: 10..90\n> They cost {price} euros.\n",
        encoding="utf-8",
    )
    (spec,) = read_tools(file)
    schema = spec.definition()["parameters"]
    assert schema["required"] == ["to"]
    assert schema["properties"]["kind"] == {"type": "string", "enum": ["roses", "wild"], "description": "Which"}
    assert schema["properties"]["tags"] == {"type": "array", "items": {"type": "string"}, "description": "Tags"}
    assert schema["properties"]["card"] == {"type": "boolean", "description": "Whether there is a card"}
    assert dict(spec.params["kind"].surfaces)["wild"] == ("wild flowers", "something wild")
    assert dict(spec.params["card"].surfaces)[False] == ("without a card", "no card")
    assert (spec.says, spec.many) == (("send flowers to {to}",), ("flowers to {to} and to {to2}",))
    assert spec.missing == {"to": ("send flowers {card}",)}
    assert (spec.result, spec.answers) == ({"price": (10, 90, 0)}, ("They cost {price} euros.",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello\n# a | A.", "text before the first tool"),
        ("# a | A.\nnonsense", "is no line of a tool"),
        ("# a | A.\nx: thing 1 | X", "unknown type 'thing'"),
        ("# a | A.\nx: text person | X\n- do it", "lacks"),
        ("# a | A.\n? x: do it", "is not a required parameter"),
    ],
)
def test_a_faulty_line_is_named(tmp_path, text, message):
    (tmp_path / "some.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_tools(tmp_path / "some.txt")


def test_tools_of_an_app_come_together_and_what_is_not_given_is_declined():
    rng = random.Random(4)
    of_app = {tool.name: app for app in APPS for tool in app}
    together = near = 0
    for _ in range(150):
        episode = draw_episode(rng, replace(MIX, renamed=0.0, n_tools=(2, 3)), 6)
        given = {tool.name for tool in episode.tools}
        apps = [id(of_app[name]) for name in given if name in of_app]
        together += len(apps) > len(set(apps))
        for turn in (turn for conversation in episode.conversations for turn in conversation):
            if turn.kind == "irrelevant":
                near += any(name in of_app for name in given)
                assert turn.reply in (NO_TOOL, NO_TOOLS_AT_ALL)
    assert together > 20
    assert near > 30


def test_a_near_request_is_for_another_tool_of_the_same_app():
    rng = random.Random(0)
    origins = {tool.name for tool in APPS[0][:2]}
    drawn = [near_tool(rng, list(APPS[0][:2]), APPS) for _ in range(300)]
    others = {tool.name for tool in drawn if tool in TOOLS}
    assert others == {tool.name for tool in APPS[0]} - origins


def test_words_of_a_tools_own_and_lists_of_choices(tmp_path):
    file = tmp_path / "some.txt"
    file.write_text(
        "# ring | Ring on some days.\n"
        "tone: text marimba|old phone | Tone\n"
        "after?: list tea|a nap | What it follows\n"
        "days?: choices mon=Monday|Mondays, tue=Tuesday, wed=Wednesday | Days\n"
        "- ring {tone} on {days} after {after}\n",
        encoding="utf-8",
    )
    (spec,) = read_tools(file)
    schema = spec.definition()["parameters"]
    assert schema["properties"]["tone"] == {"type": "string", "description": "Tone"}
    assert schema["properties"]["days"]["items"] == {"type": "string", "enum": ["mon", "tue", "wed"]}
    rng = random.Random(1)
    for _ in range(20):
        text, calls, _said = ask(rng, spec, replace(MIX, scrambled=0.9, wrapped=0.0))
        arguments = calls[0]["arguments"]
        jsonschema.validate(arguments, schema)
        assert arguments["tone"] in text.lower()
        assert all(day in text.lower() for day in arguments["days"])
        assert all(thing in text for thing in arguments["after"])


def test_a_dotted_parameter_is_a_property_of_an_object(tmp_path):
    file = tmp_path / "some.txt"
    file.write_text(
        "# ship | Ship something.\n"
        "to.name: text person | Who gets it\n"
        "to.city?: text city | Where\n"
        "box.kilograms?: number 1..30 | Weight\n"
        "- ship it to {to.name}\n- {box.kilograms} kg for {to.name} in {to.city}\n? to.name: ship {box.kilograms} kg\n",
        encoding="utf-8",
    )
    (spec,) = read_tools(file)
    schema = spec.definition()["parameters"]
    assert schema["required"] == ["to"]
    assert (schema["properties"]["to"]["required"], schema["properties"]["box"]["required"]) == (["name"], [])
    rng = random.Random(1)
    seen = [ask(rng, spec, MIX)[1][0]["arguments"] for _ in range(20)]
    assert {tuple(arguments) for arguments in seen} == {("to",), ("to", "box")}
    for arguments in seen:
        jsonschema.validate(arguments, schema)
        assert nested(flat(arguments)) == arguments
    asked = {turn.reply for _ in range(9) for turn in draw_conversation(rng, MIX, [spec], "missing")[:1]}
    assert asked == {"Could you tell me the name?"}

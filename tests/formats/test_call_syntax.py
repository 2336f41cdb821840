"""Each way to spell calls: what its grammar accepts under each choice, and that the parser reads what it generates."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from edge_lam.formats import FORMATS
from edge_lam.formats.grammar import reply_grammar
from edge_lam.formats.parser import parse_reply
from edge_lam.formats.syntax import ARRAY, THOUGHT_AND_TOOL_CALLS, TOOL_CALLS
from edge_lam.tools import Tool
from tests.amount import many

SYNTAXES = {"array": ARRAY, "tool_calls": TOOL_CALLS, "thought": THOUGHT_AND_TOOL_CALLS}
WEATHER = Tool("get_weather", "", {"properties": {"city": {"type": "string"}, "days": {"type": "integer"}}})
NOW = Tool("now", "", {})
TOOLS = [WEATHER, NOW]

ONE = '{"name": "get_weather", "arguments": {"city": "Malmö", "days": 2}}'
TWO = f'{ONE}, {{"name": "now", "arguments": {{}}}}'
WRAPPED = {
    "array": "[CALLS]",
    "tool_calls": '{"tool_calls": [CALLS]}',
    "thought": '{"thought": "Ich \\"prüfe\\" es.", "tool_calls": [CALLS]}',
}

each_syntax = pytest.mark.parametrize("kind", SYNTAXES)


def reply(kind: str, calls: str) -> str:
    return WRAPPED[kind].replace("CALLS", calls)


def grammar(kind: str, tool_choice: str = "auto", **options) -> str:
    return reply_grammar(SYNTAXES[kind], TOOLS, tool_choice, **options)


@each_syntax
@pytest.mark.parametrize("calls", [ONE, TWO])
def test_calls_are_spelled_as_in_training(refused_at, kind, calls):
    text = reply(kind, calls)
    for choice in ("auto", "required"):
        assert refused_at(grammar(kind, choice), text) is None
        for other in (
            text.replace(", ", ","),
            text.replace(": ", ":"),
            text + " ",
            text + "\n",
            text.replace("[", "[ "),
        ):
            assert refused_at(grammar(kind, choice), other) is not None
    assert refused_at(grammar(kind, "auto"), f"\n {text}") is None
    assert refused_at(grammar(kind, "required"), f"\n {text}") is not None
    parsed = parse_reply(text, TOOLS)
    assert [(call.name, call.arguments) for call in parsed.calls] == [
        (call["name"], call["arguments"]) for call in json.loads(f"[{calls}]")
    ]
    assert parsed.text == ('Ich "prüfe" es.' if kind == "thought" else "")


@each_syntax
def test_one_call_or_several(refused_at, kind):
    assert refused_at(grammar(kind, "required", parallel=False), reply(kind, ONE)) is None
    assert refused_at(grammar(kind, "required", parallel=False), reply(kind, TWO)).startswith(", ")
    assert refused_at(grammar(kind, "now"), reply(kind, '{"name": "now", "arguments": {}}')) is None
    assert refused_at(grammar(kind, "now"), reply(kind, ONE)).startswith("get_weather")


@each_syntax
def test_no_call(refused_at, kind):
    """Plain text says so, or an empty list in the formats that were trained on it."""
    empty, listed = reply(kind, ""), kind != "array"
    for choice in ("auto", "none"):
        assert (refused_at(grammar(kind, choice), empty) is None) == listed
        assert refused_at(grammar(kind, choice), reply(kind, ONE)) is None or choice == "none"
    assert refused_at(grammar(kind, "required"), empty) is not None
    assert refused_at(grammar(kind, "auto"), "It rains.") is None
    assert (refused_at(grammar(kind, "none"), "It rains.") is None) != listed
    assert parse_reply(empty, TOOLS).calls == ()


@each_syntax
def test_text_does_not_begin_like_calls(refused_at, kind):
    first = SYNTAXES[kind].first[0]
    assert refused_at(grammar(kind, "auto"), f" {first}x") is not None
    assert refused_at(grammar(kind, "none"), f" {first}x") is not None
    assert refused_at(grammar(kind, "auto"), f"x{first}") is None


@each_syntax
def test_after_the_calls_only_the_end_of_turn(matcher, kind):
    compiled = matcher(grammar(kind))
    compiled.consume_tokens(list(reply(kind, TWO).encode()))
    mask = compiled.compute_bitmask()
    assert [token for token in range(257) if mask[token // 8] >> token % 8 & 1] == [256]


def test_the_first_bytes_of_calls():
    assert [syntax.first for syntax in SYNTAXES.values()] == ["[", '{"', '{"']


FORECAST = {
    "type": "object",
    "properties": {"sky": {"enum": ["clear", "rain"]}, "degrees": {"type": "number"}},
    "required": ["sky"],
    "additionalProperties": False,
}


def test_text_as_json(refused_at):
    alone = reply_grammar(ARRAY, [], "auto", response_schema=FORECAST)
    beside = reply_grammar(ARRAY, TOOLS, "auto", response_schema=FORECAST)
    without = reply_grammar(ARRAY, TOOLS, "none", response_schema=FORECAST)
    answer = '{"sky": "rain", "degrees": -1.5}'
    for of in (alone, beside, without):
        assert refused_at(of, answer) is None
        assert refused_at(of, '{"sky": "snow"}') == 'snow"}'
        assert refused_at(of, "It rains") == "It rains"
        assert refused_at(of, answer + " ") == " "
    assert refused_at(beside, reply("array", TWO)) is None
    assert refused_at(alone, reply("array", TWO)) is not None
    assert refused_at(without, reply("array", TWO)) is not None


def test_any_json_object(refused_at):
    of = reply_grammar(ARRAY, [], "auto", response_schema={"type": "object"})
    assert refused_at(of, '{"a": [1, {"b": null}], "": "é"}') is None
    assert refused_at(of, "[1]") == "[1]"


# The triangle, over random tools: what the grammar generates, the parser reads as valid calls.

names = st.text("abcxyz_", min_size=1, max_size=6)
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8)


@st.composite
def integers(draw):
    low = draw(st.integers(-(10**6), 10**6))
    return {"type": "integer", "minimum": low, "maximum": low + draw(st.integers(0, 10**6))}


leaves = st.one_of(
    st.just({"type": "string"}),
    st.just({"type": "boolean"}),
    st.just({"type": ["string", "null"]}),
    integers(),
    st.lists(words, min_size=1, max_size=4, unique=True).map(lambda values: {"type": "string", "enum": values}),
    st.one_of(words, st.integers(-99, 99), st.none()).map(lambda value: {"const": value}),
    st.sampled_from(["date", "time", "uuid", "ipv4"]).map(lambda name: {"type": "string", "format": name}),
    st.sampled_from(["^[A-Z]{2}[0-9]+$", "a|b+", "é$"]).map(lambda pattern: {"type": "string", "pattern": pattern}),
    st.tuples(st.integers(0, 3), st.integers(3, 9)).map(
        lambda size: {"type": "string", "minLength": size[0], "maxLength": size[1]}
    ),
)


def objects(values):
    properties = st.dictionaries(names | words.filter(bool), values, max_size=4)
    return properties.flatmap(
        lambda inner: (
            st.lists(st.sampled_from(sorted(inner)), unique=True).map(
                lambda required: {"type": "object", "properties": inner, "required": required}
            )
            if inner
            else st.just({"type": "object", "properties": {}})
        )
    )


schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        objects(inner),
        st.tuples(inner, st.integers(0, 2)).map(
            lambda p: {"type": "array", "items": p[0], "minItems": p[1], "maxItems": 3}
        ),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
    ),
    max_leaves=6,
)
toolboxes = st.lists(st.tuples(names, objects(schemas)), min_size=1, max_size=4, unique_by=lambda pair: pair[0]).map(
    lambda pairs: [Tool(name, "", parameters) for name, parameters in pairs]
)


CLOSING = (*b'"}],', 256)


def write(compiled, seed: int, most: int = 3000) -> tuple[bytes, bool]:
    """Walk a grammar at random, byte by byte, leaning towards the end; return what was written, and if it is whole."""
    choices, written = random.Random(seed), bytearray()
    while len(written) < most:
        mask = compiled.compute_bitmask()
        assert not compiled.is_error(), compiled.get_error()
        allowed = [token for token in range(257) if mask[token // 8] >> token % 8 & 1]
        closing = [token for token in allowed if token in CLOSING]
        token = choices.choice(closing if closing and choices.random() < 0.6 else allowed)
        if token == 256:
            return bytes(written), True
        compiled.consume_tokens([token])
        written.append(token)
    return bytes(written), False


@pytest.mark.slow
@settings(max_examples=many(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tools=toolboxes, kind=st.sampled_from(sorted(SYNTAXES)), seed=st.integers(0, 2**32), parallel=st.booleans())
def test_what_any_grammar_generates_the_parser_reads(matcher, tools, kind, seed, parallel):
    compiled = matcher(reply_grammar(SYNTAXES[kind], tools, "required", parallel=parallel))
    written, whole = write(compiled, seed)
    text = written.decode(errors="ignore")
    parsed = parse_reply(text, tools, complete=whole)
    assert parsed.errors == ()
    if not whole:
        return
    assert parsed.calls
    assert parallel or len(parsed.calls) == 1
    spelled = json.loads(text)
    if kind == "array":
        assert parsed.text == ""
    else:
        assert parsed.text == spelled.get("thought", "").strip()
        spelled = spelled["tool_calls"]
    assert [{"name": call.name, "arguments": call.arguments} for call in parsed.calls] == spelled
    by_name = {tool.name: tool.parameters for tool in tools}
    for call in parsed.calls:
        Draft202012Validator(by_name[call.name]).validate(call.arguments)
        order = list(by_name[call.name]["properties"])
        assert list(call.arguments) == [name for name in order if name in call.arguments]
    if "\\" not in text:  # characters can be escaped in several ways
        read = json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=Pairs)
        assert respelled(read) == text


class Number(str):
    """A number as it was written."""


class Pairs(list):
    """The keys and values of an object as they were written; a free one may have a key twice."""


def respelled(value: object) -> str:
    """Write JSON as the models were trained to."""
    if isinstance(value, Pairs):
        return f"{{{', '.join(f'{respelled(key)}: {respelled(item)}' for key, item in value)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(respelled, value))}]"
    return value if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("choice", ["required", "none", "now"])
def test_grammar_and_parser_of_every_format_agree(matcher, name, choice):
    chat_format = FORMATS[name]("{{ messages }}")  # the template plays no part here
    for seed in range(5):
        written, whole = write(matcher(chat_format.grammar(TOOLS, choice)), seed)
        reply = chat_format.parse(written.decode(errors="ignore"), TOOLS, complete=whole)
        called = {call.name for call in reply.calls}
        assert reply.errors == ()
        assert called <= ({"now"} if choice == "now" else {"now", "get_weather"})
        if whole:
            assert bool(called) == (choice != "none")

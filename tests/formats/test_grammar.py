"""The grammar of replies: what it accepts, what it refuses and where, and that the parser reads all of it."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_lam.errors import InvalidRequest, InvalidSchema
from edge_lam.formats import XLam2Qwen
from edge_lam.tools import Tool

FORM = XLam2Qwen()
WEATHER = Tool(
    "get_weather",
    "Weather",
    {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius", "é F"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 14},
        },
        "required": ["city"],
    },
)
NOW = Tool("get", "Now", {})
TREE = Tool(
    "walk.tree",
    "Tree",
    {
        "properties": {
            "tree": {"$ref": "#/$defs/Node"},
            "sizes": {"type": "array", "items": {"type": "number"}},
            "free": {"type": "object"},
            "on": {"type": ["boolean", "null"]},
        },
        "required": ["tree"],
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                },
                "required": ["name"],
            }
        },
    },
)
TOOLS = [WEATHER, NOW, TREE]


def call(name, arguments):
    return json.dumps([{"name": name, "arguments": arguments}], ensure_ascii=False)


ACCEPTED = [
    call("get_weather", {"city": 'Malmö "\\ \n\x01 🌧'}),
    call("get_weather", {"city": "", "unit": "é F", "days": 14}),
    call("get_weather", {"city": "x", "days": 1}),
    call("get", {}),
    call("walk.tree", {"tree": {"name": "a", "children": [{"name": "b", "children": []}]}, "sizes": [1, -2.5, 1e-3]}),
    call("walk.tree", {"tree": {"name": "a"}, "free": {"k": [None, {"z": True}], "": 1}, "on": None}),
]
# Text that the grammar refuses, and where.
REFUSED = [
    (call("get_wether", {"city": "x"}), "ther"),  # an unknown tool
    (call("get_weather", {"city": "x", "nope": 1}), "nope"),
    (call("get_weather", {"city": 5}), "5"),
    (call("get_weather", {"city": None}), "null"),
    (call("get_weather", {}), "}}]"),
    (call("get_weather", {"unit": "celsius"}), "unit"),  # the required city comes first
    (call("get_weather", {"city": "x", "unit": "kelvin"}), "kelvin"),
    (call("get_weather", {"city": "x", "days": 15}), "5"),
    (call("get_weather", {"city": "x", "days": 1.5}), ".5"),
    (call("get_weather", {"days": 1, "city": "x"}), "days"),
    (call("get", {"x": 1}), '"x'),
    (call("walk.tree", {"tree": {"name": "a", "size": 1}}), "size"),
    ('[{"name":"get"', '"get"'),
    ('[{"name": "get","arguments"', '"arguments"'),
    ('[{"name": "get", "arguments":{}', "{}"),
    ('[{"name": "get"}', "}"),
    ('[ {"name"', " {"),
    ('[{ "name"', ' "name'),
    ('[{"arguments": {}', "arguments"),
    ('[{"name": "get_weather", "arguments": {"city": "x","days"', '"days'),
    ('[{"name": "get_weather", "arguments": {"city": "\\u00e9', "e9"),  # raw UTF-8, not escapes
    ('[{"name": "get", "arguments": {}} ]', " ]"),
    ('[{"name": "get", "arguments": {}}]\n', "\n"),
    ('[{"name": "get", "arguments": {}}] done', " done"),
    ("[]", "]"),
    ("[1", "1"),
]
TEXTS = ["", " ", "\n\n", "Hello [x].", " Hi", "{}", "```json\n[", "é\x00🌧", "<|im_end|>", "null"]
ARRAY_TEXTS = ["[", " [", "\n\t [1", "[Note]"]


@pytest.mark.parametrize("text", ACCEPTED)
@pytest.mark.parametrize("tool_choice", ["auto", "required"])
def test_accepts(refused_at, text, tool_choice):
    assert refused_at(FORM.grammar(TOOLS, tool_choice), text) is None


@pytest.mark.parametrize(("text", "rest"), REFUSED)
@pytest.mark.parametrize("tool_choice", ["auto", "required"])
def test_refuses(refused_at, text, rest, tool_choice):
    refused = refused_at(FORM.grammar(TOOLS, tool_choice), text)
    assert refused
    assert refused.startswith(rest)


@pytest.mark.parametrize("text", TEXTS)
def test_text_under_each_choice(refused_at, text):
    assert refused_at(FORM.grammar(TOOLS, "auto"), text) is None
    assert refused_at(FORM.grammar(TOOLS, "none"), text) is None
    assert refused_at(FORM.grammar(TOOLS, "required"), text) is not None
    assert refused_at(FORM.grammar([]), text) is None


@pytest.mark.parametrize("text", ARRAY_TEXTS)
def test_text_never_opens_like_a_call(refused_at, text):
    assert refused_at(FORM.grammar(TOOLS, "none"), text) == text.lstrip()
    if text.strip() != "[":
        assert refused_at(FORM.grammar(TOOLS, "auto"), text)
    assert refused_at(FORM.grammar([]), text) is None


def test_required_refuses_empty_text(matcher):
    assert not matcher(FORM.grammar(TOOLS, "required")).is_accepting()
    assert matcher(FORM.grammar(TOOLS, "auto")).is_accepting()


def test_after_the_array_only_the_end_of_turn(matcher):
    compiled = matcher(FORM.grammar(TOOLS))
    compiled.consume_tokens(list(call("get", {}).encode()))
    mask = compiled.compute_bitmask()
    assert [token for token in range(257) if mask[token // 8] >> token % 8 & 1] == [256]


def test_parallel_calls_only_if_wanted(refused_at):
    two = '[{"name": "get", "arguments": {}}, {"name": "get_weather", "arguments": {"city": "x"}}]'
    assert refused_at(FORM.grammar(TOOLS), two) is None
    assert (
        refused_at(FORM.grammar(TOOLS, parallel=False), two) == ', {"name": "get_weather", "arguments": {"city": "x"}}]'
    )
    assert refused_at(FORM.grammar(TOOLS, parallel=False), two.partition("}}, ")[0] + "}}]") is None
    assert refused_at(FORM.grammar(TOOLS), two.replace("}}, {", "}},{"))


def test_named_tool_alone_may_be_called(refused_at):
    grammar = FORM.grammar(TOOLS, "get")
    assert refused_at(grammar, call("get", {})) is None
    assert refused_at(grammar, call("get_weather", {"city": "x"})) == '_weather", "arguments": {"city": "x"}}]'
    assert refused_at(grammar, "Hi") == "Hi"


@pytest.mark.parametrize(
    ("tools", "tool_choice", "message"),
    [
        (TOOLS, "wether", "unknown tool_choice 'wether'.*auto, required, none, get_weather, get, walk.tree"),
        ([], "required", "tool_choice='required' without tools"),
        ([], "get", "tool_choice='get' without tools"),
    ],
)
def test_impossible_choices(tools, tool_choice, message):
    with pytest.raises(InvalidRequest, match=message) as caught:
        FORM.grammar(tools, tool_choice)
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("parameters", "path", "message"),
    [
        ({"properties": {"a": {"type": "string", "pattern": "(?=x)"}}}, "/properties/a", "look-around"),
        (
            {"properties": {"a": {"properties": {"b/c": {"items": {"not": {"pattern": r"\bx"}}}}}}},
            "/properties/a/properties/b~1c/items/not",
            "look-around",
        ),
        ({"properties": {"a": {"anyOf": [{"type": "null"}, {"minLenght": 3}]}}}, "/properties/a/anyOf/1", "minLength"),
        ({"properties": {"a": {"$ref": "#/$defs/X"}}, "$defs": {}}, "/properties/a", "there is no schema at"),
        ({"properties": {}, "$dynamicRef": "#x"}, "", "dynamicRef"),
    ],
)
def test_schema_that_cannot_be_enforced_names_tool_and_path(parameters, path, message):
    bad = Tool("bad.tool", "", parameters)
    with pytest.raises(InvalidSchema, match=message) as caught:
        FORM.grammar([WEATHER, bad])
    assert (caught.value.tool, caught.value.path) == ("bad.tool", path)
    assert "'bad.tool'" in caught.value.message
    assert "\n" not in caught.value.message


def test_too_many_tools():
    tools = [Tool(f"t{number}", "", {}) for number in range(2000)]
    with pytest.raises(InvalidRequest, match="2000 tools are too many") as caught:
        FORM.grammar(tools)
    assert caught.value.param == "tools"
    assert FORM.grammar(tools, "t1999")


def test_bad_tool_does_not_matter_when_another_is_chosen(refused_at):
    bad = Tool("bad", "", {"properties": {"a": {"type": "string", "pattern": "["}}})
    with pytest.raises(InvalidSchema, match="no regular expression"):
        FORM.grammar([WEATHER, bad])
    assert refused_at(FORM.grammar([WEATHER, bad], "get_weather"), ACCEPTED[0]) is None


def test_names_that_are_prefixes_of_each_other(refused_at):
    tools = [Tool(name, "", {"properties": {name: {"type": "integer"}}}) for name in ("a", "ab", "a.b", "a-b", "A")]
    for tool in tools:
        assert refused_at(FORM.grammar(tools), call(tool.name, {tool.name: 1})) is None
        other = "ab" if tool.name != "ab" else "a"
        assert refused_at(FORM.grammar(tools), call(tool.name, {other: 1}))


def test_descriptions_change_nothing():
    plain = Tool("f", "", {"properties": {"x": {"type": "string"}}})
    described = Tool("f", "d", {"properties": {"x": {"type": "string", "description": 'q " // \\ \n #', "title": "T"}}})
    assert FORM.grammar([plain]) == FORM.grammar([described])


# The triangle: what the grammar allows, the parser reads.

json_strings = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"))
trees = st.recursive(
    st.fixed_dictionaries({"name": json_strings}),
    lambda node: st.tuples(json_strings, st.lists(node, max_size=3)).map(
        lambda pair: {"name": pair[0], "children": pair[1]}
    ),
    max_leaves=4,
)
any_calls = st.one_of(
    st.fixed_dictionaries(
        {
            "name": st.just("get_weather"),
            "arguments": st.fixed_dictionaries(
                {"city": json_strings},
                optional={"unit": st.sampled_from(["celsius", "é F"]), "days": st.integers(1, 14)},
            ),
        }
    ),
    st.just({"name": "get", "arguments": {}}),
    st.fixed_dictionaries(
        {
            "name": st.just("walk.tree"),
            "arguments": st.fixed_dictionaries(
                {"tree": trees},
                optional={
                    "sizes": st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9)),
                    "on": st.none() | st.booleans(),
                },
            ),
        }
    ),
)


def in_schema_order(one):
    order = list(next(tool for tool in TOOLS if tool.name == one["name"]).parameters["properties"])
    arguments = one["arguments"]
    return {"name": one["name"], "arguments": {key: arguments[key] for key in order if key in arguments}}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(any_calls, min_size=1, max_size=4))
def test_rendered_calls_are_accepted_and_read_back(refused_at, calls):
    calls = [in_schema_order(one) for one in calls]
    text = json.dumps(calls, ensure_ascii=False)
    assert refused_at(FORM.grammar(TOOLS), text) is None
    reply = FORM.parse(text, TOOLS)
    assert [{"name": call.name, "arguments": call.arguments} for call in reply.calls] == calls
    assert (reply.text, reply.errors) == ("", ())
    history = [{"role": "assistant", "content": None, "tool_calls": [call.to_openai() for call in reply.calls]}]
    assert f"<|im_start|>assistant\n{text}<|im_end|>" in FORM.render(history)


@pytest.mark.parametrize("seed", range(40))
def test_what_the_grammar_generates_the_parser_reads(matcher, seed):
    """Walk the grammar at random, byte by byte, leaning towards the end."""
    rng = random.Random(seed)
    compiled = matcher(FORM.grammar(TOOLS, "required"))
    written = bytearray()
    while not compiled.is_stopped() and len(written) < 4000:
        mask = compiled.compute_bitmask()
        allowed = [token for token in range(257) if mask[token // 8] >> token % 8 & 1]
        closing = [token for token in allowed if token in b'"}],' or token == 256]
        token = rng.choice(closing if closing and rng.random() < 0.5 else allowed)
        compiled.consume_tokens([token])
        if token == 256:
            break
        written.append(token)
    assert compiled.is_accepting() or len(written) == 4000
    reply = FORM.parse(written.decode(errors="ignore"), TOOLS, complete=len(written) < 4000)
    if len(written) < 4000:
        assert reply.calls
        assert (reply.text, reply.errors) == ("", ())
        assert {call.name for call in reply.calls} <= {tool.name for tool in TOOLS}

"""Grammars as llama.cpp gets them: the language is llguidance's, and what they can't hold is told."""

from __future__ import annotations

import json
import random
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer

from edge_lam.demo_tools import DEMO_TOOLS
from edge_lam.schema.compile import compile_schema
from edge_lam.schema.gbnf import UnreadableError, complaint_about, fits, gbnf_text, left_of, read_lark, takes_too_much
from edge_lam.schema.guidance import Complaint, grammar_complaint, is_in_grammar, json_rule
from edge_lam.tools import as_tools

NODE = {"type": "object", "properties": {"v": {"type": "integer"}, "n": {"$ref": "#/$defs/N"}}, "required": ["v"]}
A, B = {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}  # each may be the other at once
MANY = {"type": "array", "items": A}
TWO = {"a": {"type": "integer"}, "b": {"type": "null"}, "c": {"type": "boolean"}}
# Where the language is the same to the last character; fractions within bounds have a test of their own.
SCHEMAS = [
    {"type": "string"},
    {"type": "number"},
    {"type": "integer"},
    {"type": "integer", "minimum": -5, "maximum": 120},
    {"type": "integer", "minimum": 7},
    {"type": "integer", "maximum": -3},
    {"type": "integer", "maximum": 99},
    {"type": "integer", "exclusiveMinimum": 9, "exclusiveMaximum": 1001},
    {"type": "string", "minLength": 2, "maxLength": 4},
    {"type": "string", "pattern": "^[a-z]{2,3}$"},
    {"type": "string", "pattern": "ab+"},
    {"type": "string", "pattern": r"^\d{4}-\d{2}$"},
    {"type": "string", "pattern": r"^(\w+)@(?:\w+)\.com$"},
    {"type": "string", "pattern": "^a|b$"},
    {"type": "string", "pattern": "^(?P<word>foo|bar)$"},
    {"type": "string", "pattern": r"[\s]"},
    {"type": "string", "pattern": r"^[^a-z\n\"]+$"},
    {"type": "string", "pattern": r"^\S*$"},
    {"type": "string", "pattern": r"^(^a$|^b$)$"[1:-1]},
    {"type": "string", "pattern": r"^[\w.+-]+?$"},
    {"type": "string", "pattern": r"^\x41\x{1f600}*é$"},
    {"type": "string", "pattern": "^a.b$"},
    *({"type": "string", "format": name} for name in ("date", "time", "date-time", "duration", "hostname")),
    *({"type": "string", "format": name} for name in ("ipv4", "uuid", "uri")),
    {"enum": ["a", "b\n", 'c"d', "é", 1, None, True, [1, "x"], {"b": 2}, 1.5, -3, [], {}]},
    {"type": ["integer", "null"], "enum": [1, None, "a"]},
    {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 3},
    {"type": "array", "items": {"type": "string"}},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    {"type": "array", "prefixItems": [{"type": "integer"}], "minItems": 1, "items": {"type": "null"}, "maxItems": 3},
    {"type": "array", "items": {"type": "boolean"}, "maxItems": 0},
    {"type": "object"},
    {"type": "object", "properties": {"a": {"type": "integer"}, "ab": False}, "additionalProperties": {"type": "null"}},
    {"type": "object", "properties": TWO, "additionalProperties": False},
    {"type": "object", "properties": TWO, "required": ["b"], "additionalProperties": False},
    {"type": "object", "properties": TWO, "minProperties": 1, "additionalProperties": False},
    {"type": "object", "properties": TWO, "maxProperties": 1, "additionalProperties": False},
    {"type": "object", "minProperties": 2, "maxProperties": 3, "additionalProperties": {"type": "integer"}},
    {"type": "object", "patternProperties": {"^x-": {"type": "integer"}}, "additionalProperties": False},
    {"anyOf": [{"type": "string", "maxLength": 2}, {"const": "abcd"}, {"type": "null"}]},
    {"oneOf": [{"type": "integer"}, {"type": "null"}]},
    {"minLength": 3, "minimum": 3},
    {"allOf": [{"minimum": 3}, {"type": "integer"}], "maximum": 8},
    {"allOf": [{"properties": {"a": TWO["a"]}, "required": ["a"], "type": "object"}, {"properties": {"b": TWO["b"]}}]},
    {"$ref": "#/$defs/N", "$defs": {"N": NODE}},
    {
        "$ref": "#/$defs/A",
        "$defs": {
            "A": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}, {"$ref": "#/$defs/B"}]},
            "B": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "array", "items": {"$ref": "#/$defs/A"}}]},
        },
    },
    {"$ref": "#/$defs/S", "maxLength": 2, "$defs": {"S": {"type": "string", "minLength": 1}}},
    {"properties": {"a": TWO["a"]}, "allOf": [{"additionalProperties": False}], "type": "object"},
]


def texts_of(grammar: str, count: int) -> list[str]:
    """Write in a grammar at random, and spoil some of that."""
    choices, texts = random.Random(grammar), {'"cabbage"', '"a@b.com"'}  # what chance does not find
    fresh = LLMatcher(LLTokenizer("byte"), grammar)
    for _ in range(count):
        matcher, written = fresh.deep_copy(), bytearray()
        while (
            len(written) < 60 and not matcher.is_stopped() and not (matcher.is_accepting() and choices.random() < 0.4)
        ):
            bits = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
            every = [int(byte) for byte in np.unpackbits(bits, bitorder="little").nonzero()[0] if byte <= 0xFF]
            allowed = [byte for byte in every if byte < 0x80] or every
            closing = [byte for byte in allowed if byte in b'"}],']
            byte = choices.choice(closing if closing and choices.random() < 0.4 else allowed)
            matcher.consume_token(byte)
            written.append(byte)
        text = written.decode(errors="ignore")
        at = choices.randrange(len(text) + 1)
        texts |= {text, text[:at] + text[at + 1 :], text[:at] + choices.choice('0159.-e"{}[], aA:\\né') + text[at:]}
    return sorted(texts)


def check_language(schema, count: int) -> int:
    """Compare llama.cpp's language with llguidance's on random texts, and return how many are in it."""
    grammar = f"start: {json_rule(schema)}"
    read = read_lark(grammar)
    assert not any(read.left.values())
    # A name that is not listed may hold \u0041 for A in llguidance, as no string may; here it may not either.
    texts = [text for text in texts_of(grammar, count) if "\\u" not in text]
    for text in texts:
        assert fits(read.rules, text) == is_in_grammar(text, grammar), text
    return sum(is_in_grammar(text, grammar) for text in texts)


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_the_language_is_that_of_llguidance(schema):
    assert check_language(schema, 15)


# Places count from the root.
PARTS = [schema for schema in SCHEMAS if "$defs" not in schema]
PAIRS = list(zip(PARTS, [*PARTS[7:], *PARTS[:7]], strict=True))


@pytest.mark.parametrize("schema", PAIRS, ids=str)
def test_so_it_is_of_parts_beside_each_other(schema):
    first, second = schema
    pair = {"type": "object", "properties": {"a": first, "b": second}, "required": ["b"], "additionalProperties": False}
    check_language(pair, 4)
    check_language({"type": "array", "prefixItems": [first], "items": second, "maxItems": 3}, 4)
    check_language({"anyOf": [first, {"type": "array", "items": second, "minItems": 1}]}, 4)


@pytest.mark.parametrize("tool", as_tools(DEMO_TOOLS), ids=lambda tool: tool.name)
def test_so_it_is_of_the_arguments_of_tools(tool):
    check_language(compile_schema(tool.parameters).grammar, 10)


@given(
    low=st.none() | st.decimals(-200, 200, places=3),
    high=st.none() | st.decimals(-200, 200, places=3),
    opens=st.tuples(st.booleans(), st.booleans()),
    value=st.decimals(-250, 250, places=3),
    zeros=st.sampled_from(["", "0", "000"]),
)
def test_a_fraction_within_bounds_fits_whatever_zeros_it_ends_in_unlike_in_llguidance(low, high, opens, value, zeros):
    schema, is_inside = {"type": "number"}, True
    if low is not None:
        schema["exclusiveMinimum" if opens[0] else "minimum"] = float(low)
        is_inside &= value > low if opens[0] else value >= low
    if high is not None:
        schema["exclusiveMaximum" if opens[1] else "maximum"] = float(high)
        is_inside &= value < high if opens[1] else value <= high
    grammar = f"start: {json_rule(schema)}"
    if complaint_about(grammar):
        assert low > high or (low == high and any(opens))
        return
    text = format(value, "f") + zeros
    if value and low != high:  # zero has no sign, and one value is written in one way
        assert fits(read_lark(grammar).rules, text) == is_inside
    plain = format(Decimal(text).normalize(), "f")
    if is_in_grammar(plain, grammar):
        assert fits(read_lark(grammar).rules, plain)


def test_texts_keep_their_ends_of_lines():
    schema = {"enum": ["a\u2028b", "c\x85d"]}
    rules = read_lark(f"start: {json_rule(schema)}").rules
    assert fits(rules, '"a\u2028b"')
    assert fits(rules, '"c\x85d"')


@pytest.mark.parametrize("grammar", ["start: (", "start: *", "start: %json {", "start: other", 'start: "a" )'])
def test_lark_that_is_none_is_unreadable(grammar):
    with pytest.raises(UnreadableError):
        read_lark(grammar)


BEYOND = [
    ({"type": "integer", "multipleOf": 3}, "/properties/v", "multipleOf"),
    ({"type": "string", "pattern": "^a+$", "maxLength": 3}, "/properties/v", "maxLength"),
    ({"type": "string", "pattern": "^a+$", "format": "hostname"}, "/properties/v", "format"),
    ({"type": "string", "maxLength": 5000}, "/properties/v", "maxLength"),
    ({"type": "array", "maxItems": 5000}, "/properties/v", "maxItems"),
    ({"type": "array", "items": {"type": "null"}, "minItems": 5000}, "/properties/v", "minItems"),
    ({"type": "object", "maxProperties": 3000}, "/properties/v", "maxProperties"),
    ({"type": "string", "pattern": r"^\p{L}$"}, "/properties/v", "pattern"),
    ({"allOf": [{"type": "string", "format": "email"}, {"minLength": 30}]}, "/properties/v/allOf/1", "minLength"),
    (
        {"type": "object", "patternProperties": {"^x": {"type": "null"}}, "additionalProperties": {"type": "integer"}},
        "/properties/v",
        "patternProperties",
    ),
    ({"type": "array", "items": {"type": "integer", "multipleOf": 5}}, "/properties/v/items", "multipleOf"),
]


@pytest.mark.parametrize(("part", "path", "keyword"), BEYOND, ids=str)
def test_what_llama_cpp_can_t_hold_is_told_by_path_and_left_to_the_check(part, path, keyword):
    compiled = compile_schema({"type": "object", "properties": {"v": part}, "required": ["v"]})
    held = {(each.path, each.keyword): each.how for each in compiled.support}
    loose = {(each.path, each.keyword): each for each in compiled.under("gbnf").support}
    assert (held[path, keyword], loose[path, keyword].how) == ("grammar", "checked")
    assert "llama.cpp" in loose[path, keyword].reason
    assert [key for key in held if loose[key].how != held[key]] == [(path, keyword)]
    # What is left out makes the grammar weaker, never stronger.
    grammar = f"start: {json_rule(compiled.grammar)}"
    rules = read_lark(grammar).rules
    assert all(fits(rules, text) for text in texts_of(grammar, 10) if is_in_grammar(text, grammar))


LOOP = {"$ref": "#/$defs/A", "$defs": {"A": {"allOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}}}


@pytest.mark.parametrize(
    ("grammar", "complaint"),
    [
        (f"start: {json_rule({'type': 'integer', 'minimum': 3, 'maximum': 2})}", Complaint.NOTHING_FITS),
        (f"start: {json_rule({'type': 'string', 'pattern': '(?=a)b'})}", Complaint.LOOK_AROUND),
        (f"start: {json_rule({'type': 'string', 'pattern': '(a)' + chr(92) + '1'})}", Complaint.BACK_REFERENCE),
        (f"start: {json_rule({'type': 'string', 'pattern': '['})}", Complaint.BAD_PATTERN),
        (f"start: {json_rule({'$ref': '#/$defs/A'})}", Complaint.NO_SUCH_PLACE),
        (f"start: {json_rule(LOOP)}", Complaint.CIRCULAR),
        (f"start: {json_rule({'type': 'string', 'pattern': '(' * 3000 + ')' * 3000})}", Complaint.TOO_BIG),
        ("start: [", Complaint.OTHER),
    ],
    ids=str,
)
def test_complaints_are_those_of_llguidance(grammar, complaint):
    assert complaint_about(grammar) is complaint
    assert grammar_complaint(grammar) in (complaint, Complaint.OTHER, Complaint.BAD_PATTERN)


@pytest.mark.parametrize("end", ["</think>", "aab", "abab"])
@given(text=st.text("ab</think> \n", max_size=12))
def test_thinking_ends_where_its_end_first_comes(end, text):
    rules = read_lark(f'start: thinking "!"\nthinking[suffix={json.dumps(end)}]: /(.|\\n)*/').rules
    assert fits(rules, f"{text}{end}!") == ((text + end).find(end) == len(text))
    assert not fits(rules, f"{text}!" if end not in text else f"{end}{end}!")


def test_a_grammar_of_too_many_ways_is_found_without_a_model():
    branches = " | ".join(f'"x" /[a-z]*/ "{number}"' for number in range(1500))
    assert takes_too_much(read_lark(f"start: {branches}").rules)
    assert not takes_too_much(read_lark("start: /[a-z]+/").rules)


def test_names_of_rules_are_names_to_llama_cpp_and_stay_apart():
    text = gbnf_text(read_lark('start: a_b | a__b\na_b: "\\n"\na__b: /[\\]^-]/').rules)
    names = [line.split(" ::= ")[0] for line in text.splitlines()]
    assert len(set(names)) == len(names) == 4
    assert all(name.replace("-", "").isalnum() for name in names)
    with pytest.raises(UnreadableError):
        read_lark("no colon")
    assert left_of({"type": "string"}) == ()

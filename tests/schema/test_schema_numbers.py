"""Numbers beyond what a float holds: no other number is ever taken for them, in the grammar or in the check."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer

from edge_lam.errors import InvalidRequest
from edge_lam.formats import XLam2Qwen
from edge_lam.formats.json_text import decode
from edge_lam.request.response_format import read_response_format
from edge_lam.schema.compile import compile_schema
from edge_lam.schema.normalize import normalize_parameters
from edge_lam.schema.numbers import is_held_multiple
from edge_lam.schema.rules import lark_rules

BYTES = LLTokenizer("byte")
SNOWFLAKE, OTHER = 1181028271037243432, 1181028271037243477


def held(schema, **beside):
    parameters = {"type": "object", "properties": {"v": schema}, "required": ["v"], **beside}
    return compile_schema(normalize_parameters(parameters))


def grammar_of(found) -> str:
    return "\n".join(["start: value", *lark_rules("value", found.grammar)])


def allows(found, text: str) -> bool:
    matcher = LLMatcher(BYTES, grammar_of(found), log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    written = f'{{"v": {text}}}'.encode()
    return matcher.try_consume_tokens(list(written)) == len(written) and matcher.is_accepting()


def fits(found, text: str) -> bool:
    return found.problems({"v": decode(text)}) == []


def spell(value) -> str:
    """Write a number without an exponent, and without zeros at its end, as the grammar of a range does."""
    if isinstance(value, int):
        return str(value)
    text = format(Decimal(repr(value + 0.0)), "f")  # without the sign of -0.0
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def how(found, keyword: str) -> str:
    return next(support.how for support in found.support if support.keyword == keyword)


# Values, and neighbours that a float can't tell from them.
BEYOND = [
    (SNOWFLAKE, [SNOWFLAKE - 40, SNOWFLAKE + 1]),
    (2**53 + 1, [2**53, 2**53 + 2]),
    (-(2**53) - 1, [-(2**53), -(2**53) - 2]),
    (2**64 - 1, [2**64, 2**64 - 2]),
    (10**30 + 1, [10**30]),
    (10**400 + 1, [10**400]),
    (-(2**63) - 1, [-(2**63)]),
]


@pytest.mark.parametrize(("value", "neighbours"), BEYOND)
@pytest.mark.parametrize("kind", ["const", "enum", "nested"])
def test_a_constant_is_exact(value, neighbours, kind):
    schema = {"const": value} if kind == "const" else {"type": "integer", "enum": [5, value]}
    if kind == "nested":
        schema = {"const": {"a": [value, "x"]}}
    write = (lambda it: f'{{"a": [{it}, "x"]}}') if kind == "nested" else str
    found = held(schema)
    assert how(found, "enum" if kind == "enum" else "const") == "grammar"
    assert allows(found, write(value))
    assert fits(found, write(value))
    for neighbour in neighbours:
        assert not allows(found, write(neighbour))
        assert not fits(found, write(neighbour))


def test_objects_around_an_exact_constant_are_held_as_others_are():
    inner = {"type": "object", "properties": {"n": {"const": OTHER}, "t": {"$ref": "#/$defs/T"}}, "required": ["n"]}
    properties = {
        "never": False,
        "é": {"type": "string"},
        "any": True,
        "id": {"type": "integer", "enum": [SNOWFLAKE, 11, 1, "x"]},
        "o": inner,
        "f": {"type": ["number", "null"], "enum": [0.30000000000000004, None]},
        "a": {"type": "array", "items": {"anyOf": [{"const": OTHER}, {"type": "null"}]}, "minItems": 1, "maxItems": 2},
    }
    defs = {"T": {"type": "array", "items": {"$ref": "#/$defs/T"}}}
    found = held({"type": "object", "properties": properties, "required": ["id"]}, **{"$defs": defs})
    assert {support.how for support in found.support} == {"grammar"}
    full = {"é": "x", "id": SNOWFLAKE, "o": {"n": OTHER, "t": [[], [[]]]}, "f": None, "a": [OTHER, None]}
    good = [
        full,
        {"id": 11},
        {"id": 1, "f": 0.30000000000000004},
        {"é": "x", "id": 1, "a": [None]},
        {"id": 1, "o": {"n": OTHER}},
    ]
    bad = [
        {},
        {"é": "x"},
        {"id": "x"},
        {"id": 1, "o": {}},
        {"id": 1, "a": []},
        {"id": 1, "a": [None] * 3},
        {"id": 1, "z": 1},
    ]
    bad += [
        {"id": SNOWFLAKE + 1},
        {"id": 1, "f": 0.3},
        {"id": 1, "a": [SNOWFLAKE]},
        {"id": 1, "o": {"n": OTHER, "t": [1]}},
    ]
    for value in good:
        assert allows(found, json.dumps(value, ensure_ascii=False)), value
        assert fits(found, json.dumps(value)), value
    for value in bad:
        assert not allows(found, json.dumps(value, ensure_ascii=False)), value
        assert not fits(found, json.dumps(value)), value
    assert not allows(found, json.dumps({"f": None, "id": 1}))  # in the order of the schema


@pytest.mark.parametrize(
    "array",
    [
        {},
        {"minItems": 2},
        {"maxItems": 0},
        {"maxItems": 1},
        {"minItems": 1, "maxItems": 1},
        {"minItems": 2, "maxItems": 3},
    ],
)
def test_arrays_of_exact_constants(array):
    found = held({"type": "array", "items": {"const": SNOWFLAKE}, **array})
    for length in range(6):
        text = json.dumps([SNOWFLAKE] * length)
        assert allows(found, text) == fits(found, text), text


@pytest.mark.parametrize("beside", [{"minimum": 0}, {"anyOf": [{"type": "integer"}]}])
def test_a_constant_among_other_constraints_is_left_to_the_check(beside):
    found = held({"enum": [SNOWFLAKE, OTHER], **beside})
    assert how(found, "enum") == "checked"
    assert allows(found, str(SNOWFLAKE))
    assert fits(found, str(SNOWFLAKE))
    assert not fits(found, str(SNOWFLAKE + 1))


def test_the_grammar_leaves_little_more_than_such_a_constant():
    found = held({"enum": [SNOWFLAKE, OTHER, "me"], "minLength": 1})
    assert allows(found, '"me"')
    assert allows(found, str(SNOWFLAKE))
    assert allows(found, str(OTHER))
    assert not allows(found, "1181028271037240000")
    assert not allows(found, "5")


@pytest.mark.parametrize("value", [2**53, -(2**53), 2**60, 2**63 - 1, 0, 1.5, 0.1, -1e-7, 1e16, 1e-3, 123456.789])
def test_a_constant_that_a_float_holds_is_in_the_grammar(value):
    found = held({"const": value})
    assert how(found, "const") == "grammar"
    assert allows(found, spell(value))
    assert fits(found, spell(value))


@pytest.mark.parametrize("value", [0.30000000000000004, 123456789.12345679, -0.9915054780531779, 1e-30, 5e-324])
def test_a_fraction_of_many_digits_is_written_out(value):
    found = held({"const": value})
    assert how(found, "const") == "grammar"
    assert allows(found, json.dumps(value))
    assert fits(found, json.dumps(value))
    assert not fits(found, repr(math.nextafter(value, math.inf)))


@pytest.mark.parametrize(
    ("schema", "good", "bad", "said"),
    [
        ({"type": "integer", "minimum": 2**53 + 1}, [2**53 + 1, 2**70], [2**53], "checked"),
        ({"type": "integer", "maximum": 2**53 + 1}, [2**53 + 1, -(2**70)], [2**53 + 2], "checked"),
        ({"type": "integer", "exclusiveMinimum": 2**53}, [2**53 + 1], [2**53], "checked"),
        (
            {"type": "integer", "minimum": SNOWFLAKE, "maximum": OTHER},
            [SNOWFLAKE, OTHER],
            [SNOWFLAKE - 1, OTHER + 1],
            "checked",
        ),
        ({"type": "integer", "minimum": 10**18}, [10**18, 10**30], [10**18 - 1], "checked"),
        ({"type": "integer", "maximum": -(10**18)}, [-(10**18), -(10**30)], [1 - 10**18], "checked"),
        ({"type": "integer", "minimum": -(2**63)}, [-(2**63), 5], [-(2**63) - 1], "checked"),
        ({"type": "integer", "maximum": 2**64 - 1}, [2**64 - 1, -5], [2**64], "checked"),
        ({"type": "integer", "maximum": 2**63 - 1}, [2**63 - 1], [2**63], "grammar"),
        ({"type": "integer", "minimum": -(2**53)}, [-(2**53)], [-(2**53) - 1], "grammar"),
        ({"type": "number", "maximum": 2**63 - 1}, [2**63 - 1, 0], [2**63], "checked"),
        ({"type": "number", "minimum": 1e30}, [10**30], [10**30 - 1], "checked"),
        ({"minimum": 10**400}, [10**400], [10**400 - 1], "checked"),
        ({"type": "number", "maximum": 1e17}, [10**17, 0.5], [10**17 + 1], "grammar"),
        (
            {"type": "number", "minimum": 57557201309196768},
            [57557201309196768, 2**60],
            [57557201309196767],
            "checked",
        ),
        ({"type": "number", "format": "int64"}, [0, 2**63 - 1, -(2**63)], [2**63], "checked"),
        ({"type": "integer", "format": "uint64"}, [0, 2**64 - 1], [2**64, -1], "checked"),
    ],
)
def test_bounds_are_exact_or_left_to_the_check(schema, good, bad, said):
    found = held(schema)
    assert "refused" not in {support.how for support in found.support}
    assert said in {support.how for support in found.support if support.keyword != "type"}
    for value in good:
        assert allows(found, str(value)), value
        assert fits(found, str(value)), value
    for value in bad:
        assert not fits(found, str(value)), value
        assert said == "checked" or not allows(found, str(value)), value


@pytest.mark.parametrize("value", [1, 5, 60, 86400, 10**8, 0.01, 0.1, 2.5, 1e-7])
def test_multiples_in_the_grammar(value):
    found = held({"type": "number", "multipleOf": value})
    assert how(found, "multipleOf") == "grammar"
    for times in (0, 1, 7, -3):
        text = format(times * value, ".9f").rstrip("0").rstrip(".")
        assert allows(found, text), text
        assert fits(found, text), text


@pytest.mark.parametrize("value", [65537, 2**31 - 1, 2**32, 2**53 + 1, 10**30, 123456.789, 1 / 3, 5e-324, 1e300])
def test_multiples_left_to_the_check(value):
    assert not is_held_multiple(value)
    found = held({"type": "number", "multipleOf": value})
    assert how(found, "multipleOf") == "checked"
    assert allows(found, "7")
    assert fits(found, repr(value))
    assert value < 1e-300 or not fits(found, "0.1234567")


def test_multiples_that_would_be_multiplied_beyond_32_bits():
    found = held({"allOf": [{"type": "integer", "multipleOf": 999}, {"multipleOf": 10**7}]})
    assert how(found, "multipleOf") == "checked"
    assert allows(found, str(999 * 10**7))
    assert fits(found, str(999 * 10**7))
    assert not fits(found, "999")


@pytest.mark.parametrize(
    ("keyword", "most"),
    [("maxLength", 2**32), ("maxLength", 2**53 - 1), ("maxItems", 10**15), ("maxProperties", 10**30)],
)
def test_a_length_that_nothing_reaches_is_left_to_the_check(keyword, most):
    found = held({keyword: most})
    assert how(found, keyword) == "checked"
    for text in ('"a"', "[1]", '{"a": 1}'):
        assert allows(found, text)
        assert fits(found, text)


@pytest.mark.parametrize("schema", [{"type": "integer", "minimum": 2**53 + 1}, {"enum": [OTHER], "minimum": 1}])
def test_a_response_format_refuses_what_only_a_check_can_tell_by_path(schema):
    schema = {"type": "object", "properties": {"a/b": {"type": "array", "items": schema}}}
    with pytest.raises(
        InvalidRequest, match=r"at /properties/a~1b/items can't be enforced: the grammar holds it nearly"
    ):
        read_response_format({"type": "json_schema", "json_schema": {"schema": schema}})


def test_a_response_format_holds_exact_constants():
    schema = {"type": "object", "properties": {"id": {"const": SNOWFLAKE}}, "required": ["id"]}
    read = read_response_format({"type": "json_schema", "json_schema": {"schema": schema}})
    assert read is not None
    grammar = XLam2Qwen().grammar([], "none", response_schema=read.schema)
    for value, is_allowed in ((SNOWFLAKE, True), (SNOWFLAKE + 1, False)):
        matcher, text = LLMatcher(BYTES, grammar, log_level=0), f'{{"id": {value}}}'.encode()
        assert (matcher.try_consume_tokens(list(text)) == len(text) and matcher.is_accepting()) is is_allowed


def test_arguments_are_whole_numbers_to_the_last_digit():
    assert decode(f"[{SNOWFLAKE}, -{2**64}, 1e30]") == [SNOWFLAKE, -(2**64), 1e30]
    assert json.dumps(decode(str(10**300))) == str(10**300)


wide = st.integers(-(2**70), 2**70) | st.sampled_from(
    [sign * 2**power + near for sign in (1, -1) for power in (53, 60, 62, 63) for near in (-1, 0, 1)]
)
fractions = st.floats(-1e18, 1e18) | st.decimals(-1000, 1000, places=3).map(float)


@given(
    wide | fractions,
    st.sampled_from(["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "const"]),
    st.sampled_from(["integer", "number"]),
    st.integers(-3, 3),
)
def test_the_grammar_never_forbids_what_fits_and_is_exact_where_it_says_so(value, keyword, kind, near):
    found = held({"type": kind, keyword: value})
    instance = value + near if isinstance(value, int) else round(value) + near if kind == "integer" else value
    text = spell(instance)
    matcher = LLMatcher(BYTES, grammar_of(found), log_level=0)
    if matcher.is_error():
        assert "nsatisfiable" in matcher.get_error()
        return
    allowed = any(allows(found, spelled) for spelled in (text, json.dumps(instance)))
    assert allowed or not fits(found, text), text
    if how(found, keyword) == "grammar":
        assert allowed == fits(found, text), text

"""A schema that is said to be held must be: llguidance compiles it with every part of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_lam.schema.guidance import grammar_complaint, json_rule
from edge_lam.schema.limits import is_surely_held

numbers = st.integers(-3, 5) | st.sampled_from([2**53, 2**70, 0.5, -1.5, True, 1000, 10**9])
kinds = st.sampled_from(
    ["string", "integer", "number", "boolean", "array", "object", "null", ["string", "null"], "odd"]
)
values = st.one_of(st.text(max_size=3), st.integers(-5, 5), st.none(), st.booleans())
leaves = st.fixed_dictionaries(
    {},
    optional={
        "type": kinds,
        "minimum": numbers,
        "maximum": numbers,
        "minLength": numbers,
        "maxLength": numbers,
        "minItems": numbers,
        "maxItems": numbers,
        "multipleOf": numbers,
        "pattern": st.sampled_from(["a+", "^b$", "["]),
        "format": st.sampled_from(["date", "uuid", "uri", "email", "regex", "odd"]),
        "enum": st.lists(values, min_size=1, max_size=3),
        "const": values,
    },
)
schemas = st.recursive(
    leaves | st.booleans(),
    lambda inner: st.one_of(
        st.dictionaries(st.text(max_size=3), inner, max_size=3).map(
            lambda parts: {
                "type": "object",
                "properties": parts,
                "required": list(parts),
                "additionalProperties": False,
            }
        ),
        st.lists(st.sampled_from("ab"), unique=True).map(
            lambda names: {"type": "object", "properties": {"a": {}}, "required": names, "additionalProperties": False}
        ),
        st.tuples(leaves, inner).map(lambda pair: {**pair[0], "type": "array", "items": pair[1], "minItems": 1}),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
    ),
    max_leaves=5,
)


@given(schemas)
def test_what_is_surely_held_compiles(schema):
    if is_surely_held(schema):
        whole = {"type": "object", "properties": {"v": schema}, "required": ["v"], "additionalProperties": False}
        assert grammar_complaint(f"start: {json_rule(whole)}") is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": [], "additionalProperties": False},
        {"type": "string", "enum": ["a", "b"]},
        {"type": "integer", "minimum": 1, "maximum": 500},
        {"type": "array", "items": {"type": "number"}, "minItems": 1},
        {"type": "string", "format": "date-time"},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"type": ["string", "null"]},
    ],
)
def test_what_most_tools_have_is_surely_held(schema):
    assert is_surely_held(schema)

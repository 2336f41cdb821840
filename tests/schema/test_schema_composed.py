"""Objects put together in any way: the grammar allows all that the check does, and no more where it says so."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer

from edge_lam.schema.compile import compile_schema
from edge_lam.schema.error import SchemaError
from edge_lam.schema.guidance import json_rule
from edge_lam.schema.normalize import normalize_parameters

BYTES = LLTokenizer("byte")
MAX_ORDERS = 1500

leaves = st.one_of(
    st.fixed_dictionaries({"type": st.just("integer")}, optional={"minimum": st.integers(0, 3)}),
    st.fixed_dictionaries({"type": st.just("string")}, optional={"maxLength": st.integers(0, 3)}),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from([0, "a", None]), min_size=1)}),
    st.sampled_from([{"$ref": "#/$defs/D"}, {"$ref": "#/$defs/E"}, {"required": ["a"]}, {"type": "object"}, {}]),
)


def _grow(inner: Any) -> Any:
    properties = st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    listing = st.fixed_dictionaries(
        {"properties": properties}, optional={"required": st.sampled_from([["a"], ["b"], []])}
    )
    others = {"additionalProperties": st.booleans() | inner, "unevaluatedProperties": st.booleans()}
    speaking = st.fixed_dictionaries({"properties": properties}, optional={"type": st.just("object"), **others})
    parts = st.lists(inner | listing, min_size=1, max_size=2)
    composed = st.fixed_dictionaries(
        {},
        optional={
            **{"properties": properties, "allOf": parts, "anyOf": parts, "oneOf": parts, "not": inner},
            **{"$ref": st.sampled_from(["#/$defs/D", "#/$defs/E"]), "if": inner, "then": listing, "else": listing},
            **{"dependentSchemas": st.fixed_dictionaries({"a": listing}), "unevaluatedProperties": st.just(False)},
        },
    )
    array = st.fixed_dictionaries({"type": st.just("array"), "items": inner})
    return st.one_of(listing, speaking, composed, array)


schemas = st.recursive(leaves, _grow, max_leaves=6)
values = st.recursive(
    st.sampled_from([0, 1, 2, "", "a", "ab", None, True]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abx"), inner, max_size=3),
    max_leaves=5,
)


def orders(value: Any) -> Iterator[Any]:
    """Yield a value with the keys of its objects in each order: the grammar has one of its own."""
    if isinstance(value, dict):
        for keys in itertools.permutations(value):
            for parts in itertools.product(*(list(orders(value[key])) for key in keys)):
                yield dict(zip(keys, parts, strict=True))
    elif isinstance(value, list):
        yield from map(list, itertools.product(*(list(orders(item)) for item in value)))
    else:
        yield value


def allows(matcher: LLMatcher, value: Any) -> bool:
    text, fresh = json.dumps({"v": value}).encode(), matcher.deep_copy()
    return fresh.try_consume_tokens(list(text)) == len(text) and fresh.is_accepting()


@given(schemas, schemas, schemas, st.lists(values, min_size=1, max_size=8))
def test_the_grammar_is_no_stronger_than_the_check_and_as_strong_where_it_says_so(schema, d, e, given_values):
    try:
        plain = normalize_parameters(
            {"properties": {"v": schema}, "required": ["v"], "$defs": {"D": d, "E": e}},
        )
    except SchemaError:
        return
    found = compile_schema(plain)
    matcher = LLMatcher(BYTES, f"start: {json_rule(found.grammar)}", log_level=0)
    if found.refused or matcher.is_error():
        return
    is_exact = all(support.how in ("grammar", "ignored") for support in found.support)
    for value in given_values:
        fits = not found.problems({"v": value})
        is_allowed = any(allows(matcher, order) for order in itertools.islice(orders(value), MAX_ORDERS))
        assert is_allowed or not fits
        assert fits or not (is_allowed and is_exact)

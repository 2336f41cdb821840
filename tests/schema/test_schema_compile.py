"""What becomes of each keyword, shown by llguidance itself: an upgrade that changes something fails here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llguidance import LLMatcher

from edge_lam.schema.check import Checker
from edge_lam.schema.guidance import Complaint, grammar_complaint, json_rule
from edge_lam.schema.keywords import of_fate
from edge_lam.tools import Tool
from tests.schema.held import BYTES, OBJECT, TEXT, fits_grammar, held

GRAMMAR, CHECKED = of_fate("grammar"), of_fate("checked")
# Schema, values that fit, values that don't; every keyword of the grammar is here in the forms that tools have.
ENFORCED = [
    ({"type": "integer"}, [1, -3], ["a", 1.5, None]),
    ({"type": ["string", "null"]}, ["a", None], [1]),
    ({"type": "string", "nullable": True}, ["a", None], [1]),
    ({"enum": [1, "a", None, {"b": [True]}]}, [1, "a", None, {"b": [True]}], [2, "b"]),
    ({"const": {"a": [1, None]}}, [{"a": [1, None]}], [{"a": [1]}]),
    (OBJECT | {"required": ["b"]}, [{"b": "x"}, {"a": "x", "b": "y"}], [{"a": "x"}, {"b": 1}, {"b": "x", "c": 1}]),
    (OBJECT | {"additionalProperties": {"type": "integer"}}, [{"a": "x", "z": 1}], [{"z": "x"}]),
    ({"type": "object", "patternProperties": {"^a": {"type": "integer"}}}, [{"ab": 1, "b": "x"}], [{"ab": "x"}]),
    ({"type": "object", "minProperties": 1, "maxProperties": 2}, [{"a": 1}], [{}, {"a": 1, "b": 2, "c": 3}]),
    (
        {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
        [[1], [1, 2]],
        [[], ["a"], [1, 2, 3]],
    ),
    ({"type": "array", "prefixItems": [TEXT, {"type": "integer"}]}, [["x", 1], ["x", 1, None]], [[1]]),
    ({"type": "array", "items": [TEXT], "additionalItems": False}, [["x"]], [["x", 1]]),
    ({"type": "string", "minLength": 2, "maxLength": 3}, ["ab", "😀😀"], ["a", "abcd"]),
    ({"type": "string", "pattern": "b"}, ["abc"], ["ac"]),
    ({"type": "string", "pattern": r"^\d{2}$"}, ["12"], ["1", "123", "٣٣"]),
    ({"type": "string", "pattern": r"^(?=.*\d)(?=.*[a-z]).{3}$"}, ["a1b"], ["abc", "123", "a1"]),
    ({"type": "number", "minimum": 0.5, "maximum": 1.5}, [0.5, 1, 1.5], [0.4, 1.6]),
    ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, [0.5], [0, 1]),
    ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, [0.5], [0]),
    ({"type": "integer", "multipleOf": 3, "minimum": 4}, [6, 9], [3, 7]),
    ({"type": "integer", "format": "uint8"}, [0, 255], [-1, 256]),
    ({"anyOf": [TEXT, {"type": "null"}]}, ["a", None], [1]),
    ({"oneOf": [TEXT, {"type": "null"}]}, ["a", None], [1]),
    ({"allOf": [{"type": "integer", "minimum": 2}, {"maximum": 5}]}, [3], [1, 9]),
    ({"$ref": "#/$defs/Name", "minLength": 2}, ["ab"], ["a", 1]),
    ({"$ref": "#short"}, ["a"], ["ab"]),
]
DEFS = {"Name": TEXT, "Short": {"$anchor": "short", "type": "string", "maxLength": 1}}


# Name, a text of that format, one that is none.
@pytest.mark.parametrize(("schema", "good", "bad"), ENFORCED)
def test_what_the_grammar_enforces_the_check_does_too(schema, good, bad):
    found, verdicts = held(schema, **{"$defs": DEFS})
    assert set(verdicts.values()) == {"grammar"}
    checker = Checker(found.check)
    for value in good:
        assert fits_grammar(found.grammar, {"v": value}), value
        assert checker.problems({"v": value}) == [], value
    for value in bad:
        assert not fits_grammar(found.grammar, {"v": value}), value
        assert checker.problems({"v": value}), value


def test_every_keyword_of_the_grammar_was_shown():
    shown = {verdict.keyword for schema, *_ in ENFORCED for verdict in held(schema, **{"$defs": DEFS})[0].support}
    assert set(GRAMMAR) - {"format"} <= shown


# Keyword, a schema with it, a value that fits, one that doesn't but that the grammar lets pass.
CHECKED_ONLY = [
    ("not", {"type": "string", "not": {"enum": ["a"]}}, "b", "a"),
    ("if", OBJECT | {"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"b": "x"}, {"a": "x"}),
    ("then", OBJECT | {"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {}, {"a": "x"}),
    ("else", OBJECT | {"if": {"required": ["a"]}, "else": {"required": ["b"]}}, {"a": "x"}, {}),
    ("dependentRequired", OBJECT | {"dependentRequired": {"a": ["b"]}}, {"b": "x"}, {"a": "x"}),
    ("dependentRequired", OBJECT | {"dependencies": {"a": ["b"]}}, {"b": "x"}, {"a": "x"}),
    ("dependentSchemas", OBJECT | {"dependentSchemas": {"a": {"required": ["b"]}}}, {"b": "x"}, {"a": "x"}),
    (
        "dependentSchemas",
        OBJECT | {"dependencies": {"a": {"properties": {"b": {"const": "y"}}}}},
        {"a": "x", "b": "y"},
        {"a": "x", "b": "z"},
    ),
    ("propertyNames", {"type": "object", "propertyNames": {"pattern": "^a"}}, {"ab": 1}, {"b": 1}),
    ("uniqueItems", {"type": "array", "uniqueItems": True}, [1, True, "1"], [1, 1.0]),
    ("contains", {"type": "array", "contains": {"type": "integer"}}, ["a", 1], ["a"]),
    ("minContains", {"type": "array", "contains": {"const": 1}, "minContains": 2}, [1, 1], [1]),
    ("maxContains", {"type": "array", "contains": {"const": 1}, "maxContains": 1}, [1], [1, 1]),
    (
        "unevaluatedProperties",
        OBJECT | {"if": {"required": ["a"]}, "then": {"properties": {"c": {}}}, "unevaluatedProperties": False},
        {"a": "x", "c": 1},
        {"c": 1},
    ),
    ("unevaluatedItems", {"type": "array", "prefixItems": [TEXT], "unevaluatedItems": False}, ["x"], ["x", 1]),
    ("pattern", {"type": "string", "pattern": r"^(?!.*\s).{2,}$"}, "ab", "a b"),
    ("format", {"type": "string", "format": "regex"}, "a+", "["),
    ("maximum", {"type": "integer", "maximum": 2**63}, 1, 2**63 + 1),
    ("oneOf", {"oneOf": [{"type": "integer", "minimum": 0}, {"type": "integer", "maximum": 5}]}, 9, 3),
    ("oneOf", OBJECT | {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": "x"}, {"a": "x", "b": "y"}),
    ("minProperties", OBJECT | {"minProperties": 2}, {"a": "x", "b": "y"}, {"a": "x"}),
    ("patternProperties", {"type": "object", "patternProperties": {"^a": TEXT, "b$": TEXT}}, {"ab": "x"}, {"ab": 1}),
]


@pytest.mark.parametrize(("keyword", "schema", "good", "bad"), CHECKED_ONLY)
def test_what_is_left_to_the_check(keyword, schema, good, bad):
    found, verdicts = held(schema)
    assert verdicts["", keyword] == "checked"
    for value in (good, bad):
        assert fits_grammar(found.grammar, {"v": value})
    assert Checker(found.check).problems({"v": good}) == []
    assert Checker(found.check).problems({"v": bad})


def test_every_keyword_left_to_the_check_was_shown():
    assert set(CHECKED) <= {keyword for keyword, *_ in CHECKED_ONLY}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (
            {
                "if": {"properties": {"foo": {"const": "then"}}, "required": ["foo"]},
                "then": {"properties": {"bar": TEXT}, "required": ["bar"]},
                "else": {"properties": {"baz": TEXT}, "required": ["baz"]},
            },
            [{"foo": "then", "bar": "x"}, {"baz": "x"}],
            [{"foo": "then", "bar": "x", "baz": "x"}, {"baz": "x", "bar": "x"}, {"foo": "else", "baz": "x"}],
        ),
        ({"if": {"patternProperties": {"^f": TEXT}}}, [{"foo": "x"}], [{"bar": 1}, {"foo": 1}]),
        ({"properties": {"a": {}}, "patternProperties": {"^f": {}}}, [{"a": 1, "foo": 1}], [{"bar": 1}]),
        ({"allOf": [{"patternProperties": {"^f": {}}}, {"properties": {"a": {}}}]}, [{"a": 1, "foo": 1}], [{"b": 1}]),
        (
            {"dependentSchemas": {"a": {"properties": {"b": {}}}}, "properties": {"a": {}}},
            [{"a": 1, "b": 1}],
            [{"b": 1}],
        ),
        ({"$ref": "#/$defs/Two", "properties": {"a": {}}}, [{"two": 1, "a": 1}], [{"b": 1}]),
        (
            {"not": {"properties": {"a": {"const": 1}}, "required": ["a"]}, "properties": {"b": {}}},
            [{"b": 1}],
            [{"a": 2}],
        ),
    ],
)
def test_unevaluated_properties(schema, good, bad):
    two = {
        "Two": {"anyOf": [{"properties": {"two": {"const": 1}}}, {"properties": {"three": {}}, "required": ["three"]}]}
    }
    found, _ = held({"type": "object", **schema, "unevaluatedProperties": False}, **{"$defs": two})
    assert found.refused is None
    for value in good:
        assert fits_grammar(found.grammar, {"v": value}), value
        assert Checker(found.check).problems({"v": value}) == [], value
    for value in bad:
        assert Checker(found.check).problems({"v": value}), value


def test_unevaluated_properties_are_closed_in_the_grammar():
    found, _ = held(OBJECT | {"allOf": [{"properties": {"c": TEXT}}], "unevaluatedProperties": False})
    assert fits_grammar(found.grammar, {"v": {"a": "x", "c": "x"}})
    assert not fits_grammar(found.grammar, {"v": {"d": 1}})
    assert Checker(found.check).problems({"v": {"d": 1}})


VALUES = {
    **{"not": {}, "if": {}, "then": {}, "else": {}, "propertyNames": {}, "contains": {}},
    **{"dependentRequired": {}, "dependentSchemas": {}, "uniqueItems": True, "minContains": 1, "maxContains": 1},
    **{"unevaluatedProperties": False, "unevaluatedItems": False},
}


@pytest.mark.parametrize("keyword", CHECKED)
def test_llguidance_has_no_grammar_for_them(keyword):
    assert grammar_complaint(f"start: {json_rule({keyword: VALUES[keyword]})}") is Complaint.UNKNOWN_KEYWORD


@pytest.mark.parametrize(
    "keyword", ["minLenght", "nullable", "additionalItems", "contentEncoding", "x-any", "optional"]
)
def test_llguidance_ignores_without_a_word_what_it_does_not_know(keyword):
    assert grammar_complaint(f"start: {json_rule({'type': 'string', keyword: False})}") is None


@pytest.mark.parametrize(
    ("schema", "where", "reason"),
    [
        ({"type": "string", "pattern": r"\bx"}, ("", "pattern"), "look-around"),
        ({"type": "string", "pattern": r"^(a)\1$"}, ("", "pattern"), "back references"),
        ({"type": "string", "pattern": "["}, ("", "pattern"), "no regular expression"),
        ({"type": "string", "pattern": "^(?=a)b|c$"}, ("", "pattern"), "look-ahead"),
        ({"not": {"items": {"pattern": r"\b"}}}, ("/not/items", "pattern"), "look-around"),
        ({"type": "object", "patternProperties": {"(?<=a)b": {}}}, ("", "patternProperties"), "look-behind"),
        ({"type": "object", "patternProperties": {"^(?=a)b": {}}}, ("", "patternProperties"), "look-ahead"),
        ({"type": "string", "minLenght": 3}, ("", "minLenght"), "did you mean minLength?"),
        ({"type": "boolean", "enum": ["True", "False"]}, ("", "enum"), "none of its values is of type boolean"),
        ({"type": ["integer", "null"], "const": 1.5}, ("", "const"), "of type integer or null"),
        ({"$ref": "#/$defs/Nowhere"}, ("", "$ref"), "there is no schema at"),
        ({"$ref": "#nowhere"}, ("", "$ref"), "there is no schema at"),
        ({"$ref": "https://example.com/schema"}, ("", "$ref"), "outside of the schema"),
        ({"$dynamicRef": "#node"}, ("", "$dynamicRef"), "$ref"),
    ],
)
def test_what_can_be_neither_enforced_nor_checked_is_refused(schema, where, reason):
    found, verdicts = held(schema)
    assert verdicts[where] == "refused"
    assert found.refused is not None
    assert reason in found.refused.reason
    tool = Tool("t", "", {"properties": {"v": schema}})
    (problem,) = tool.validate({"v": "x"})
    assert problem.keyword == where[1]


def test_what_is_no_constraint_is_said_too():
    _, verdicts = held({"type": "string", "x-order": 1, "optional": True, "format": "password", "contentEncoding": "b"})
    assert verdicts == {
        ("", "type"): "grammar",
        ("", "x-order"): "ignored",
        ("", "optional"): "ignored",
        ("", "format"): "ignored",
        ("", "contentEncoding"): "ignored",
    }
    assert held({"type": "string", "title": "t", "description": "d", "default": "x"})[1] == {("", "type"): "grammar"}


def test_a_declined_part_takes_its_insides_along():
    found, verdicts = held(
        {"type": "object", "patternProperties": {"^a": TEXT, "b$": TEXT}, "additionalProperties": {"type": "integer"}}
    )
    assert found.grammar["properties"]["v"] == {"type": "object"}
    assert verdicts["/additionalProperties", "type"] == verdicts["/patternProperties/^a", "type"] == "checked"


def test_a_choice_that_llguidance_declines_only_when_merged():
    one_of = {"oneOf": [{"properties": {"a": {"minLength": 2}}}, {"properties": {"a": {"maxLength": 1}}}]}
    found, verdicts = held({"allOf": [{"type": "object", "properties": {"a": TEXT}}, one_of]})
    assert verdicts["/allOf/1", "oneOf"] in ("grammar", "checked")
    assert fits_grammar(found.grammar, {"v": {"a": "xyz"}})


def test_schemas_that_contain_themselves():
    tree = {"type": "object", "properties": {"sub": {"type": "array", "items": {"$ref": "#/$defs/T"}}}}
    found, verdicts = held({"$ref": "#/$defs/T"}, **{"$defs": {"T": tree}})
    assert set(verdicts.values()) == {"grammar"}
    assert fits_grammar(found.grammar, {"v": {"sub": [{"sub": []}, {}]}})
    assert not fits_grammar(found.grammar, {"v": {"sub": [1]}})


numbers = st.integers(0, 4)
leaves = st.one_of(
    st.fixed_dictionaries({"type": st.just("integer")}, optional={"minimum": numbers, "multipleOf": st.just(2)}),
    st.fixed_dictionaries({"type": st.just("string")}, optional={"maxLength": numbers, "pattern": st.just("^a")}),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from([0, "a", None, "b"]), min_size=1)}),
    st.fixed_dictionaries({"not": st.sampled_from([{"type": "null"}, {"const": "a"}])}),
)
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2)},
            optional={"required": st.just(["a"]), "minProperties": numbers, "additionalProperties": inner},
        ).map(lambda schema: schema | {"properties": {"a": {}, **dict(sorted(schema["properties"].items()))}}),
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner}, optional={"minItems": numbers, "uniqueItems": st.booleans()}
        ),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"oneOf": st.lists(inner, min_size=1, max_size=2)}),
    ),
    max_leaves=4,
)
values = st.recursive(
    st.sampled_from([0, 1, 2, 3, "", "a", "ab", "b", None, True]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from("abxy"), inner, max_size=3).map(lambda value: dict(sorted(value.items()))),
    ),
    max_leaves=5,
)


@given(schemas, st.lists(values, min_size=1, max_size=8))
def test_the_grammar_is_never_stronger_than_the_check_and_as_strong_where_it_says_so(schema, given_values):
    found, _ = held(schema)
    matcher = LLMatcher(BYTES, f"start: {json_rule(found.grammar)}", log_level=0)
    if matcher.is_error():
        assert "nsatisfiable" in matcher.get_error()
        return
    checker = Checker(found.check)
    for value in given_values:
        in_grammar, in_order = fits_grammar(found.grammar, {"v": value}), not checker.problems({"v": value})
        assert in_grammar or not in_order
        if all(support.how == "grammar" for support in found.support):
            assert in_grammar == in_order

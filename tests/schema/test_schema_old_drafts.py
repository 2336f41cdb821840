"""Keywords of older drafts and dialects in the words of JSON Schema 2020-12."""

from __future__ import annotations

import copy

import pytest

from edge_lam.schema.normalize import to_2020_12
from edge_lam.tools import Tool


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"minimum": 0, "exclusiveMinimum": True}, {"exclusiveMinimum": 0}),
        ({"maximum": 9, "exclusiveMaximum": False}, {"maximum": 9}),
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": False}, {"type": "string"}),
        ({"type": "string", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"type": "integer", "format": "int8"}, {"type": "integer", "minimum": -128, "maximum": 127}),
        ({"type": "number", "format": "int8"}, {"type": "integer", "minimum": -128, "maximum": 127}),
        (
            {"type": ["number", "null"], "format": "int8"},
            {"type": ["integer", "null"], "minimum": -128, "maximum": 127},
        ),
        ({"type": "number", "format": "double"}, {"type": "number", "format": "double"}),
        ({"type": "integer", "format": "uint", "minimum": 3}, {"type": "integer", "minimum": 3}),
        ({"type": "integer", "format": "uint8", "maximum": 9}, {"type": "integer", "minimum": 0, "maximum": 9}),
        ({"type": "string", "format": "int8"}, {"type": "string", "format": "int8"}),
        ({"prefixItems": [{}], "additionalItems": False}, {"prefixItems": [{}], "items": False}),
        ({"items": {}, "additionalItems": False}, {"items": {}}),
        (
            {"dependencies": {"a": ["b"], "c": {"required": ["d"]}}},
            {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"required": ["d"]}}},
        ),
        (
            {"dependencies": {"a": {"properties": {"b": {"type": "integer", "nullable": True}}}}},
            {"dependentSchemas": {"a": {"properties": {"b": {"type": ["integer", "null"]}}}}},
        ),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "$id": "https://a.b/c"}, {}),
        ({"uniqueItems": False}, {}),
        ({"properties": {"nullable": {"type": "string"}}}, {"properties": {"nullable": {"type": "string"}}}),
        ({"items": {"anyOf": [{"nullable": True, "type": "null"}]}}, {"items": {"anyOf": [{"type": ["null"]}]}}),
    ],
)
def test_old_keywords_in_new_words(old, new):
    before = copy.deepcopy(old)
    assert to_2020_12(old) == new
    assert old == before


def test_what_the_model_reads_stays_as_it_was():
    parameters = {"type": "object", "properties": {"n": {"type": "integer", "format": "int8", "nullable": True}}}
    tool = Tool("t", "", parameters)
    assert tool.validate({"n": None}) == []
    assert [problem.keyword for problem in tool.validate({"n": 128})] == ["maximum"]
    assert tool.parameters["properties"] == parameters["properties"]

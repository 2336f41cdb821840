"""Numbers that JSON can write and a float can't hold: what grammar and parser make of them.

llguidance bounds a number only by a range, and then writes no exponents at all; so an unbounded number may be spelled
out of range, and its call is refused by name. A range in the schema keeps such numbers from being written.
"""

from __future__ import annotations

import pytest
from llguidance import LLMatcher, LLTokenizer

from edge_lam import Tool
from edge_lam.formats.parser import parse_reply
from edge_lam.schema.guidance import json_rule

HUGE = ["1e999", "-1e400", "9" * 400 + ".5"]


def _fits(schema: dict[str, object], text: str) -> bool:
    matcher = LLMatcher(LLTokenizer("byte"), f"start: {json_rule(schema)}", log_level=0)
    return matcher.try_consume_tokens(list(text.encode())) == len(text) and bool(matcher.is_accepting())


def _tool(schema: dict[str, object]) -> Tool:
    return Tool("set", "", {"type": "object", "properties": {"value": schema}, "required": ["value"]})


@pytest.mark.parametrize("number", HUGE)
def test_a_number_out_of_range_is_an_error_that_names_it(number):
    assert _fits({"type": "number"}, number)
    raw = f'[{{"name": "set", "arguments": {{"value": {number}}}}}]'
    reply = parse_reply(raw, [_tool({"type": "number"})])
    assert reply.calls == ()
    assert [error.code for error in reply.errors] == ["invalid_call"]
    assert "out of range" in reply.errors[0].message


@pytest.mark.parametrize("number", HUGE)
def test_a_range_in_the_schema_keeps_it_from_being_written(number):
    assert not _fits({"type": "number", "minimum": -1e15, "maximum": 1e15}, number)


@pytest.mark.parametrize("number", ["0", "-3", "1.5", "1e5", "1.5e-7", "1e308", "1e-999"])
def test_numbers_that_a_float_holds_are_calls(number):
    assert _fits({"type": "number"}, number)
    reply = parse_reply(f'[{{"name": "set", "arguments": {{"value": {number}}}}}]', [_tool({"type": "number"})])
    assert [call.arguments for call in reply.calls] == [{"value": float(number)}]
    assert reply.errors == ()

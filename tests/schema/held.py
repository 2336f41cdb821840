"""How a schema is held: what the grammar takes of it, and what the check does."""

from __future__ import annotations

import json

from llguidance import LLMatcher, LLTokenizer

from edge_lam.schema.compile import compile_schema
from edge_lam.schema.guidance import json_rule
from edge_lam.schema.normalize import normalize_parameters

BYTES = LLTokenizer("byte")
TEXT = {"type": "string"}
OBJECT = {"type": "object", "properties": {"a": TEXT, "b": TEXT}}


def fits_grammar(schema, value) -> bool:
    matcher = LLMatcher(BYTES, f"start: {json_rule(schema)}", log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    text = json.dumps(value, ensure_ascii=False).encode()
    return matcher.try_consume_tokens(list(text)) == len(text) and matcher.is_accepting()


def held(schema, **beside):
    """Return how a tool's only parameter is held, and what the grammar and the check take of it."""
    parameters = {"type": "object", "properties": {"v": schema}, "required": ["v"], **beside}
    found = compile_schema(normalize_parameters(parameters))
    verdicts = {
        (verdict.path.removeprefix("/properties/v"), verdict.keyword): verdict.how
        for verdict in found.support
        if verdict.path.startswith(("/properties/v", "/$defs"))
    }
    return found, verdicts

"""What llguidance makes of JSON Schema: the rule of a grammar, its complaint, and whether a text fits.

The same engine decides while a call is decoded and when it is checked afterwards, so that the two agree; and it needs
linear time, whatever the pattern. Knows no tool and no model.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llguidance import LLMatcher

SPELLING = {"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": False}


def json_rule(schema: Any) -> str:
    """Return the grammar of JSON that fits a schema, spelled as in training."""
    spelled = {**schema, "x-guidance": SPELLING} if isinstance(schema, dict) else schema
    return f"%json {json.dumps(spelled, ensure_ascii=False)}"


@lru_cache(maxsize=256)
def compile_fault(grammar: str) -> str:
    """Return what llguidance finds wrong with a grammar, in one line, or ""."""
    from llguidance import LLMatcher

    message: str = LLMatcher.validate_grammar(grammar)
    reason, _, _ = message.partition("\n   1 | ")  # the grammar's own lines follow
    reason = " ".join(reason.split()).rpartition("failed to compile JSON schema: ")[2]
    return reason.rpartition(" error: ")[2]  # a regex error begins with a drawing of the regex


def alone(root: dict[str, Any], part: Any) -> str:
    """Return the grammar of one part of a schema.

    Args:
        root: the whole schema, for its definitions.
        part: the schema in question.
    """
    shared: dict[str, Any] = {key: root[key] for key in ("$defs", "definitions") if key in root}
    schema = {"type": "object", "properties": {"value": part}, "required": ["value"], **shared}
    return f"start: {json_rule(schema)}"


def schema_fault(root: dict[str, Any], part: Any) -> str:
    """Return what llguidance finds wrong with one part of a schema, taken by itself, or ""."""
    return compile_fault(alone(root, part))


def text_fits(text: str, *, pattern: str | None = None, format: str | None = None) -> bool:
    """Tell whether a text fits a pattern or a format that llguidance knows."""
    schema = {"type": "string", "pattern": pattern} if format is None else {"type": "string", "format": format}
    try:
        spelled = json.dumps(text, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half a character fits nothing
        return False
    matcher = _matcher(f"start: {json_rule(schema)}").deep_copy()
    return matcher.try_consume_tokens(list(spelled)) == len(spelled) and bool(matcher.is_accepting())


@lru_cache(maxsize=64)
def _matcher(grammar: str) -> LLMatcher:
    from llguidance import LLMatcher, LLTokenizer

    return LLMatcher(LLTokenizer("byte"), grammar, log_level=0)

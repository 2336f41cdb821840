r"""The engine of grammars: the rule of a schema, whether it takes it, and whether a text fits.

That is llguidance, and where it is not installed our own reading of grammars, as llama.cpp gets them (`gbnf/`). This
module alone reads llguidance's messages, which are written for its authors and change between versions; they become a
`Complaint`, and tests hold the two together. The same engine decides while a call is decoded and when it is checked
afterwards, so that the two agree; and it needs linear time, whatever the pattern.
"""

from __future__ import annotations

import json
import re
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from edge_lam._util.extras import is_installed
from edge_lam.schema.walk import with_subschemas

if TYPE_CHECKING:
    from llguidance import LLMatcher

    from edge_lam.schema.gbnf import Rules

EngineName: TypeAlias = Literal["llguidance", "gbnf"]

# An escaped character, or a class of characters.
CLASS = re.compile(r"\\.|\[(?P<negated>\^?)(?P<inside>\]?(?:\\.|[^\]\\])*)\]", re.DOTALL)
FROM_NUL = re.compile(r"(?:\\x00|\\x\{0+\}|\\u0000|\\0|\0)(?=-)")

SPELLING = {"item_separator": ", ", "key_separator": ": ", "whitespace_flexible": False}


class Complaint(Enum):
    """Why no grammar can hold a reply to a schema; the value is what people read."""

    NOTHING_FITS = "nothing fits it"
    UNDECIDED = "it takes too long to find out whether anything fits it"
    OVERLAPPING_BRANCHES = "several of its branches may fit"
    COUNTED_PROPERTIES = "properties can be counted only where all are required"
    OVERLAPPING_NAMES = "a name may match several of its patterns"
    LOOK_AROUND = r"look-around is not supported: look-ahead, look-behind, \b"
    BACK_REFERENCE = "back references are not supported"
    BAD_PATTERN = "it is no regular expression"
    NUMBER = "its numbers are beyond what a grammar holds"
    CIRCULAR = "it refers to itself, with further keywords beside the reference"
    NO_SUCH_PLACE = "it refers to a place that is not there"
    UNKNOWN_KEYWORD = "there is no grammar for one of its keywords"
    TOO_BIG = "it is too big"
    TOO_MUCH_WORK = "it takes too much work to hold a reply to it"
    NOT_ALLOWED = "what was written does not fit it"
    OTHER = "no grammar can be made of it"


# What the messages hold, in the order in which it is looked for.
MESSAGES = (
    ("Unable to determine if regex is empty", Complaint.UNDECIDED),
    ("nsatisfiable", Complaint.NOTHING_FITS),
    ("oneOf constraints", Complaint.OVERLAPPING_BRANCHES),
    ("min/maxProperties", Complaint.COUNTED_PROPERTIES),
    ("patternProperty regexes", Complaint.OVERLAPPING_NAMES),
    ("look-around, including", Complaint.LOOK_AROUND),
    ("lookarounds not supported", Complaint.LOOK_AROUND),
    ("backreferences are not supported", Complaint.BACK_REFERENCE),
    ("regex parse error", Complaint.BAD_PATTERN),
    ("Failed to generate regex for", Complaint.NUMBER),
    ("has too many digits", Complaint.NUMBER),
    ("circular references", Complaint.CIRCULAR),
    ("does not exist", Complaint.NO_SUCH_PLACE),
    ("Unimplemented keys", Complaint.UNKNOWN_KEYWORD),
    ("too big", Complaint.TOO_BIG),
    ("too large", Complaint.TOO_BIG),
    ("stack level exceeded", Complaint.TOO_BIG),
    ("too many", Complaint.TOO_MUCH_WORK),
    ("too complex", Complaint.TOO_MUCH_WORK),
    ("fuel", Complaint.TOO_MUCH_WORK),
    ("items; max is", Complaint.TOO_MUCH_WORK),
    ("doesn't satisfy the grammar", Complaint.NOT_ALLOWED),
    ("parser stopped", Complaint.NOT_ALLOWED),
)


def read_message(message: str) -> Complaint | None:
    """Return what a message of llguidance says; None for no message."""
    if not message.strip():
        return None
    text = message
    for behind in ("\n   1 | ", "\n<state>"):  # the grammar's own lines follow, which may hold any words
        text, _, _ = text.partition(behind)
    return next((complaint for words, complaint in MESSAGES if words in text), Complaint.OTHER)


def json_rule(schema: Any) -> str:
    """Return the grammar of JSON that fits a schema, spelled as in training."""
    spelled = {**schema, "x-guidance": SPELLING} if isinstance(schema, dict) else schema
    text = json.dumps(spelled, ensure_ascii=False)
    if '"pattern' in text:
        text = json.dumps(_without_nul(spelled), ensure_ascii=False)
    return f"%json {text}"


def _without_nul(schema: Any) -> Any:
    r"""Return a schema in whose patterns no class holds U+0000.

    llguidance 1.9.1 lets a class of all control characters hold `"` and a backslash too, however they are excluded: a
    text of `[^"]+` could have quotes. Of a class without the first of them, which no argument misses, it does not.
    """
    if not isinstance(schema, dict):
        return schema
    schema = with_subschemas(schema, lambda _path, part: _without_nul(part))
    if isinstance(pattern := schema.get("pattern"), str):
        schema["pattern"] = _class_without_nul(pattern)
    if isinstance(patterns := schema.get("patternProperties"), dict):
        schema["patternProperties"] = {_class_without_nul(pattern): part for pattern, part in patterns.items()}
    return schema


def _class_without_nul(pattern: str) -> str:
    def narrowed(found: re.Match[str]) -> str:
        negated, inside = found["negated"], found["inside"]
        if inside is None:  # an escaped character outside of classes
            return found[0]
        if negated:
            literal = "\\" if inside.startswith(("-", "]")) else ""  # it is one at the beginning alone
            return rf"[^\x00{literal}{inside}]"
        return "[" + FROM_NUL.sub(lambda _nul: r"\x01", inside) + "]"

    return CLASS.sub(narrowed, pattern)


def default_engine() -> EngineName:
    """Return what holds replies to grammars unless somebody asks for another one."""
    return "llguidance" if is_installed("llguidance") else "gbnf"


@lru_cache(maxsize=256)
def grammar_complaint(grammar: str) -> Complaint | None:
    """Return what the engine finds wrong with a grammar in Lark; None if it takes it."""
    if default_engine() == "gbnf":
        from edge_lam.schema.gbnf import complaint_about

        return complaint_about(grammar)
    from llguidance import LLMatcher

    return read_message(LLMatcher.validate_grammar(grammar))


def part_grammar(root: dict[str, Any], part: Any) -> str:
    """Return the grammar of one part of a schema.

    Args:
        root: the whole schema, for its definitions.
        part: the schema in question.
    """
    shared: dict[str, Any] = {key: root[key] for key in ("$defs", "definitions") if key in root}
    schema = {"type": "object", "properties": {"value": part}, "required": ["value"], **shared}
    return f"start: {json_rule(schema)}"


def schema_complaint(root: dict[str, Any], part: Any) -> Complaint | None:
    """Return what the engine finds wrong with one part of a schema, taken by itself; None if it takes it."""
    return grammar_complaint(part_grammar(root, part))


def text_fits(text: str, *, pattern: str | None = None, format: str | None = None) -> bool:
    """Tell whether a text fits a pattern or a format that the engine knows."""
    schema = {"type": "string", "pattern": pattern} if format is None else {"type": "string", "format": format}
    return is_in_grammar(json.dumps(text, ensure_ascii=False), f"start: {json_rule(schema)}")


def is_in_grammar(text: str, grammar: str) -> bool:
    """Tell whether a grammar in Lark allows a text."""
    try:
        spelled = text.encode()
    except UnicodeEncodeError:  # half a character fits nothing
        return False
    if default_engine() == "gbnf":
        from edge_lam.schema.gbnf import fits

        return fits(_rules(grammar), text)
    matcher = _matcher(grammar).deep_copy()
    return matcher.try_consume_tokens(list(spelled)) == len(spelled) and bool(matcher.is_accepting())


@lru_cache(maxsize=64)
def _rules(grammar: str) -> Rules:
    from edge_lam.schema.gbnf import read_lark

    return read_lark(grammar).rules


@lru_cache(maxsize=64)
def _matcher(grammar: str) -> LLMatcher:
    from llguidance import LLMatcher, LLTokenizer

    return LLMatcher(LLTokenizer("byte"), grammar, log_level=0)

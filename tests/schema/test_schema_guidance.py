"""What llguidance says, held against the real library: an upgrade that changes its words or its limits fails here."""

from __future__ import annotations

import re

import pytest

from edge_lam.schema.guidance import MESSAGES, Complaint, json_rule, read_message, schema_complaint, text_fits

DOMAIN = r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$"
LOOP = {"allOf": [{"$ref": "#/$defs/A"}, {"type": "object"}]}

SAID = [
    ({"type": "string", "pattern": "^a$", "minLength": 3}, Complaint.NOTHING_FITS),
    ({"allOf": [{"type": "string"}, {"type": "null"}]}, Complaint.NOTHING_FITS),
    ({"type": "string", "pattern": DOMAIN, "maxLength": 253}, Complaint.UNDECIDED),
    ({"oneOf": [{"type": "integer", "minimum": 0}, {"type": "integer", "maximum": 5}]}, Complaint.OVERLAPPING_BRANCHES),
    ({"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 2}, Complaint.COUNTED_PROPERTIES),
    ({"type": "object", "patternProperties": {"^a": {}, "b$": {}}}, Complaint.OVERLAPPING_NAMES),
    ({"type": "string", "pattern": "(?<=x)y"}, Complaint.LOOK_AROUND),
    ({"type": "string", "pattern": r"\b"}, Complaint.LOOK_AROUND),
    ({"type": "string", "pattern": r"(a)\1"}, Complaint.BACK_REFERENCE),
    ({"type": "string", "pattern": "["}, Complaint.BAD_PATTERN),
    ({"type": "integer", "minimum": 2**62}, Complaint.NUMBER),
    ({"type": "number", "maximum": 9.3e18}, Complaint.NUMBER),
    ({"type": "integer", "multipleOf": 2**32}, Complaint.NUMBER),
    ({"$ref": "#/$defs/A"}, Complaint.CIRCULAR),
    ({"$ref": "#/$defs/B"}, Complaint.NO_SUCH_PLACE),
    ({"not": {}}, Complaint.UNKNOWN_KEYWORD),
    ({"enum": [f"value {number}" for number in range(100_000)]}, Complaint.TOO_BIG),
    ({"type": "string", "format": "none of ours"}, Complaint.OTHER),
    ({"type": "string", "format": "uuid"}, None),
]


@pytest.mark.parametrize(("schema", "complaint"), SAID)
def test_what_llguidance_says_of_a_schema(schema, complaint):
    assert schema_complaint({"$defs": {"A": LOOP}}, schema) is complaint


def test_every_complaint_about_a_schema_was_shown():
    shown = {complaint for _, complaint in SAID}
    assert set(Complaint) - shown == {Complaint.TOO_MUCH_WORK, Complaint.NOT_ALLOWED}
    assert {complaint for _, complaint in MESSAGES} <= set(Complaint)


def test_what_llguidance_says_of_too_much_work():
    from llguidance import LLMatcher, LLParserLimits, LLTokenizer

    pattern = {"type": "string", "pattern": "^(.*a.{12}b|.*c.{13}d)+$"}
    matcher = LLMatcher(
        LLTokenizer("byte"), f"start: {json_rule(pattern)}", log_level=0, limits=LLParserLimits(max_lexer_states=50)
    )
    for byte in b'"abcabcabc':
        matcher.compute_bitmask()
        matcher.consume_token(byte)
    matcher.compute_bitmask()
    assert read_message(matcher.get_error()) is Complaint.TOO_MUCH_WORK


@pytest.mark.parametrize("text", ["x", '"too many"fuel'])
def test_what_llguidance_says_of_a_reply_that_does_not_fit(text):
    from llguidance import LLMatcher, LLTokenizer

    matcher = LLMatcher(LLTokenizer("byte"), 'start: "\\"too many\\""', log_level=0)
    assert not matcher.consume_tokens(list(text.encode()))
    assert "too many" in matcher.get_error()  # the grammar is part of the message
    assert read_message(matcher.get_error()) is Complaint.NOT_ALLOWED


def test_words_of_the_schema_itself_are_not_read():
    assert schema_complaint({}, {"enum": ["nsatisfiable", "too big"], "not": {}}) is Complaint.UNKNOWN_KEYWORD
    assert read_message("") is None


def test_no_message_of_llguidance_is_repeated():
    for complaint in Complaint:
        assert complaint.value.islower() or "\\b" in complaint.value
        assert "llguidance" not in complaint.value


@pytest.mark.parametrize(
    "pattern",
    [
        '^[^"]+$',
        r"^[^\\]+$",
        r'^[^"\\]$',
        '^[^]"]*$',
        '^[^-"]*$',
        '^[^"-A]+$',
        r"^[\x00-!#-\u00ff]+$",
        r'^"[^"\n]*"$',
        r"^\[^a-z\]$",
        r'^([^"\\]|\\.)*$',
        r'^[^"\s]+@[^"]+$',
    ],
)
def test_a_class_holds_only_what_it_says(pattern):
    texts = (
        '"',
        "\\",
        'a"',
        'a\\"b',
        "a\\b",
        "ab",
        "a-b",
        "]",
        "\n",
        "\t",
        "\x01a",
        "",
        'a@"',
        "a@b c",
        '"a b"',
        "[^a-z]",
        "a\\nb",
        "A",
    )
    assert [text for text in texts if text_fits(text, pattern=pattern) != bool(re.search(pattern, text))] == []

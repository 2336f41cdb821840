"""Grammars as llama.cpp reads them (GBNF), for where llguidance can't be had.

In goes the Lark that formats write, with JSON Schemas in it; out come rules, their text for llama.cpp, and whether a
text fits them. Knows no model.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from edge_lam.schema.gbnf.alternatives import Left
from edge_lam.schema.gbnf.lark import Grammar, read_lark
from edge_lam.schema.gbnf.matcher import fits, takes_too_much
from edge_lam.schema.gbnf.nodes import Rules
from edge_lam.schema.gbnf.regex import UnreadableError
from edge_lam.schema.gbnf.spelling import Speller, UnsatisfiableError
from edge_lam.schema.gbnf.text import gbnf_text
from edge_lam.schema.guidance import Complaint


def complaint_about(grammar: str) -> Complaint | None:
    """Return why llama.cpp could not hold a reply to a grammar in Lark; None if it can."""
    try:
        read_lark(grammar, is_strict=True)
    except UnreadableError as error:
        return error.complaint
    except UnsatisfiableError:  # this is what was to be found out
        return Complaint.NOTHING_FITS
    return None


def left_of(schema: dict[str, Any]) -> tuple[Left, ...]:
    """Return what llama.cpp's grammars can't hold of a schema, each once: JSON pointers and keywords."""
    speller = Speller({}, "value", schema)
    with suppress(UnreadableError, UnsatisfiableError):  # whoever makes the grammar says so
        speller.spell()
    return tuple(dict.fromkeys(speller.left))


__all__ = [
    "Grammar",
    "Left",
    "Rules",
    "UnreadableError",
    "UnsatisfiableError",
    "complaint_about",
    "fits",
    "gbnf_text",
    "left_of",
    "read_lark",
    "takes_too_much",
]

"""The functions that `transformers` gives to chat templates: JSON as models were trained on it, refusals, the date."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime

from jinja2 import TemplateError

LONGEST_JSON = 2_000_000  # characters, where its layout decides how long it is
_LONGEST_FORM = 1000  # of a date
_WIDEST = 1000  # of an indentation
# Indented JSON is written by Python itself, five times slower: tools, the same in each call, are remembered.
_indented: dict[tuple[object, ...], str] = {}
_KEPT = 256  # texts
_WORTH_KEEPING = 20_000  # characters, at most


def to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Return JSON as `transformers` writes it for templates: raw UTF-8, nothing escaped for HTML."""
    if (indent if isinstance(indent, int) else len(indent or "")) > _WIDEST:
        raise TemplateError("an indentation is too wide")
    text = json.dumps(value, ensure_ascii=ensure_ascii, sort_keys=sort_keys)
    if indent is None and separators is None:
        return text
    key = text, ensure_ascii, indent, separators and tuple(separators)
    if (laid_out := _indented.get(key)) is None:
        encoder = json.JSONEncoder(ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
        laid_out = join_bounded(encoder.iterencode(value), LONGEST_JSON)
        if len(_indented) >= _KEPT:
            _indented.clear()
        if len(text) <= _WORTH_KEEPING:
            _indented[key] = laid_out
    return laid_out


def raise_exception(message: str) -> None:
    """Let the template refuse."""
    raise TemplateError(message)


def strftime_now(form: str) -> str:
    """Return the local time in words."""
    if len(form) > _LONGEST_FORM or re.search(r"\d{3}", form):
        raise TemplateError("a form of time is too long")
    return datetime.now().strftime(form)


def join_bounded(pieces: Iterable[str], most: int) -> str:
    """Join what is written piece by piece, as long as it is not too much.

    Raises:
        TemplateError: it has more than `most` characters.
    """
    parts, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise TemplateError(f"it writes more than {most:,} characters")
        parts.append(piece)
    return "".join(parts)

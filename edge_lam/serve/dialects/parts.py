"""The parts that messages are made of in the younger APIs -> text, or a refusal that names what can't be read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from edge_lam.errors import InvalidRequest


def text_of(content: object, kinds: Collection[str], at: str, param: str) -> str:
    """Return the text of content: a string, or a list of parts.

    Args:
        content: what a message holds; None is no text.
        kinds: the types of parts that hold text.
        at: where it stands, for errors.
        param: the field of the request, for errors.

    Raises:
        InvalidRequest: a part of another type.
    """
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part_text(part, kinds, at, param) for part in parts_of(content, at, param))


def parts_of(content: object, at: str, param: str) -> list[Mapping[str, Any]]:
    """Return the parts of content.

    Raises:
        InvalidRequest: it is no list of objects.
    """
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        raise InvalidRequest(f"the content of {at} must be text or a list of parts", param=param)
    return content


def part_text(part: Mapping[str, Any], kinds: Collection[str], at: str, param: str) -> str:
    """Return the text of one part.

    Raises:
        InvalidRequest: it holds none.
    """
    kind, text = part.get("type"), part.get("text")
    if kind not in kinds or not isinstance(text, str):
        hint = f"read are: {', '.join(kinds)}"
        raise InvalidRequest(f"{at} holds a part of type {kind!r}", hint=hint, param=param)
    return text


def string(fields: Mapping[str, Any], name: str, at: str, param: str) -> str:
    """Return a field of a message that is text and not empty.

    Raises:
        InvalidRequest: it is something else, or not there.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{at} has no {name}", param=param)
    return value

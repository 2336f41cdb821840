"""Why a keyword can be neither enforced nor checked: references that lead nowhere, values of another type than theirs.

Each function returns a reason in a few words; None if all is well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from edge_lam.schema.patterns import read_pattern
from edge_lam.schema.walk import subschemas


def places(schema: Any, path: str = "") -> dict[str, str]:
    """Return the JSON pointers of all schemas inside a schema, each with its anchor or ""."""
    anchor = schema.get("$anchor", "") if isinstance(schema, dict) else ""
    found = {path: anchor}
    for step, part in subschemas(schema):
        found |= places(part, path + step)
    return found


def reference_fault(reference: str, known: dict[str, str]) -> str | None:
    """Look for a reference among the places of its document."""
    if not reference.startswith("#"):
        return f"{reference!r} is outside of the schema"
    target = unquote(reference[1:])
    is_known = target in known or (target and target in known.values())
    return None if is_known else f"there is no schema at {reference!r}"


def names_fault(patterns: Iterable[str]) -> str | None:
    """Look at the patterns of `patternProperties`."""
    for text in patterns:
        pattern = read_pattern(text)
        if pattern.fault or pattern.fits != (text,):
            reason = pattern.fault.value if pattern.fault else "look-ahead is not supported in names"
            return f"{text!r}: {reason}"
    return None


def values_fault(schema: dict[str, Any]) -> str | None:
    """Compare the values of `enum` and `const` with `type`; some have to fit."""
    kinds = schema.get("type", ())
    if not kinds or not ("enum" in schema or "const" in schema):
        return None
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    if any(_kind(value) in kinds or (_kind(value) == "integer" and "number" in kinds) for value in values):
        return None
    named = kinds if isinstance(kinds, str) else " or ".join(kinds)
    return f"none of its values is of type {named}"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return {str: "string", int: "integer", list: "array", dict: "object"}[type(value)]

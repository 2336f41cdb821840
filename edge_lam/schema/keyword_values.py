"""Values that no reader of JSON Schema could make sense of: `minLength` of "3", an `enum` of nothing."""

from __future__ import annotations

from typing import Any

from edge_lam.schema.keywords import BOUNDS, COUNTS, TEXTS

RANGES = (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems"))


def value_fault(keyword: str, value: Any) -> str:
    """Return what is wrong with the value of a keyword, or ""."""
    fault = ""
    if keyword in COUNTS:
        if not _is_number(value) or value < 0 or value != int(value):
            fault = f"{keyword} must be a whole number of at least 0"
    elif keyword in BOUNDS:
        draft_4 = keyword.startswith("exclusive") and isinstance(value, bool)
        if not draft_4 and not _is_number(value):
            fault = f"{keyword} must be a number"
        elif keyword == "multipleOf" and value <= 0:
            fault = "multipleOf must be above 0"
    elif keyword in TEXTS:
        fault = "" if isinstance(value, str) else f"{keyword} must be text"
    elif keyword == "description":
        fault = "" if isinstance(value, str) else "a description must be text"
    elif keyword == "enum":
        fault = "" if isinstance(value, list) and value else "enum must be a list of at least one value"
    elif keyword == "required":
        fault = "" if _are_names(value) else "required must be a list of property names"
    elif keyword == "dependentRequired":
        fits = isinstance(value, dict) and all(map(_are_names, value.values()))
        fault = "" if fits else "dependentRequired must hold a list of property names for each property"
    elif keyword == "dependencies":
        fits = all(_are_names(needed) for needed in value.values() if isinstance(needed, list))
        fault = "" if fits else "dependencies must hold a schema or a list of property names for each property"
    elif keyword == "uniqueItems":
        fault = "" if isinstance(value, bool) else "uniqueItems must be true or false"
    return fault


def range_fault(schema: dict[str, Any]) -> tuple[str, str]:
    """Return the lower keyword of a range that nothing fits, and what is wrong with it; two times "" if all is well."""
    for low, high in RANGES:
        if low in schema and high in schema and schema[low] > schema[high]:
            return low, f"{low} {schema[low]} is above {high} {schema[high]}"
    return "", ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)

"""Where schemas stand inside a schema: walking them, changing them, and finding one by its JSON pointer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from edge_lam.schema.keywords import SCHEMA_LISTS, SCHEMA_MAPS, SCHEMAS


def subschemas(schema: Any) -> Iterator[tuple[str, Any]]:
    """Yield (JSON pointer from here, schema) for every schema directly inside `schema`."""
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key in SCHEMA_MAPS and isinstance(value, dict):
            yield from ((f"/{key}/{escape(name)}", child) for name, child in value.items())
        elif key in SCHEMA_LISTS and isinstance(value, list):
            yield from ((f"/{key}/{index}", child) for index, child in enumerate(value))
        elif key in SCHEMAS:
            yield f"/{key}", value


def walk(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (JSON pointer, schema) for a schema and for every schema inside of it, the outer before the inner."""
    yield path, schema
    for step, part in subschemas(schema):
        yield from walk(part, path + step)


def with_subschemas(schema: dict[str, Any], change: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Return a copy of a schema in which `change` replaces every schema directly inside.

    Args:
        schema: left as it is.
        change: is given the JSON pointer from here, and a schema.
    """
    changed = dict(schema)
    for key, value in schema.items():
        if key in SCHEMA_MAPS and isinstance(value, dict):
            changed[key] = {name: change(f"/{key}/{escape(name)}", child) for name, child in value.items()}
        elif key in SCHEMA_LISTS and isinstance(value, list):
            changed[key] = [change(f"/{key}/{index}", child) for index, child in enumerate(value)]
        elif key in SCHEMAS:
            changed[key] = change(f"/{key}", value)
    return changed


def escape(name: str) -> str:
    """Return a key as one step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def unescape(step: str) -> str:
    """Return the key that one step of a JSON pointer stands for."""
    return step.replace("~1", "/").replace("~0", "~")


def resolve(root: Any, reference: str) -> Any:
    """Return what a reference inside of a document leads to; None if there is no such thing."""
    target = unquote(reference.removeprefix("#"))
    if target and not target.startswith("/"):
        anchored = (part for _, part in walk(root) if isinstance(part, dict) and part.get("$anchor") == target)
        return next(anchored, None)
    found = root
    for step in target.split("/")[1:]:
        key = unescape(step)
        if isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found

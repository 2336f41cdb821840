"""The rules of a schema in llguidance's Lark syntax, in which numbers of any size can be written out.

Its JSON Schema reads numbers as floats (see `numbers.py`), so that a constant beyond them is held to a range. Where all
around such a constant is plain (objects that list their properties, arrays of one kind, choices), that is spelled in
rules instead, and the constant as the text that it is.
"""

from __future__ import annotations

import json
from typing import Any

from edge_lam.schema.guidance import json_rule
from edge_lam.schema.walk import walk, with_subschemas

EXACT = "x-exact"  # beside the range: the values themselves
PLAIN_OBJECT = {"type", "properties", "required", "additionalProperties", "$defs", "definitions"}
PLAIN_ARRAY = {"type", "items", "minItems", "maxItems"}
PLAIN_VALUE = {"type", "allOf", EXACT}


def lark_rules(name: str, schema: Any) -> list[str]:
    """Return the rule of the JSON that fits a schema, and those that it needs.

    Args:
        name: of the rule; the others' begin with it.
        schema: as `keep_exact` returns it.
    """
    writer = _RuleWriter(schema)
    writer.value(name, schema)
    return writer.rules


def keep_exact(schema: dict[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Leave exact values only where rules can spell them.

    Returns:
        The schema, and the JSON pointers of what has exact values.
    """
    found: list[str] = []

    def keep(part: Any, path: str, *, is_plain: bool) -> Any:
        if not isinstance(part, dict):
            return part
        kept = {key: value for key, value in part.items() if key != EXACT}
        if is_plain and EXACT in part and part.keys() <= PLAIN_VALUE and len(part["allOf"]) == 1:
            found.append(path)
            return part
        inside = _plain_places(part) if is_plain else ()
        return with_subschemas(
            kept, lambda step, child: keep(child, path + step, is_plain=bool(inside) and step.startswith(inside))
        )

    return keep(schema, "", is_plain=True), frozenset(found)


def _plain_places(schema: dict[str, Any]) -> tuple[str, ...]:
    """Return where a schema holds parts that rules can spell, if they can spell the schema itself."""
    if schema.keys() == {"anyOf"}:
        return ("/anyOf/",)
    if schema.get("type") == "array":
        return ("/items",) if "items" in schema and schema.keys() <= PLAIN_ARRAY else ()
    names = schema.get("properties", {}).keys()
    is_closed = schema.get("type") == "object" and schema.get("additionalProperties") is False
    is_plain = schema.keys() <= PLAIN_OBJECT and is_closed and set(schema.get("required", ())) <= names
    return ("/properties/",) if is_plain else ()


class _RuleWriter:
    """Writes rules."""

    def __init__(self, root: Any) -> None:
        self.rules: list[str] = []
        self._definitions = {
            key: root[key] for key in ("$defs", "definitions") if isinstance(root, dict) and key in root
        }

    def value(self, name: str, schema: Any) -> None:
        """Add the rule of a value."""
        if not any(isinstance(part, dict) and EXACT in part for _, part in walk(schema)):
            whole = {**schema, **self._definitions} if isinstance(schema, dict) else schema
            self.rules.append(f"{name}: {json_rule(whole)}")
        elif EXACT in schema:
            texts = dict.fromkeys(json.dumps(value, ensure_ascii=False) for value in schema[EXACT])
            self.rules.append(f"{name}: {' | '.join(map(json.dumps, texts))}")
        elif "anyOf" in schema:
            self.rules.append(f"{name}: {' | '.join(f'{name}_c{index}' for index in range(len(schema['anyOf'])))}")
            for index, choice in enumerate(schema["anyOf"]):
                self.value(f"{name}_c{index}", choice)
        elif schema["type"] == "array":
            self._array(name, schema)
        else:
            self._object(name, schema)

    def _array(self, name: str, schema: dict[str, Any]) -> None:
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        further = f'(", " {name}_i){{{max(least - 1, 0)},{"" if most is None else most - 1}}}'
        items = f"{name}_i" + ("" if most == 1 else f" {further}")
        self.rules.append(f'{name}: "[" ' + ("" if most == 0 else f"({items}){'' if least else '?'} ") + '"]"')
        self.value(f"{name}_i", schema["items"])

    def _object(self, name: str, schema: dict[str, Any]) -> None:
        """Add the rules of an object: its properties in order, of which some may be left out, with commas between."""
        properties = {key: part for key, part in schema["properties"].items() if part is not False}
        required = set(schema.get("required", ()))
        firsts: list[str] = []
        may_be_empty = True
        for index, (key, part) in enumerate(properties.items()):
            is_last, is_required = index == len(properties) - 1, key in required
            after = "" if is_last else f" {name}_r{index + 1}"
            if may_be_empty:  # nothing has to stand before this property
                firsts.append(f"{name}_p{index}{after}")
            may_be_empty = may_be_empty and not is_required
            if index:
                self.rules.append(f'{name}_r{index}: (", " {name}_p{index}){"" if is_required else "?"}{after}')
            self.rules.append(
                f"{name}_p{index}: {json.dumps(json.dumps(key, ensure_ascii=False) + ': ')} {name}_v{index}"
            )
            self.value(f"{name}_v{index}", part)
        self.rules.append(f'{name}: "{{" ({" | ".join(firsts)}){"?" if may_be_empty else ""} "}}"')

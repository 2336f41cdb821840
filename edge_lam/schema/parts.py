"""What the schemas that speak of one and the same object say together: its names, and whether others may come.

A schema is one part of that; the parts inside of it are its `allOf`, `$ref`, `anyOf`, `oneOf`, `if`, `then`, `else` and
`dependentSchemas`. Each question about a part is answered once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias, TypeVar, cast

from edge_lam.schema.walk import resolve, unescape

PropertyNames: TypeAlias = "dict[str, None]"  # a set that keeps its order
Parts: TypeAlias = "tuple[Any, ...]"
Answer = TypeVar("Answer")

CHOICES = ("anyOf", "oneOf")
CONDITIONAL = ("then", "else")
ALWAYS = ("allOf", "$ref")  # what holds for every value
EVERY = (*ALWAYS, "if", *CONDITIONAL, "dependentSchemas")
OF_OTHERS = ("additionalProperties", "patternProperties")  # what holds for properties that are not listed


class CircularError(Exception):
    """A schema is a part of itself."""


class PartReader:
    """Reads parts of objects.

    Args:
        root: the document that references lead into.
        over_unevaluated: take ``unevaluatedProperties: false`` for no word on other properties: they are to be closed.
    """

    def __init__(self, root: dict[str, Any], *, over_unevaluated: bool = False) -> None:
        self.root = root
        self._over_unevaluated = over_unevaluated
        # By question, and by the reference or the identity of the part, which is kept so that it stays the only one.
        self._answers: dict[tuple[str, str | int], tuple[Any, Any]] = {}

    def names(self, schema: Any) -> PropertyNames:
        """Return all names that a part has for properties of its object."""
        return self._ask("names", schema, self._names, {})

    def names_of_all(self, parts: Parts) -> PropertyNames:
        """Return the names that any of several parts has."""
        return {name: None for part in parts for name in self.names(part)}

    def speaks(self, schema: Any) -> bool:
        """Tell whether a part says something of properties that are not listed."""
        return self._ask("speaks", schema, self._speaks, False)

    def lists(self, schema: Any) -> bool:
        """Tell whether a part lists properties, whichever of its branches may hold."""
        return self._ask("lists", schema, self._lists, False)

    def lists_somewhere(self, schema: Any) -> bool:
        """Tell whether a part or one of its branches lists properties."""
        return self._ask("lists somewhere", schema, self._lists_somewhere, False)

    def is_shut(self, schema: Any) -> bool:
        """Tell whether a part forbids properties that are not listed."""
        return schema is False or self._ask("is shut", schema, self._is_shut, False)

    def children(self, schema: Any, place: str) -> list[Any]:
        """Return all that a part says of one property or of the items.

        Args:
            schema: of an object or array.
            place: "properties/NAME", the name as a step of a JSON pointer, or "items".
        """
        nothing: list[Any] = []
        return self._ask(f"children at {place}", schema, partial(self._children, place=place), nothing)

    def target(self, schema: dict[str, Any]) -> Any:
        """Return what the reference of a schema leads to; None if there is none, or no such place."""
        return resolve(self.root, schema["$ref"]) if isinstance(schema.get("$ref"), str) else None

    def _ask(self, question: str, schema: Any, answer: Callable[[Any], Answer], otherwise: Answer) -> Answer:
        if not isinstance(schema, dict):
            return otherwise
        key = (question, schema["$ref"] if schema.keys() == {"$ref"} else id(schema))
        if key not in self._answers:
            self._answers[key] = (schema, CircularError)
            self._answers[key] = (schema, answer(schema))
        _, found = self._answers[key]
        if found is CircularError:
            raise CircularError
        return cast("Answer", found)

    def _names(self, schema: dict[str, Any]) -> PropertyNames:
        found: PropertyNames = dict.fromkeys((*schema.get("properties", ()), *schema.get("required", ())))
        for name, needed in schema.get("dependentRequired", {}).items():
            found |= dict.fromkeys((name, *needed))
        return found | self.names_of_all((*self._parts(schema), *_branches(schema)))

    def _speaks(self, schema: dict[str, Any]) -> bool:
        shut = self._over_unevaluated and schema.get("unevaluatedProperties") is False
        if any(key in schema for key in OF_OTHERS) or ("unevaluatedProperties" in schema and not shut):
            return True
        return any(map(self.speaks, (*self._parts(schema), *_branches(schema))))

    def _lists(self, schema: dict[str, Any]) -> bool:
        return bool(schema.get("properties")) or any(map(self.lists, self._parts(schema, ALWAYS)))

    def _lists_somewhere(self, schema: dict[str, Any]) -> bool:
        inside = (*self._parts(schema, ALWAYS), *_branches(schema))
        return bool(schema.get("properties")) or any(map(self.lists_somewhere, inside))

    def _is_shut(self, schema: dict[str, Any]) -> bool:
        if schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False:
            return True
        branches = [schema[key] for key in CHOICES if schema.get(key)]
        return any(map(self.is_shut, self._parts(schema, ALWAYS))) or any(
            all(map(self.is_shut, each)) for each in branches
        )

    def _children(self, schema: dict[str, Any], place: str) -> list[Any]:
        keyword, _, name = place.partition("/")
        own = schema.get(keyword, {}).get(unescape(name)) if keyword == "properties" else schema.get(keyword)
        found = {id(own): own} if isinstance(own, dict) else {}
        for part in (*self._parts(schema), *_branches(schema)):
            found |= {id(child): child for child in self.children(part, place)}
        return list(found.values())

    def _parts(self, schema: dict[str, Any], keywords: tuple[str, ...] = ()) -> Iterator[Any]:
        """Yield the parts of a part, apart from branches; of some keywords, or of all."""
        for keyword in keywords or EVERY:
            if keyword not in schema:
                continue
            if keyword == "$ref":
                yield self.target(schema) if len(schema) == 1 else {"$ref": schema["$ref"]}
            elif keyword == "allOf":
                yield from schema["allOf"]
            else:
                yield from schema[keyword].values() if keyword == "dependentSchemas" else [schema[keyword]]


def _branches(schema: dict[str, Any]) -> list[Any]:
    """Return the schemas of which some have to hold."""
    return [branch for key in CHOICES for branch in schema.get(key, ())]

"""Objects are closed: where a schema lists properties and says nothing of others, a call gets none that are not listed.

Models make up arguments wherever an object is open. JSON Schema leaves it open unless `additionalProperties` says
otherwise, and few authors write that. Where several schemas describe one object (`allOf`, `$ref` beside other keywords,
`anyOf` beside `properties`), each part is closed over the names of all: it allows, without a word on their values, what
the others list. Definitions that are parts are written out for that, since they are closed differently by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge_lam.schema.keywords import ANNOTATIONS, APPLICATORS
from edge_lam.schema.parts import CHOICES, CONDITIONAL, CircularError, PartReader, Parts, PropertyNames
from edge_lam.schema.walk import escape, subschemas, with_subschemas

# Tests of an object, and of others: closed, they would tell something else.
TESTS = ("not", "if", "contains", "propertyNames")
IN_PLACE = (*CHOICES, *CONDITIONAL, "allOf", "$ref", "if", "dependentSchemas")  # what holds parts
MAX_COPIES = 100
MAX_SIBLINGS = 50_000  # parts that stand beside others, counted for each of them


class TooManyPartsError(Exception):
    """Parts multiply when they are held against each other, or definitions when they are written out."""


# Definitions that multiply, are a part of themselves, or form a chain of hundreds: nothing is closed then.
UNBOUNDED = (TooManyPartsError, CircularError, RecursionError)


def closed(parameters: dict[str, Any], *, over_unevaluated: bool = False) -> dict[str, Any]:
    """Return a schema in which every object that lists properties, and says nothing of others, is closed.

    Annotations are left out.

    Args:
        parameters: schema of an object, in the words of 2020-12; left as it is.
        over_unevaluated: close objects with ``unevaluatedProperties: false`` too: for a grammar, which can't express
            that.
    """
    return close_objects(constraints(parameters), over_unevaluated=over_unevaluated)


def close_objects(bare: dict[str, Any], *, over_unevaluated: bool = False) -> dict[str, Any]:
    """Return what `closed` does, for a schema that has no annotations."""
    try:
        schema: dict[str, Any] = _Closer(bare, over_unevaluated=over_unevaluated).close(bare)
    except UNBOUNDED:  # it refers to itself without end: compiling it says so
        return bare
    if not any(key in schema for key in (*APPLICATORS, "dependentSchemas", "unevaluatedProperties")):
        schema.setdefault("additionalProperties", False)
    return schema


def open_objects(schema: dict[str, Any]) -> tuple[str, ...]:
    """Return the JSON pointers of the objects that list properties and take others too.

    Args:
        schema: as `closed` returns it.
    """
    reader = PartReader(schema)

    def look(part: Any, path: str, *, whole: bool) -> Iterator[str]:
        if not isinstance(part, dict):
            return
        if whole and reader.lists(part) and not reader.is_shut(part):
            yield path
        for step, child in subschemas(part):
            keyword = step.split("/")[1]
            if keyword not in TESTS:
                yield from look(child, path + step, whole=keyword not in IN_PLACE)

    try:
        return tuple(look(schema, "", whole=True))
    except UNBOUNDED:  # nothing was closed
        return ("",)


def constraints(schema: Any) -> Any:
    """Return a schema without annotations, and without an `allOf` around a single part, as pydantic used to write."""
    if not isinstance(schema, dict):
        return schema
    plain = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
    plain = with_subschemas(plain, lambda _, child: constraints(child))
    if len(parts := plain.get("allOf", ())) == 1 and isinstance(parts[0], dict):
        rest = {key: value for key, value in plain.items() if key != "allOf"}
        if not rest or (parts[0].keys() == {"$ref"} and "$ref" not in rest):
            return {**parts[0], **rest}
    return plain


class _Closer(PartReader):
    """Closes objects."""

    def __init__(self, root: dict[str, Any], *, over_unevaluated: bool) -> None:
        super().__init__(root, over_unevaluated=over_unevaluated)
        self._copies = self._n_siblings = 0
        self._writing: list[str] = []

    def close(
        self, schema: Any, siblings: Parts = (), *, whole: PropertyNames | None = None, only_inside: bool = False
    ) -> Any:
        """Close an object, and all objects inside of it.

        Args:
            schema: one object, or a part of what is required of one.
            siblings: the other parts.
            whole: of a branch, the names that the object around it is closed over.
            only_inside: leave the object itself as it is.
        """
        if not isinstance(schema, dict):
            return schema
        self._n_siblings += len(siblings) + len(schema.get("allOf", ())) ** 2
        if self._n_siblings > MAX_SIBLINGS:
            raise TooManyPartsError
        is_only = not siblings and not any(key in schema for key in IN_PLACE)
        with_others = (schema, *siblings) if not is_only else ()
        result = with_subschemas(schema, lambda step, child: self._inside(schema, with_others, step, child))
        if "allOf" in schema:
            parts = schema["allOf"]
            without = [{**schema, "allOf": [*parts[:index], *parts[index + 1 :]]} for index in range(len(parts))]
            result["allOf"] = [
                self.close(part, (*siblings, rest), only_inside=only_inside)
                for part, rest in zip(parts, without, strict=True)
            ]
        for key in CHOICES:
            if key in schema:
                result[key] = self._close_branches(schema, key, siblings, whole, only_inside=only_inside)
        if "$ref" in schema:
            result = self._write_out(result, schema, siblings, only_inside=only_inside)
        if only_inside or not (schema.get("properties") or whole):
            return result
        names = self.names_of_all((schema, *siblings))
        is_narrower = bool((whole or {}).keys() - names.keys()) and _is_plain_branch(schema)
        if (schema.get("properties") or is_narrower) and not any(map(self.speaks, (schema, *siblings))):
            own = result.get("properties", {})
            result["properties"] = {**own, **{name: True for name in names if name not in own}}
            result["additionalProperties"] = False
        return result

    def _inside(self, schema: dict[str, Any], parts: Parts, step: str, child: Any) -> Any:
        """Close what stands inside of an object, apart from its parts, which wait.

        Args:
            schema: of the object.
            parts: that and the other parts of it, if there are any.
            step: the place of the child.
            child: a schema.
        """
        _, keyword, *name = step.split("/", 2)
        if keyword in (*TESTS, *CHOICES, "allOf"):
            return child
        if keyword in (*CONDITIONAL, "dependentSchemas"):
            rest = {key: value for key, value in schema.items() if key != keyword}
            return self.close(child, (*parts[1:], rest), only_inside=True)
        if keyword in ("properties", "items"):
            others = [other for part in parts for other in self.children(part, "/".join([keyword, *name]))]
            return self.close(child, tuple(other for other in others if other is not child))
        return self.close(child)

    def _close_branches(
        self, schema: dict[str, Any], key: str, siblings: Parts, whole: PropertyNames | None, *, only_inside: bool
    ) -> list[Any]:
        rest = {other: value for other, value in schema.items() if other != key}
        if key == "oneOf":  # closed, a branch without properties would no longer rule out another one
            whole = None
        elif self.lists(rest):
            whole = (whole or {}) | self.names_of_all((schema, *siblings))
        return [self.close(part, (*siblings, rest), whole=whole, only_inside=only_inside) for part in schema[key]]

    def _write_out(
        self, result: dict[str, Any], schema: dict[str, Any], siblings: Parts, *, only_inside: bool
    ) -> dict[str, Any]:
        """Put a definition in the place of its reference, if it has to be closed differently here."""
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        target, others = self.target(schema), (*siblings, rest)
        if not self.lists_somewhere(target) or not (only_inside or self._differs(target, others)):
            return result
        self._copies += 1
        if self._copies > MAX_COPIES or schema["$ref"] in self._writing:  # a part of itself, or of what it holds
            raise TooManyPartsError
        self._writing.append(schema["$ref"])
        copy = self.close(target, others, only_inside=only_inside)
        self._writing.pop()
        if not rest:
            return dict(copy)
        written: dict[str, Any] = {}
        for key, value in result.items():
            written |= {"allOf": [copy, *result.get("allOf", ())]} if key == "$ref" else {}
            written |= {} if key in ("$ref", "allOf") else {key: value}
        return written

    def _differs(self, target: Any, others: Parts) -> bool:
        """Tell whether a definition is closed in another way beside other parts than by itself."""
        names, known = self.names_of_all(others), self.names(target)
        if names.keys() - known.keys() or any(map(self.speaks, others)):
            return True
        shared = (
            other for name in names for part in others for other in self.children(part, f"properties/{escape(name)}")
        )
        return any(self.lists_somewhere(other) for other in shared)


def _is_plain_branch(schema: dict[str, Any]) -> bool:
    """Tell whether a branch without properties is about an object, and nothing else in it is closed already."""
    siblings = ("enum", "const", "$ref", "allOf", *CHOICES)
    return "object" in schema.get("type", "object") and not any(key in schema for key in siblings)

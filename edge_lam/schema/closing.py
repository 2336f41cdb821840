"""Objects are closed: where a schema lists properties and says nothing of others, a call gets none that are not listed.

Models make up arguments wherever an object is open. JSON Schema leaves it open unless `additionalProperties` says
otherwise, and few authors write that. Where several schemas describe one object (`allOf`, `$ref` beside other keywords,
`anyOf` beside `properties`), each part is closed over the names of all: it allows, without a word on their values, what
the others list. Definitions that are parts are written out for that, since they are closed differently by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

from edge_lam.schema.keywords import ANNOTATIONS, APPLICATORS
from edge_lam.schema.walk import resolve, with_subschemas

Names: TypeAlias = "dict[str, None]"  # a set that keeps its order

CHOICES = ("anyOf", "oneOf")
OF_OTHERS = ("additionalProperties", "patternProperties")
# Tests of an object, and of others: closed, they would tell something else.
TESTS = ("not", "if", "contains", "propertyNames")
CONDITIONAL = ("then", "else")
MOST_COPIES = 500


def closed(parameters: dict[str, Any], *, over_unevaluated: bool = False) -> dict[str, Any]:
    """Return a schema in which every object that lists properties, and says nothing of others, is closed.

    Annotations are left out.

    Args:
        parameters: schema of an object, in the words of 2020-12; left as it is.
        over_unevaluated: close objects with ``unevaluatedProperties: false`` too: for a grammar, which can't express
            that.
    """
    bare: dict[str, Any] = constraints(parameters)
    try:
        schema: dict[str, Any] = _Closer(bare, over_unevaluated=over_unevaluated).close(bare)
    except (_TooManyCopies, RecursionError):  # definitions that multiply, or form a chain of hundreds
        return bare
    if not any(key in schema for key in (*APPLICATORS, "dependentSchemas", "unevaluatedProperties")):
        schema.setdefault("additionalProperties", False)
    return schema


def open_objects(schema: dict[str, Any]) -> tuple[str, ...]:
    """Return the JSON pointers of the objects that list properties and take others too.

    Args:
        schema: as `closed` returns it.
    """
    reader = _Reader(schema, over_unevaluated=False)

    def look(part: Any, path: str, *, whole: bool) -> Iterator[str]:
        if not isinstance(part, dict):
            return
        if whole and reader.lists(part) and not reader.is_shut(part):
            yield path
        inside: list[tuple[str, Any]] = []
        with_subschemas(part, lambda step, child: inside.append((step, child)))
        for step, child in inside:
            keyword = step.split("/")[1]
            if keyword not in TESTS:
                in_place = (*CHOICES, *CONDITIONAL, "allOf", "dependentSchemas")
                yield from look(child, path + step, whole=keyword not in in_place)

    try:
        return tuple(look(schema, "", whole=True))
    except RecursionError:  # a chain of hundreds of definitions
        return ()


class _TooManyCopies(Exception):  # noqa: N818
    pass


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


class _Reader:
    """Reads what the parts of one object say about its properties; each definition is read once."""

    def __init__(self, root: dict[str, Any], *, over_unevaluated: bool) -> None:
        self.root = root
        self._over_unevaluated = over_unevaluated
        self._known: dict[tuple[str, str], Any] = {}

    def names(self, schema: Any) -> Names:
        """Return all names that a schema has for properties of its object."""
        if not isinstance(schema, dict):
            return {}
        found: Names = dict.fromkeys((*schema.get("properties", ()), *schema.get("required", ())))
        for name, needed in schema.get("dependentRequired", {}).items():
            found |= dict.fromkeys((name, *needed))
        for part in (*self.parts(schema), *self.branches(schema)):
            found |= self._once("names", part, self.names, {})
        return found

    def speaks(self, schema: Any) -> bool:
        """Tell whether a schema says something of properties that are not listed."""
        if not isinstance(schema, dict):
            return False
        shut = self._over_unevaluated and schema.get("unevaluatedProperties") is False
        if any(key in schema for key in OF_OTHERS) or ("unevaluatedProperties" in schema and not shut):
            return True
        parts = (*self.parts(schema), *self.branches(schema))
        return any(self._once("speaks", part, self.speaks, False) for part in parts)

    def lists(self, schema: Any, *, also_branches: bool = False) -> bool:
        """Tell whether a schema lists properties, whichever of its branches may hold."""
        if not isinstance(schema, dict):
            return False
        if schema.get("properties"):
            return True
        parts = [part for keyword, part in self._parts(schema) if keyword in ("allOf", "$ref")]
        parts += self.branches(schema) if also_branches else []
        key = "lists anywhere" if also_branches else "lists"
        answer = partial(self.lists, also_branches=also_branches)
        return any(self._once(key, part, answer, False) for part in parts)

    def is_shut(self, schema: Any) -> bool:
        """Tell whether a schema forbids properties that are not listed."""
        if not isinstance(schema, dict):
            return schema is False
        if schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False:
            return True
        parts = [part for keyword, part in self._parts(schema) if keyword in ("allOf", "$ref")]
        shut = [self._once("is_shut", part, self.is_shut, False) for part in parts]
        branches = [
            [self._once("is_shut", part, self.is_shut, False) for part in schema.get(key, ())] for key in CHOICES
        ]
        return any(shut) or any(each and all(each) for each in branches)

    def parts(self, schema: dict[str, Any]) -> list[Any]:
        """Return the schemas that speak of the same object, apart from branches."""
        return [part for _, part in self._parts(schema)]

    def branches(self, schema: dict[str, Any]) -> list[Any]:
        """Return the schemas of which some have to hold."""
        return [branch for key in CHOICES for branch in schema.get(key, ())]

    def target(self, schema: dict[str, Any]) -> Any:
        """Return what the reference of a schema leads to; None if there is none, or no such place."""
        return resolve(self.root, schema["$ref"]) if isinstance(schema.get("$ref"), str) else None

    def _parts(self, schema: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        yield from (("allOf", part) for part in schema.get("allOf", ()))
        if "$ref" in schema:
            yield "$ref", {"$ref": schema["$ref"]} if len(schema) > 1 else self.target(schema)
        yield from ((key, schema[key]) for key in ("if", *CONDITIONAL) if key in schema)
        yield from (("dependentSchemas", part) for part in schema.get("dependentSchemas", {}).values())

    def _once(self, question: str, schema: Any, answer: Callable[[Any], Any], meanwhile: Any) -> Any:
        """Return the answer for a schema; for a reference, which may lead back here, look for it once."""
        if not (isinstance(schema, dict) and schema.keys() == {"$ref"}):
            return answer(schema)
        key = (question, schema["$ref"])
        if key not in self._known:
            self._known[key] = meanwhile
            self._known[key] = answer(schema)
        return self._known[key]


class _Closer(_Reader):
    """Closes objects."""

    def __init__(self, root: dict[str, Any], *, over_unevaluated: bool) -> None:
        super().__init__(root, over_unevaluated=over_unevaluated)
        self._copies = 0

    def close(
        self, schema: Any, others: Names | None = None, *, spoken: bool = False, whole: Names | None = None
    ) -> Any:
        """Close an object, and all objects inside of it.

        Args:
            schema: one object, or a part of what is said about one.
            others: names that other parts have.
            spoken: whether another part says something of properties that are not listed.
            whole: of a branch, the names that the object around it is closed over.
        """
        if not isinstance(schema, dict):
            return schema
        others = others or {}
        names = others | self.names(schema)
        result = with_subschemas(schema, self._inside)
        if "allOf" in schema:
            result["allOf"] = [self._close_part(schema, part, others, spoken) for part in schema["allOf"]]
        for key in CHOICES:
            if key in schema:
                result[key] = self._close_branches(schema, key, others, spoken, whole)
        if "$ref" in schema:
            result = self._write_out(result, schema, others, spoken=spoken)
        is_narrower = bool((whole or {}).keys() - names.keys()) and _is_plain_branch(schema)
        if (schema.get("properties") or is_narrower) and not spoken and not self.speaks(schema):
            own = result.get("properties", {})
            result["properties"] = {**own, **{name: True for name in names if name not in own}}
            result["additionalProperties"] = False
        return result

    def _inside(self, step: str, child: Any) -> Any:
        keyword = step.split("/")[1]
        if keyword in (*TESTS, *CHOICES, "allOf"):
            return child
        return self.close(child, spoken=keyword in (*CONDITIONAL, "dependentSchemas"))

    def _close_part(self, schema: dict[str, Any], part: Any, others: Names, spoken: bool) -> Any:
        beside = {**schema, "allOf": [other for other in schema["allOf"] if other is not part]}
        return self.close(part, others | self.names(beside), spoken=spoken or self.speaks(beside))

    def _close_branches(
        self, schema: dict[str, Any], key: str, others: Names, spoken: bool, whole: Names | None
    ) -> list[Any]:
        beside = {other: value for other, value in schema.items() if other != key}
        spoken = spoken or self.speaks({other: value for other, value in beside.items() if other not in CHOICES})
        if key == "oneOf":  # closed, a branch without properties would no longer rule out another one
            whole = None
        elif self.lists(beside):
            whole = (whole or {}) | others | self.names(schema)
        others = others | self.names(beside)
        return [self.close(branch, others, spoken=spoken, whole=whole) for branch in schema[key]]

    def _write_out(
        self, result: dict[str, Any], schema: dict[str, Any], others: Names, *, spoken: bool
    ) -> dict[str, Any]:
        """Put a definition in the place of its reference, if it has to be closed differently here."""
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        target = self.target(schema)
        beside = others | self.names(rest)
        spoken = spoken or self.speaks(rest)
        if not self.lists(target, also_branches=True) or not (spoken or beside.keys() - self.names(target).keys()):
            return result
        self._copies += 1
        if self._copies > MOST_COPIES:
            raise _TooManyCopies
        copy = self.close(target, beside, spoken=spoken)
        if not rest:
            return dict(copy)
        written: dict[str, Any] = {}
        for key, value in result.items():
            written |= {"allOf": [copy, *result.get("allOf", ())]} if key == "$ref" else {}
            written |= {} if key in ("$ref", "allOf") else {key: value}
        return written


def _is_plain_branch(schema: dict[str, Any]) -> bool:
    """Tell whether a branch without properties is about an object, and nothing else in it is closed already."""
    beside = ("enum", "const", "$ref", "allOf", *CHOICES)
    return "object" in schema.get("type", "object") and not any(key in schema for key in beside)

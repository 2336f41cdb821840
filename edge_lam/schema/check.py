"""Arguments held against a schema when a call is there: what the grammar can't enforce, and calls that had no grammar.

In come a schema and decoded arguments; out come problems, by path and keyword. `jsonschema` does the work; patterns and
formats are those of the grammar, so that the two agree. Nothing is fetched, and the work is bounded.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from edge_lam.schema.error import shortened
from edge_lam.schema.formats import has_format
from edge_lam.schema.numbers import as_written
from edge_lam.schema.patterns import read_pattern
from edge_lam.schema.walk import escape, resolve

if TYPE_CHECKING:
    from jsonschema import ValidationError

Errors: TypeAlias = "Iterator[ValidationError]"
Validate: TypeAlias = "Callable[[Any, Any, Any, Any], Errors | None]"

MAX_PROBLEMS = 20
LONGEST_MESSAGE = 200
MAX_REFERENCES = 50_000  # references followed in one check: definitions that refer to each other can multiply


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the arguments of a call that does not fit the tool.

    Attributes:
        path: JSON pointer into the arguments, "" for the arguments themselves.
        keyword: of the schema, such as "maximum"; "" if they could not be checked.
        message: what is wrong, in one line.
    """

    path: str
    keyword: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class Checker:
    """Checks arguments against one schema.

    Args:
        schema: in the words of JSON Schema 2020-12, as `CompiledSchema.check` is.
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        from referencing import Registry

        self._schema = schema
        self._validator = _validator_class()(schema, registry=Registry())

    def problems(self, arguments: Any) -> list[Problem]:
        """Return what is wrong with arguments, in the schema's order; at most 20 problems."""
        from referencing.exceptions import Unresolvable

        _work.set(_Work(self._schema, MAX_REFERENCES))
        found: list[Problem] = []
        try:
            for error in islice(self._validator.iter_errors(arguments), MAX_PROBLEMS):
                path = "".join(f"/{escape(str(step))}" for step in error.absolute_path)
                found.append(Problem(path, str(error.validator), shortened(error.message, LONGEST_MESSAGE)))
        except (ArithmeticError, RecursionError, ValueError, Unresolvable, _TooMuchWork) as error:
            found.append(Problem("", "", shortened(f"the arguments can't be checked: {error}")))
        return found


class _TooMuchWork(Exception):  # noqa: N818
    pass


@dataclass
class _Work:
    """One check: of which schema, and how many references it may still follow."""

    root: dict[str, Any]
    references: int

    def follow(self) -> None:
        self.references -= 1
        if self.references < 0:
            raise _TooMuchWork(f"more than {MAX_REFERENCES:,} references to follow")


_work: ContextVar[_Work] = ContextVar("the check that this thread is at")


@lru_cache(maxsize=1)
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    own = {
        "$ref": _reference(Draft202012Validator.VALIDATORS["$ref"]),
        "required": _required,
        "pattern": _pattern,
        "format": _format,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "const": _const,
        "enum": _enum,
        "minimum": _bound(operator.lt, "is less than the minimum of"),
        "maximum": _bound(operator.gt, "is greater than the maximum of"),
        "exclusiveMinimum": _bound(operator.le, "is less than or equal to the minimum of"),
        "exclusiveMaximum": _bound(operator.ge, "is greater than or equal to the maximum of"),
        "multipleOf": _multiple_of,
        "uniqueItems": _unique_items,
        "unevaluatedProperties": _unevaluated_properties,
    }
    return extend(Draft202012Validator, own)


def _reference(follow: Validate) -> Validate:
    def reference(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
        _work.get().follow()
        yield from follow(validator, value, instance, schema) or ()

    return reference


def _required(validator: Any, value: list[str], instance: Any, schema: Any) -> Errors:
    if isinstance(instance, dict):
        for name in value:
            if name not in instance:
                yield _error(f"{name!r} is missing")


def _pattern(validator: Any, value: str, instance: Any, schema: Any) -> Errors:
    if isinstance(instance, str) and not read_pattern(value).allows(instance):
        yield _error(f"{instance!r} does not match {value!r}")


def _format(validator: Any, value: str, instance: Any, schema: Any) -> Errors:
    if isinstance(instance, str) and not has_format(instance, value):
        yield _error(f"{instance!r} is not a {value!r}")


def _pattern_properties(validator: Any, value: dict[str, Any], instance: Any, schema: Any) -> Errors:
    if isinstance(instance, dict):
        for pattern, part in value.items():
            for name in filter(read_pattern(pattern).allows, instance):
                yield from validator.descend(instance[name], part, path=name, schema_path=pattern)


def _additional_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
    if not isinstance(instance, dict):
        return
    patterns = [read_pattern(pattern) for pattern in schema.get("patternProperties", ())]
    for name in instance:
        if name in schema.get("properties", ()) or any(pattern.allows(name) for pattern in patterns):
            continue
        if value is False:
            yield _error(f"{name!r} is not among the properties")
        else:
            yield from validator.descend(instance[name], value, path=name)


def _unevaluated_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
    if not isinstance(instance, dict):
        return
    own = {keyword: each for keyword, each in schema.items() if keyword != "unevaluatedProperties"}
    for name in instance.keys() - _evaluated(validator, instance, own):
        if value is False:
            yield _error(f"{name!r} is not among the properties")
        else:
            yield from validator.descend(instance[name], value, path=name)


def _evaluated(validator: Any, instance: dict[str, Any], schema: Any) -> set[str]:
    """Return the properties that a schema, which holds, says something of."""
    if not isinstance(schema, dict):
        return set()
    if "additionalProperties" in schema or "unevaluatedProperties" in schema:
        return set(instance)
    patterns = [read_pattern(pattern) for pattern in schema.get("patternProperties", ())]
    found = {name for name in instance if any(pattern.allows(name) for pattern in patterns)}
    found |= instance.keys() & schema.get("properties", {}).keys()
    for part in _holding(validator, instance, schema):
        found |= _evaluated(validator, instance, part)
    return found


def _holding(validator: Any, instance: dict[str, Any], schema: dict[str, Any]) -> Iterator[Any]:
    """Yield the parts of a schema that hold for an object."""

    def holds(part: Any) -> bool:
        return bool(validator.evolve(schema=part).is_valid(instance))

    if "$ref" in schema:
        _work.get().follow()
        yield resolve(_work.get().root, schema["$ref"])
    yield from schema.get("allOf", ())
    yield from (part for keyword in ("anyOf", "oneOf") for part in schema.get(keyword, ()) if holds(part))
    yield from (part for name, part in schema.get("dependentSchemas", {}).items() if name in instance)
    if "if" in schema:
        is_met = holds(schema["if"])
        yield from [schema["if"]] if is_met else []
        yield schema.get("then" if is_met else "else")


def _const(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
    if _identity(instance) != _identity(value):
        yield _error(f"{value!r} was expected")


def _enum(validator: Any, value: list[Any], instance: Any, schema: Any) -> Errors:
    if _identity(instance) not in map(_identity, value):
        yield _error(f"{instance!r} is not one of {value!r}")


def _bound(is_beyond: Callable[[Any, Any], bool], relation: str) -> Validate:
    """Compare to the last digit, as in decimal notation: 1e30 is 10**30."""

    def bound(validator: Any, value: float, instance: Any, schema: Any) -> Errors:
        if validator.is_type(instance, "number") and is_beyond(as_written(instance), as_written(value)):
            yield _error(f"{instance!r} {relation} {value!r}")

    return bound


def _multiple_of(validator: Any, value: float, instance: Any, schema: Any) -> Errors:
    """Divide as in decimal notation: 0.3 is a multiple of 0.1."""
    if not validator.is_type(instance, "number") or (Fraction(str(instance)) / Fraction(str(value))).denominator == 1:
        return
    yield _error(f"{instance!r} is not a multiple of {value!r}")


def _unique_items(validator: Any, value: bool, instance: Any, schema: Any) -> Errors:
    if value and isinstance(instance, list) and len(set(map(_identity, instance))) < len(instance):
        yield _error(f"{instance!r} has an item twice")


def _identity(value: Any) -> Hashable:
    """Return what two values share that are the same in JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return ("object", frozenset((name, _identity(item)) for name, item in value.items()))
    if isinstance(value, list):
        return ("array", tuple(map(_identity, value)))
    if isinstance(value, float):
        value = as_written(value)
    return (isinstance(value, bool), value)


def _error(message: str) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message)

"""A schema as alternatives, each of one type, with all that is required of it brought together.

`allOf`, `$ref` beside other keywords, `anyOf` beside `type` are all read as "and", keyword by keyword in the order of
the schema. What can't be brought together is left out and reported: the alternatives are weaker then, and
the check does the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, TypeAlias

from edge_lam.schema.gbnf.kinds import (
    ANYTHING,
    Alternative,
    Alternatives,
    Anything,
    DefinitionRef,
    Fixed,
    JsonArray,
    JsonNumber,
    JsonObject,
    JsonString,
    are_apart,
    constant,
    item_of,
    matches,
    property_of,
)
from edge_lam.schema.gbnf.matcher import fits
from edge_lam.schema.gbnf.nodes import START
from edge_lam.schema.gbnf.ranges import NumberBounds
from edge_lam.schema.gbnf.regex import UnreadableError, read_regex
from edge_lam.schema.guidance import Complaint
from edge_lam.schema.keywords import TYPES, of_fate
from edge_lam.schema.numbers import as_written
from edge_lam.schema.walk import escape, resolve

logger = logging.getLogger("edge_lam.schema")

Left: TypeAlias = "tuple[str, str]"  # JSON pointer of a schema, and the keyword that is left to the check

MAX_ALTERNATIVES = 2000
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
# Keywords that speak of the same value as those around them; what else there is comes in groups between them.
IN_PLACE = ("const", "enum", "allOf", "anyOf", "oneOf", "$ref")
HELD = frozenset(of_fate("grammar"))


@dataclass
class SchemaReader:
    """Reads schemas of one document.

    Attributes:
        root: the whole schema.
        is_strict: whether a pattern that can't be read is an error; the check may know an engine that can.
        left: what is left to the check, so far.
    """

    root: Any
    is_strict: bool = False
    left: list[Left] = field(default_factory=list)
    _merging: list[str] = field(default_factory=list)

    def read(self, schema: Any, path: str = "") -> Alternatives:
        """Return the alternatives of a schema at a path.

        Raises:
            UnreadableError: a pattern can't be read, or it refers to itself beside other keywords.
        """
        if isinstance(schema, bool):
            return ANYTHING if schema else ()
        found, group = ANYTHING, dict[str, Any]()
        for keyword, value in schema.items():
            if keyword in IN_PLACE:
                found = self._group(found, group, schema, path)
                group = {}
                found = self._in_place(found, keyword, value, path)
            elif keyword in HELD:
                group[keyword] = value
        return self._group(found, group, schema, path)

    def read_definition(self, pointer: str) -> Alternatives:
        """Return the alternatives of a schema that others refer to; raises as `read`."""
        found = resolve(self.root, f"#{pointer}")
        if found is None:
            raise UnreadableError(Complaint.NO_SUCH_PLACE)
        return self.read(found, pointer)

    def _group(self, found: Alternatives, group: dict[str, Any], schema: dict[str, Any], path: str) -> Alternatives:
        if not group:
            return found
        kinds = schema.get("type", [kind for kind in TYPES if kind != "integer"])
        named = [kinds] if isinstance(kinds, str) else kinds
        own = [self._of_type(kind, {**schema, **group}, group, path) for kind in named]
        return self.both(found, tuple(each for alternatives in own for each in alternatives))

    def _in_place(self, found: Alternatives, keyword: str, value: Any, path: str) -> Alternatives:
        if keyword == "const":
            return self.both(found, constant(value))
        if keyword == "enum":
            return self.both(found, tuple(each for one in value for each in constant(one)))
        if keyword == "$ref":
            pointer = value.removeprefix("#")
            return (DefinitionRef(pointer),) if found == ANYTHING else self.both(found, (DefinitionRef(pointer),))
        parts = [self.read(part, f"{path}/{keyword}/{index}") for index, part in enumerate(value)]
        if keyword == "allOf":
            for part in parts:
                found = self.both(found, part)
            return found
        if keyword == "oneOf" and not self._all_apart(parts):
            self.left.append((path, keyword))
        return self.both(found, ANYTHING if ANYTHING in parts else tuple(each for part in parts for each in part))

    def _of_type(self, kind: str, schema: dict[str, Any], group: dict[str, Any], path: str) -> Alternatives:
        match kind:
            case "null":
                return (Fixed("null"),)
            case "boolean":
                return (Fixed("true"), Fixed("false"))
            case "string":
                return self._string(group, path)
            case "array":
                return self._array(schema, group, path)
            case "object":
                return self._object(schema, group, path)
            case _:
                return self._number(group, path, is_whole=kind == "integer")

    def _number(self, group: dict[str, Any], path: str, *, is_whole: bool) -> Alternatives:
        if "multipleOf" in group:
            self.left.append((path, "multipleOf"))
        bounds = NumberBounds()
        for keyword in BOUNDS:
            if keyword in group:
                value, is_open = Decimal(str(as_written(group[keyword]))), keyword.startswith("exclusive")
                one = (
                    NumberBounds(value, None, is_open)
                    if "inimum" in keyword
                    else NumberBounds(None, value, False, is_open)
                )
                bounds = bounds.within(one)
        return (JsonNumber(bounds, is_whole),)

    def _string(self, group: dict[str, Any], path: str) -> Alternatives:
        from edge_lam.schema.formats import pattern_of

        found = [JsonString(path=path)]
        for keyword, pattern in (("pattern", group.get("pattern")), ("format", pattern_of(group.get("format", "")))):
            if not pattern:
                continue
            try:
                found.append(JsonString(pattern=read_regex(pattern, search=True), path=path, asks=(keyword,)))
            except UnreadableError as error:
                if self.is_strict:
                    raise
                logger.debug("the %s at %s is left to the check: %s", keyword, path, error)
                self.left.append((path, keyword))
        for keyword in ("minLength", "maxLength"):
            if keyword in group:
                length = int(group[keyword])
                least, most = (length, None) if keyword == "minLength" else (0, length)
                found.append(JsonString(least=least, most=most, path=path, asks=(keyword,)))
        both: Alternatives = (found[0],)
        for each in found[1:]:
            both = self.both(both, (each,))
        return both

    def _array(self, schema: dict[str, Any], group: dict[str, Any], path: str) -> Alternatives:
        first = group.get("prefixItems", [True] * len(schema.get("prefixItems", ())) if "items" in group else ())
        parts = [self.read(part, f"{path}/prefixItems/{index}") for index, part in enumerate(first)]
        most = group.get("maxItems")
        others = self.read(group.get("items", True), f"{path}/items")
        return (
            JsonArray(tuple(parts), others, int(group.get("minItems", 0)), None if most is None else int(most), path),
        )

    def _object(self, schema: dict[str, Any], group: dict[str, Any], path: str) -> Alternatives:
        # Of what stands in another group, `additionalProperties` has to know the names alone.
        others = dict.fromkeys(schema.get("properties", ()), True) if "additionalProperties" in group else {}
        listed = group.get("properties", others)
        properties = {name: self.read(part, f"{path}/properties/{escape(name)}") for name, part in listed.items()}
        patterns = {
            pattern: self.read(part, f"{path}/patternProperties/{escape(pattern)}")
            for pattern, part in group.get("patternProperties", {}).items()
        }
        for pattern, part in patterns.items():
            properties |= {name: self.both(own, part) for name, own in properties.items() if matches(pattern, name)}
        most = group.get("maxProperties")
        return (
            JsonObject(
                properties,
                patterns,
                self.read(group.get("additionalProperties", True), f"{path}/additionalProperties"),
                tuple(group.get("required", ())),
                int(group.get("minProperties", 0)),
                None if most is None else int(most),
                path,
            ),
        )

    def both(self, one: Alternatives, other: Alternatives) -> Alternatives:
        """Return what fits both."""
        if ANYTHING in (one, other):
            return other if one == ANYTHING else one
        pairs = [(left, right) for left in one for right in other]
        if len(pairs) > MAX_ALTERNATIVES:
            raise UnreadableError(Complaint.TOO_BIG)
        return tuple(each for left, right in pairs for each in self._both(left, right))

    def _both(self, one: Alternative, other: Alternative) -> Alternatives:
        found: Alternatives = ()  # of two types
        match one, other:
            case Anything(), _:
                found = (other,)
            case (_, Anything()) | (Fixed(), Fixed()) if isinstance(other, Anything) or one == other:
                found = (one,)
            case DefinitionRef(), _:
                found = self._with_reference(one, other, reference_first=True)
            case _, DefinitionRef():
                found = self._with_reference(other, one, reference_first=False)
            case JsonNumber(), JsonNumber():
                found = (JsonNumber(one.bounds.within(other.bounds), one.is_whole or other.is_whole),)
            case JsonString(), JsonString():
                found = self._both_strings(one, other)
            case JsonArray(), JsonArray():
                found = self._both_arrays(one, other)
            case JsonObject(), JsonObject():
                found = self._both_objects(one, other)
        return found

    def _with_reference(self, reference: DefinitionRef, other: Alternative, *, reference_first: bool) -> Alternatives:
        if reference.pointer in self._merging:  # it refers to itself, beside other keywords
            raise UnreadableError(Complaint.CIRCULAR)
        self._merging.append(reference.pointer)
        try:
            meant = self.read_definition(reference.pointer)
            return self.both(meant, (other,)) if reference_first else self.both((other,), meant)
        finally:
            self._merging.pop()

    def _both_strings(self, one: JsonString, other: JsonString) -> Alternatives:
        """Bring strings together; a pattern and a length, or two patterns, can't be: the second is left out."""
        known, asked = (one, other) if one.text is not None else (other, one)
        if known.text is not None:
            is_fit = (
                asked.text in (None, known.text)
                and asked.least <= len(known.text) <= (len(known.text) if asked.most is None else asked.most)
                and (asked.pattern is None or fits({START: asked.pattern}, known.text))
            )
            return (known,) if is_fit else ()
        most = one.most if other.most is None else other.most if one.most is None else min(one.most, other.most)
        lengths = JsonString(least=max(one.least, other.least), most=most)
        if most is not None and lengths.least > most:
            return ()
        pattern = one.pattern or other.pattern
        if pattern is None:
            return (replace(one, least=lengths.least, most=most, asks=one.asks + other.asks),)
        if one.pattern is not None and other.pattern not in (None, one.pattern):
            self.left += [(other.path, keyword) for keyword in other.asks]
            return (one,)
        held, loose = (one, other) if one.pattern is not None else (other, one)
        self.left += [(loose.path, keyword) for keyword in loose.asks]
        return (held,)

    def _both_arrays(self, one: JsonArray, other: JsonArray) -> Alternatives:
        length = max(len(one.first), len(other.first))
        pairs = [(item_of(one, index), item_of(other, index)) for index in range(length)]
        most = [each.most for each in (one, other) if each.most is not None]
        return (
            JsonArray(
                tuple(self.both(*pair) for pair in pairs),
                self.both(one.others, other.others),
                max(one.least, other.least),
                min(most) if most else None,
                one.path,
            ),
        )

    def _both_objects(self, one: JsonObject, other: JsonObject) -> Alternatives:
        names = dict.fromkeys([*one.properties, *other.properties])
        patterns = dict.fromkeys([*one.patterns, *other.patterns])
        most = [each.most for each in (one, other) if each.most is not None]
        return (
            JsonObject(
                {name: self.both(property_of(one, name), property_of(other, name)) for name in names},
                {
                    each: self.both(one.patterns.get(each, one.others), other.patterns.get(each, other.others))
                    for each in patterns
                },
                self.both(one.others, other.others),
                tuple(dict.fromkeys([*one.required, *other.required])),
                max(one.least, other.least),
                min(most) if most else None,
                one.path,
            ),
        )

    def _all_apart(self, parts: Sequence[Alternatives]) -> bool:
        """Tell whether no value fits two of several schemas, as far as types, constants and properties show it."""
        possible = [part for part in parts if part]
        return all(
            are_apart(one, other)
            for index, part in enumerate(possible)
            for further in possible[index + 1 :]
            for one in part
            for other in further
        )

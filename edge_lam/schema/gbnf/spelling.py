"""How a model spells what fits a schema: the JSON it was trained to write, with its spaces and its order of keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from edge_lam.schema.gbnf.alternatives import SchemaReader
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
    matches,
    property_of,
)
from edge_lam.schema.gbnf.nodes import (
    ANY_CHAR,
    Chars,
    Concat,
    Node,
    OneOf,
    Repeat,
    RuleRef,
    Rules,
    Text,
    but,
    concat,
    one_of,
    optional,
    quoted,
)
from edge_lam.schema.gbnf.ranges import numbers, whole_numbers
from edge_lam.schema.gbnf.regex import UnreadableError, read_regex
from edge_lam.schema.gbnf.text import MAX_TIMES
from edge_lam.schema.guidance import Complaint

STRING, ANY = "%string", "%any"  # rules of names that no Lark has
SEPARATOR = ", "


class UnsatisfiableError(Exception):
    """Nothing fits a schema."""


class Speller:
    """Adds the rules of one schema to those of a grammar.

    Attributes:
        left: what the rules don't hold, and the check has to.

    Args:
        rules: get those of the schema.
        name: of its rule; the others' begin with it.
        schema: the whole document.
        is_strict: whether a pattern that can't be read is an error; it is left to the check otherwise.
    """

    def __init__(self, rules: Rules, name: str, schema: Any, *, is_strict: bool = False) -> None:
        self._rules, self._name, self._schema = rules, name, schema
        self._reader = SchemaReader(schema, is_strict)
        self._references: set[str] = set()
        self.left = self._reader.left

    def spell(self) -> None:
        """Add the rules.

        Raises:
            UnreadableError: a pattern can't be read, or it is too big.
            UnsatisfiableError: nothing fits the schema.
        """
        try:
            self._rules[self._name] = self._needed(self._reader.read(self._schema))
        except RecursionError:  # hundreds of definitions, one inside the other
            raise UnreadableError(Complaint.TOO_BIG) from None

    def _needed(self, alternatives: Alternatives) -> Node:
        if (node := self._any_of(alternatives)) is None:
            raise UnsatisfiableError
        return node

    def _any_of(self, alternatives: Alternatives) -> Node | None:
        options = [node for each in alternatives if (node := self._one(each)) is not None]
        return one_of(options) if options else None

    def _one(self, alternative: Alternative) -> Node | None:
        node: Node | None
        match alternative:
            case Anything():
                node = self._anything()
            case Fixed():
                node = Text(alternative.text)
            case JsonNumber():
                node = (whole_numbers if alternative.is_whole else numbers)(alternative.bounds)
            case JsonString():
                node = self._string(alternative)
            case JsonArray():
                node = self._array(alternative)
            case JsonObject():
                node = self._object(alternative)
            case DefinitionRef():
                node = self._reference(alternative.pointer)
        return node

    def _reference(self, pointer: str) -> Node:
        """Return a reference to the rule of a definition, which is written once; it may refer to itself."""
        name = f"{self._name}#{pointer}"
        if pointer not in self._references:
            self._references.add(pointer)
            self._rules[name] = self._needed(self._flat(pointer, set()))
        return RuleRef(name)

    def _flat(self, pointer: str, seen: set[str]) -> Alternatives:
        """Return what a definition says, without references: llama.cpp takes no rule that begins with itself."""
        seen.add(pointer)
        found: list[Alternative] = []
        for each in self._reader.read_definition(pointer):
            if not isinstance(each, DefinitionRef):
                found.append(each)
            elif each.pointer not in seen:
                found += self._flat(each.pointer, seen)
        return tuple(found)

    def _anything(self) -> Node:
        if ANY not in self._rules:
            self._rules[ANY] = Text("")  # it refers to itself
            anything = JsonObject({}, {}, ANYTHING, (), 0, None, "")
            kinds = self._reader.read({"type": ["null", "boolean", "number", "string"]})
            self._rules[ANY] = self._needed((*kinds, JsonArray((), ANYTHING, 0, None, ""), anything))
        return RuleRef(ANY)

    def _string(self, string: JsonString) -> Node | None:
        if string.text is not None:
            return concat('"', quoted(Text(string.text)), '"')
        if string.pattern is not None:
            return concat('"', quoted(string.pattern), '"') if can_fit(string.pattern) else None
        least, most = string.least, string.most
        if most is None and not least:
            if STRING not in self._rules:
                self._rules[STRING] = concat('"', quoted(Repeat(ANY_CHAR, 0, None)), '"')
            return RuleRef(STRING)
        least, most = self._within_limits(least, most, string.path, "Length")
        return concat('"', quoted(Repeat(ANY_CHAR, least, most)), '"')

    def _within_limits(self, least: int, most: int | None, path: str, what: str) -> tuple[int, int | None]:
        """Return as many of something as llama.cpp can count; what is beyond is left to the check."""
        if least > MAX_TIMES:
            self.left.append((path, f"min{what}"))
            least = MAX_TIMES
        if most is not None and most > MAX_TIMES:
            self.left.append((path, f"max{what}"))
            most = None
        return least, most

    def _array(self, array: JsonArray) -> Node | None:
        if array.most is not None and array.least > array.most:
            return None
        first = [self._any_of(part) for part in array.first]
        most = array.most
        if None in first:  # no more items than before it
            most = min(first.index(None), len(first) if most is None else most)
        other = self._any_of(array.others) if most is None or most > len(first) else None
        if other is None:
            most = len(first) if most is None else min(most, len(first))
        if most is not None and array.least > most:
            return None
        least, most = self._within_limits(array.least, most, array.path, "Items")
        return concat("[", _items([part for part in first[:most] if part], other, least, most), "]")

    def _object(self, given: JsonObject) -> Node | None:
        pairs: list[tuple[Node, bool]] = []
        names = dict.fromkeys([*given.properties, *given.required])
        for name in names:
            value, is_needed = self._any_of(property_of(given, name)), name in given.required
            if value is not None:
                pairs.append((concat(_key(name), value), is_needed))
            elif is_needed:
                return None
        others = self._others(given, list(names))
        n_needed = sum(is_needed for _, is_needed in pairs)
        least, most = max(0, given.least - n_needed), given.most
        if most is not None:
            most -= n_needed
            if most < 0:
                return None
        if (least or most is not None) and n_needed < len(pairs):
            return self._counted(given, pairs, others, least, most)
        if others is None or most == 0:
            return _object(pairs) if not least else None
        least, most = self._within_limits(least, most, given.path, "Properties")
        return _object([*pairs, (_several(others, least, most), least > 0)])

    def _others(self, given: JsonObject, names: list[str]) -> Node | None:
        """Return a property that is not listed."""
        options: list[Node] = []
        for pattern, part in given.patterns.items():
            if (value := self._any_of(part)) is None:
                continue
            if any(matches(pattern, name) for name in names):  # a listed name may come once more
                self.left.append((given.path, "patternProperties"))
            options.append(concat('"', quoted(read_regex(pattern, search=True)), '": ', value))
        if (value := self._any_of(given.others)) is not None:
            if given.patterns:  # names that fit none of them can't be told apart
                self.left.append((given.path, "patternProperties"))
                value = self._anything()
            options.append(concat('"', _unlisted(names), '": ', value))
        return one_of(options) if options else None

    def _counted(
        self, given: JsonObject, pairs: list[tuple[Node, bool]], others: Node | None, least: int, most: int | None
    ) -> Node | None:
        """Return an object of which one property that may be missing has to be there, or no more than one may."""
        if others is not None or least > 1 or most not in (None, 1):
            self.left += [(given.path, keyword) for keyword in ("minProperties", "maxProperties")]
            return _object([*pairs, *([(_several(others, 0, None), False)] if others else [])])
        chosen = [index for index, (_, is_needed) in enumerate(pairs) if not is_needed]
        options = []
        for which in chosen:
            if most == 1:
                options.append(
                    _object([(node, True) for at, (node, needed) in enumerate(pairs) if needed or at == which])
                )
            else:
                options.append(_object([(node, needed or at == which) for at, (node, needed) in enumerate(pairs)]))
        if not least:
            options.append(_object([(node, True) for node, needed in pairs if needed]))
        return one_of(options)


def _several(item: Node, least: int, most: int | None) -> Node:
    """Return so many of one kind with commas between, at least one."""
    return concat(item, Repeat(concat(SEPARATOR, item), max(0, least - 1), None if most is None else most - 1))


def can_fit(node: Node) -> bool:
    """Tell whether some text fits a node of a pattern."""
    match node:
        case Chars():
            return bool(node.ranges)
        case Concat():
            return all(map(can_fit, node.parts))
        case OneOf():
            return any(map(can_fit, node.options))
        case Repeat():
            return not node.least or can_fit(node.node)
        case _:
            return True


def _key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False) + ": "


def _object(pairs: Sequence[tuple[Node, bool]]) -> Node:
    """Return an object of properties in order, each with whether it has to be there, with commas between."""
    behind: Node = Text("")  # what may follow when something came before
    begun: Node = Text("")  # what the object may be from here on when nothing came before
    for node, is_needed in reversed(pairs):
        start = concat(node, behind)
        begun = start if is_needed else one_of([start, begun])
        more = concat(SEPARATOR, node)
        behind = concat(more if is_needed else optional(more), behind)
    return concat("{", begun, "}")


def _items(first: Sequence[Node], other: Node | None, least: int, most: int | None) -> Node:
    """Return the items of an array, without its brackets.

    Args:
        first: what each of the first items is.
        other: what the others are; None if there are none.
        least: how many items there are at least.
        most: and at most; None for any number.
    """
    n_first = len(first)
    node: Node = Text("")  # all behind the first ones
    if other is not None:
        fewer = None if most is None else most - n_first
        if n_first:
            node = Repeat(concat(SEPARATOR, other), max(0, least - n_first), fewer)
        else:
            node = _several(other, least, fewer)
            return node if least else optional(node)
    for index in reversed(range(n_first)):
        item = concat(SEPARATOR if index else "", first[index], node)
        node = item if index < least else optional(item)
    return node


def _unlisted(names: Sequence[str]) -> Node:
    """Return how JSON spells, between quotes, the strings that are none of some."""
    if not names:
        return quoted(Repeat(ANY_CHAR, 0, None))
    further = quoted(Repeat(ANY_CHAR, 0, None))
    heads = dict.fromkeys(name[0] for name in names if name)
    options = [concat(quoted(but("".join(heads))), further)]
    options += [
        concat(quoted(Text(head)), _unlisted([name[1:] for name in names if name.startswith(head)])) for head in heads
    ]
    return one_of(options) if "" in names else optional(one_of(options))

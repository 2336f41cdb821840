"""A schema becomes what a grammar holds, what a check verifies, and what becomes of each of its keywords.

In come the parameters of a tool, or the schema of an answer; out comes a `CompiledSchema`. The grammar may be weaker
than the schema, never stronger, apart from what it fixes on purpose: key order, spacing, no unlisted properties.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from edge_lam._util.extras import is_installed
from edge_lam.schema.closing import close_objects, constraints, open_objects
from edge_lam.schema.error import SchemaError, shortened
from edge_lam.schema.formats import has_format, without_contradictions
from edge_lam.schema.guidance import default_engine, is_in_grammar
from edge_lam.schema.normalize import to_2020_12
from edge_lam.schema.numbers import in_decimals
from edge_lam.schema.rules import lark_rules
from edge_lam.schema.split import Support, split
from edge_lam.schema.walk import unescape

if TYPE_CHECKING:
    from edge_lam.schema.check import Checker, Problem
    from edge_lam.schema.guidance import EngineName

NOT_IN_GBNF = "llama.cpp's grammars don't hold it"
PROPERTY = re.compile(r"(/properties/[^/]*)+")  # a JSON pointer to one, in objects alone


@dataclass(frozen=True)
class CompiledSchema:
    """How a value is held to a schema. Shared: not to be changed.

    Attributes:
        grammar: the schema that a grammar is made from: without what only a check can enforce.
        check: the schema that values are checked against, in the words of JSON Schema 2020-12, closed.
        support: of every keyword, in the schema's order.
        open: JSON pointers of the objects that list properties and take others too.
    """

    grammar: dict[str, Any]
    check: dict[str, Any]
    support: tuple[Support, ...]
    open: tuple[str, ...]

    @property
    def refused(self) -> Support | None:
        """The first keyword that can't be enforced at all, or None."""
        return next((support for support in self.support if support.how == "refused"), None)

    @property
    def left_to_check(self) -> Support | None:
        """The first keyword that is left to jsonschema, or None: neither the grammar nor `has_format` holds it."""
        inexact = (each for each in self.support if each.how == "checked" or (each.how == "grammar" and each.reason))
        return next((each for each in inexact if each not in self._finer_formats), None)

    @property
    def _finer_formats(self) -> list[Support]:
        """The formats of which the grammar holds nearly all, where a property of an object has them in any case."""
        formats = (each for each in self.support if each.keyword == "format" and each.how == "grammar" and each.reason)
        return [each for each in formats if PROPERTY.fullmatch(each.path)]

    def under(self, engine: EngineName) -> CompiledSchema:
        """Return how values are held by an engine of grammars: llama.cpp's hold less, and leave more to the check."""
        return self._under_gbnf if engine == "gbnf" else self

    @cached_property
    def _under_gbnf(self) -> CompiledSchema:
        from edge_lam.schema.gbnf import left_of

        places = {(each.path, each.keyword): index for index, each in enumerate(self.support)}
        support = list(self.support)
        for path, keyword in left_of(self.grammar):
            index = _place_of(path, keyword, places)
            if index is not None and support[index].how == "grammar":
                support[index] = replace(support[index], how="checked", reason=NOT_IN_GBNF)
        return replace(self, support=tuple(support))

    def held(self) -> dict[str, Any]:
        """Return the schema that a grammar is made from.

        Raises:
            SchemaError: a keyword can be neither enforced nor checked.
        """
        if refused := self.refused:
            raise fault_of(refused)
        return self.grammar

    def problems(self, value: Any) -> list[Problem]:
        """Return what is wrong with a value, in the schema's order; what no one can check is a problem too.

        Without jsonschema a value is right if the grammar allows it and, beside formats, holds all of the schema; of
        others nothing is known.
        """
        from edge_lam.schema.check import Problem

        if refused := self.refused:
            return [Problem("", refused.keyword, f"{refused.keyword} can't be checked: {refused.reason}")]
        if is_installed("jsonschema"):
            return self._checker.problems(value)
        if self.left_to_check is None and self._is_in_grammar(value):
            return [problem for each in self._finer_formats for problem in self._format_problems(each, value)]
        return [Problem("", "", "the grammar does not allow all of it, and it can't be checked without jsonschema")]

    def _format_problems(self, support: Support, value: Any) -> Iterator[Problem]:
        from edge_lam.schema.check import LONGEST_MESSAGE, Problem

        names, part = support.path.split("/")[2::2], self.check
        for name in map(unescape, names):
            part = part["properties"][name]
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str) and not has_format(value, part["format"]):
            message = shortened(f"{value!r} is not a {part['format']!r}", LONGEST_MESSAGE)
            yield Problem("".join(f"/{name}" for name in names), "format", message)

    def _is_in_grammar(self, value: Any) -> bool:
        spellings = {json.dumps(value, ensure_ascii=False), in_decimals(value)}
        return any(is_in_grammar(spelling, self._lark) for spelling in spellings)

    @cached_property
    def _lark(self) -> str:
        return "\n".join(["start: value", *lark_rules("value", self.grammar)])

    @cached_property
    def _checker(self) -> Checker:
        from edge_lam.schema.check import Checker

        return Checker(self.check)


def _place_of(path: str, keyword: str, places: dict[tuple[str, str], int]) -> int | None:
    """Return where the schema has a keyword of its grammar, which may have got it into an `allOf` or for a format."""
    while True:
        for name in (keyword, "format") if keyword == "pattern" else (keyword,):
            if (path, name) in places:
                return places[path, name]
        outer = re.sub(r"/(allOf|anyOf)/\d+$", "", path)
        if outer == path:
            return None
        path = outer


def fault_of(support: Support, *, hint: str = "") -> SchemaError:
    """Return the error for a keyword that can't be enforced."""
    at = f"{support.keyword!r} at {support.path or '/'}"
    return SchemaError(f"{at} can't be enforced: {support.reason}", support.path, hint=hint)


def compile_schema(parameters: dict[str, Any]) -> CompiledSchema:
    """Return how values are held to a schema.

    Args:
        parameters: of a tool, as `normalize_parameters` returns them.
    """
    return _compile(json.dumps(parameters))


@lru_cache(maxsize=256)
def _compile(text: str) -> CompiledSchema:
    plain, contradicted = without_contradictions(constraints(to_2020_12(json.loads(text))))
    check = whole = close_objects(plain)
    if "unevaluatedProperties" in text:
        whole = close_objects(plain, over_unevaluated=True)
    grammar, support = split(whole)
    ignored = (Support(path, "format", "ignored", reason) for path, reason in contradicted.items())
    return CompiledSchema(grammar, check, (*support, *ignored), open_objects(whole)).under(default_engine())

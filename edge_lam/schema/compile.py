"""What becomes of each keyword of a schema: enforced while a call is decoded, checked afterwards, or refused.

In come the parameters of a tool; out come the schema that a grammar is compiled from, the schema that calls are checked
against, and a verdict for every keyword. Grammar, checks and `edge-lam lint` all take theirs from here. The grammar may
be weaker than the schema, never stronger, apart from what it fixes on purpose: key order, spacing, no unlisted
properties.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Literal, TypeAlias

from edge_lam.schema.drafts import modern
from edge_lam.schema.faults import names_fault, places, reference_fault, values_fault
from edge_lam.schema.guidance import compile_fault, json_rule, schema_fault
from edge_lam.schema.keywords import (
    BOUNDS,
    CHECKED,
    CHECKED_FORMATS,
    DESCRIPTIVE,
    FORMATS,
    GRAMMAR,
    OPEN_FORMATS,
    PATTERN_FORMATS,
    REFUSED,
    STRUCTURE,
    WIDEST,
)
from edge_lam.schema.normalize import closed, subschemas, with_subschemas
from edge_lam.schema.patterns import read_pattern

How: TypeAlias = Literal["grammar", "checked", "refused", "ignored"]

CONSTRAINTS = (*GRAMMAR, *CHECKED)
ALIKE = 0.85  # how alike a word and a keyword must be for one to be a slip of the pen
# What llguidance says of forms that it declines, and the keywords that are then left to the check.
DECLINED = {
    "oneOf constraints": ("oneOf",),
    "min/maxProperties": ("minProperties", "maxProperties"),
    "patternProperty regexes": ("patternProperties",),
}
MAYBE_DECLINED = frozenset(keyword for keywords in DECLINED.values() for keyword in keywords)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one keyword.

    Attributes:
        path: JSON pointer of the schema that the keyword stands in.
        keyword: such as "maxLength".
        how: "grammar" (enforced while the call is decoded), "checked" (when it is there), "refused" (neither is
            possible), or "ignored" (it is no constraint).
        reason: why it is not enforced by the grammar, or "".
    """

    path: str
    keyword: str
    how: How
    reason: str = ""


@dataclass(frozen=True)
class Enforcement:
    """How the arguments of a tool are held to its schema. Shared: not to be changed.

    Attributes:
        schema: what calls are checked against: the tool's parameters in the words of JSON Schema 2020-12, closed.
        grammar: what the grammar is compiled from: the same without what only a check can enforce.
        verdicts: of every keyword, in the schema's order.
    """

    schema: dict[str, Any]
    grammar: dict[str, Any]
    verdicts: tuple[Verdict, ...]

    @property
    def refused(self) -> Verdict | None:
        """The first keyword that can't be enforced at all, or None."""
        return next((verdict for verdict in self.verdicts if verdict.how == "refused"), None)


def enforcement(parameters: dict[str, Any]) -> Enforcement:
    """Return how arguments are held to a schema.

    Args:
        parameters: of a tool, as `normalize_parameters` returns them.
    """
    return _enforcement(json.dumps(parameters))


@lru_cache(maxsize=256)
def _enforcement(text: str) -> Enforcement:
    schema = closed(modern(json.loads(text)))
    splitter = _Splitter(schema)
    grammar = splitter.split(schema, "")
    # Schemas that llguidance takes one by one, it may decline where it has to merge them.
    while splitter.kept and (more := _declined(compile_fault(f"start: {json_rule(grammar)}")) - splitter.declined):
        splitter = _Splitter(schema, splitter.declined | more)
        grammar = splitter.split(schema, "")
    return Enforcement(schema, grammar, tuple(splitter.verdicts))


@dataclass
class _Splitter:
    """Writes the schema of the grammar.

    Attributes:
        root: the whole schema.
        declined: keywords that llguidance declines in this schema.
        verdicts: of the keywords so far.
        kept: whether the grammar has keywords that llguidance may decline.
    """

    root: dict[str, Any]
    declined: frozenset[str] = frozenset()
    verdicts: list[Verdict] = field(default_factory=list)
    kept: bool = False

    def __post_init__(self) -> None:
        self.places = places(self.root)

    def split(self, schema: Any, path: str) -> Any:
        """Return what the grammar takes of a schema."""
        if not isinstance(schema, dict):
            return schema
        plain: dict[str, Any] = {}
        for keyword in schema:
            if keyword in STRUCTURE:
                plain[keyword] = schema[keyword]
            elif keyword in CONSTRAINTS:
                self._keyword(plain, schema, path, keyword)
            else:
                self._judge(path, keyword)
        grammar = with_subschemas(plain, lambda step, child: self.split(child, path + step))
        _split_texts(grammar, schema)
        return self._without_declined(grammar, path)

    def _keyword(self, plain: dict[str, Any], schema: dict[str, Any], path: str, keyword: str) -> None:
        """Judge one keyword, and put what the grammar takes of it into `plain`."""
        value = schema[keyword]
        if keyword in CHECKED:
            self._leave_to_check(path, keyword, value)
        elif keyword == "pattern":
            self._pattern(plain, path, value)
        elif keyword == "format":
            self._format(plain, schema, path)
        elif keyword in BOUNDS and abs(value) > WIDEST:
            self._add(path, keyword, "checked", "the grammar has 64 bits for numbers")
        elif fault := self._fault(schema, keyword):
            self._add(path, keyword, "refused", fault)
        else:
            plain[keyword] = value
            self._add(path, keyword, "grammar")

    def _fault(self, schema: dict[str, Any], keyword: str) -> str:
        """Return why a keyword can't be enforced at all, or ""."""
        if keyword == "$ref":
            return reference_fault(schema[keyword], self.places)
        if keyword in ("enum", "const"):
            return values_fault(schema)
        return names_fault(schema[keyword]) if keyword == "patternProperties" else ""

    def _add(self, path: str, keyword: str, how: How, reason: str = "") -> None:
        self.verdicts.append(Verdict(path, keyword, how, reason))

    def _judge(self, path: str, keyword: str) -> None:
        """Judge a keyword that is none, or that no one can enforce."""
        if keyword in REFUSED:
            self._add(path, keyword, "refused", "write $ref, or the schema itself")
            return
        if close := get_close_matches(keyword, CONSTRAINTS, n=1, cutoff=ALIKE):
            self._add(path, keyword, "refused", f"did you mean {close[0]}?")
        else:
            describes = keyword in DESCRIPTIVE
            self._add(path, keyword, "ignored", "it only describes" if describes else "no keyword of JSON Schema")

    def _pattern(self, plain: dict[str, Any], path: str, value: str) -> None:
        pattern = read_pattern(value)
        if pattern.fault:
            self._add(path, "pattern", "refused", pattern.fault)
            return
        plain["pattern"] = value
        if pattern.fits_not:
            self._add(path, "pattern", "checked", "the grammar has all but what must not follow")
        else:
            self._add(path, "pattern", "grammar")

    def _format(self, plain: dict[str, Any], schema: dict[str, Any], path: str) -> None:
        value = schema["format"]
        if value in OPEN_FORMATS:
            self._add(path, "format", "ignored", "everything of its type fits it")
        elif "string" in schema.get("type", "string") and value in (*FORMATS, *PATTERN_FORMATS):
            plain["format"] = value
            self._add(path, "format", "grammar")
        elif value in CHECKED_FORMATS:
            self._add(path, "format", "checked", "no grammar is known for it")
        else:
            close = get_close_matches(value, (*FORMATS, *PATTERN_FORMATS), n=1)
            self._add(
                path,
                "format",
                "refused",
                f"unknown format {value!r}" + "".join(f"; did you mean {name}?" for name in close),
            )

    def _leave_to_check(self, path: str, keyword: str, value: Any) -> None:
        """Leave a keyword, and all that is inside, to the check; unless that can't do it either."""
        before, kept = len(self.verdicts), self.kept
        for step, part in subschemas({keyword: value}):
            self.split(part, path + step)
        inside, self.verdicts[before:], self.kept = self.verdicts[before:], [], kept
        mixes = keyword == "unevaluatedProperties" and any("/patternProperties/" in place for place in self.places)
        if mixes:
            self._add(path, keyword, "refused", "the check can't tell it from patternProperties")
        else:
            self._add(path, keyword, "checked", "no grammar is known for it")
        self.verdicts += [verdict for verdict in inside if verdict.how == "refused"]

    def _without_declined(self, grammar: dict[str, Any], path: str) -> dict[str, Any]:
        """Return a schema without the keywords that llguidance declines in it."""
        doubtful = MAYBE_DECLINED & grammar.keys()
        while doubtful:
            declined = self.declined & doubtful or _declined(schema_fault(self.root, grammar)) & doubtful
            if not declined:
                self.kept = True
                break
            for keyword in declined:
                self._decline(grammar, path, keyword)
            doubtful -= declined
        return grammar

    def _decline(self, grammar: dict[str, Any], path: str, keyword: str) -> None:
        """Take a keyword out of the grammar, and leave it to the check."""
        value = grammar.pop(keyword)
        reason = "llguidance declines this form"
        if keyword == "oneOf":  # any of them is weaker, and all that can be said without telling them apart
            reason = "the grammar takes any of them, the check exactly one"
            grammar["allOf"] = [*grammar.get("allOf", ()), {"anyOf": value}]
        self._check_instead(path, keyword, reason)
        if keyword == "patternProperties":  # what is not listed may now be one of these
            grammar.pop("additionalProperties", None)
            for part in (keyword, "additionalProperties"):
                self._check_instead(path, "additionalProperties", reason)
                self._check_instead(f"{path}/{part}", "", reason)

    def _check_instead(self, path: str, keyword: str, reason: str) -> None:
        """Take back the verdict on a keyword; on all keywords from a path on if there is none."""
        for index, verdict in enumerate(self.verdicts):
            inside = f"{verdict.path}/".startswith(f"{path}/") if not keyword else verdict.path == path
            if inside and verdict.how == "grammar" and keyword in ("", verdict.keyword):
                self.verdicts[index] = replace(verdict, how="checked", reason=reason)


def _split_texts(grammar: dict[str, Any], schema: dict[str, Any]) -> None:
    """Write patterns and formats as the patterns that they stand for."""
    patterns = list(read_pattern(schema["pattern"]).fits) if "pattern" in grammar else []
    if grammar.get("format") in PATTERN_FORMATS:
        patterns.append(PATTERN_FORMATS[grammar.pop("format")])
    if patterns:
        grammar["pattern"] = patterns.pop()
    if patterns:
        grammar["allOf"] = [*grammar.get("allOf", ()), *({"pattern": each} for each in patterns)]


def _declined(fault: str) -> frozenset[str]:
    """Return the keywords that a complaint of llguidance is about, if it is about their form."""
    return frozenset(keyword for said, keywords in DECLINED.items() if said in fault for keyword in keywords)

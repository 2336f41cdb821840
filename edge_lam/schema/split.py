"""What of a schema goes into the grammar, what is left to the check, and what neither can hold: keyword by keyword."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote

from edge_lam.schema import numbers
from edge_lam.schema.formats import CHECKED_FORMATS, FINER, FORMATS, OPEN_FORMATS, PATTERN_FORMATS, unknown_format
from edge_lam.schema.guidance import Complaint, grammar_complaint, json_rule, schema_complaint
from edge_lam.schema.keywords import CONSTRAINTS, KEYWORDS, LONGEST, TYPES
from edge_lam.schema.patterns import read_pattern
from edge_lam.schema.rules import EXACT, keep_exact
from edge_lam.schema.walk import subschemas, walk, with_subschemas

How: TypeAlias = Literal["grammar", "checked", "refused", "ignored"]

ALIKE = 0.85  # how alike a word and a keyword must be for one to be a slip of the pen
# Forms that llguidance declines, and the keywords that are then left to the check.
DECLINED = {
    Complaint.OVERLAPPING_BRANCHES: ("oneOf",),
    Complaint.COUNTED_PROPERTIES: ("minProperties", "maxProperties"),
    Complaint.OVERLAPPING_NAMES: ("patternProperties",),
}
MAYBE_DECLINED = frozenset(keyword for keywords in DECLINED.values() for keyword in keywords)
ROUNDED = "the grammar holds it nearly, the check to the last digit"


@dataclass(frozen=True, slots=True)
class Support:
    """What becomes of one keyword.

    Attributes:
        path: JSON pointer of the schema that the keyword stands in.
        keyword: such as "maxLength".
        how: "grammar" (enforced while the call is decoded), "checked" (when it is there), "refused" (neither is
            possible), or "ignored" (it is no constraint).
        reason: why it is not enforced by the grammar, or what of it is only checked, or "".
    """

    path: str
    keyword: str
    how: How
    reason: str = ""


def split(schema: dict[str, Any]) -> tuple[dict[str, Any], tuple[Support, ...]]:
    """Return what the grammar takes of a schema, and what becomes of each of its keywords.

    Args:
        schema: closed, in the words of 2020-12.
    """
    splitter = _Splitter(schema)
    grammar = splitter.split(schema, "")
    # Schemas that llguidance takes one by one, it may decline where it has to merge them.
    while splitter.kept and (more := _declined(grammar_complaint(f"start: {json_rule(grammar)}")) - splitter.declined):
        splitter = _Splitter(schema, splitter.declined | more)
        grammar = splitter.split(schema, "")
    grammar, exact = keep_exact(grammar)
    held = (
        replace(each, how="grammar", reason="") if each.path in exact and each.keyword in ("enum", "const") else each
        for each in splitter.support
    )
    return grammar, tuple(held)


@dataclass
class _Splitter:
    """Writes the schema of the grammar.

    Attributes:
        root: the whole schema.
        declined: keywords that llguidance declines in this schema.
        support: of the keywords so far.
        kept: whether the grammar has keywords that llguidance may decline.
    """

    root: dict[str, Any]
    declined: frozenset[str] = frozenset()
    support: list[Support] = field(default_factory=list)
    kept: bool = False

    def __post_init__(self) -> None:
        parts = dict(walk(self.root))
        anchors = (part["$anchor"] for part in parts.values() if isinstance(part, dict) and "$anchor" in part)
        self.places = frozenset((*parts, *anchors))
        multiples = {part["multipleOf"] for part in parts.values() if isinstance(part, dict) and "multipleOf" in part}
        self.holds_multiples = numbers.are_held_together(multiples)

    def split(self, schema: Any, path: str) -> Any:
        """Return what the grammar takes of a schema."""
        if not isinstance(schema, dict):
            return schema
        plain: dict[str, Any] = {}
        for keyword in schema:
            fate = KEYWORDS[keyword].fate if keyword in KEYWORDS else "unknown"
            if fate == "structure":
                plain[keyword] = schema[keyword]
            elif fate == "checked":
                self._leave_to_check(path, keyword, schema[keyword])
            elif fate == "grammar":
                self._keyword(plain, schema, path, keyword)
            elif fate == "refused":
                self._add(path, keyword, "refused", "write $ref, or the schema itself")
            elif close := get_close_matches(keyword, CONSTRAINTS, n=1, cutoff=ALIKE if fate == "unknown" else 1.0):
                self._add(path, keyword, "refused", f"did you mean {close[0]}?")
            else:
                self._add(
                    path,
                    keyword,
                    "ignored",
                    "it only describes" if fate == "describes" else "no keyword of JSON Schema",
                )
        grammar = with_subschemas(plain, lambda step, child: self.split(child, path + step))
        self._hold_values(grammar, path)
        self._hold_text(grammar, schema, path)
        return self._without_declined(grammar, path)

    def _keyword(self, plain: dict[str, Any], schema: dict[str, Any], path: str, keyword: str) -> None:
        """Judge one keyword, and put what the grammar takes of it into `plain`."""
        value = schema[keyword]
        if keyword == "pattern":
            self._pattern(plain, path, value)
        elif keyword == "format":
            self._format(plain, schema, path)
        elif KEYWORDS[keyword].value in ("bound", "multiple"):
            self._bound(plain, schema, path, keyword)
        elif keyword in LONGEST and value > numbers.LONGEST_COUNT:
            self._add(path, keyword, "checked", "no reply is that long")
        elif fault := self._fault(schema, keyword):
            self._add(path, keyword, "refused", fault)
        else:
            plain[keyword] = value
            self._add(path, keyword, "grammar")

    def _fault(self, schema: dict[str, Any], keyword: str) -> str | None:
        """Return why a keyword can't be enforced at all; None if it can."""
        if keyword == "$ref":
            return _reference_fault(schema[keyword], self.places)
        if keyword in ("enum", "const"):
            return _values_fault(schema)
        return _names_fault(schema[keyword]) if keyword == "patternProperties" else None

    def _add(self, path: str, keyword: str, how: How, reason: str = "") -> None:
        self.support.append(Support(path, keyword, how, reason))

    def _bound(self, plain: dict[str, Any], schema: dict[str, Any], path: str, keyword: str) -> None:
        value = schema[keyword]
        if keyword == "multipleOf":
            exact = self.holds_multiples and numbers.is_held_multiple(value)
            held = value if exact else None
        else:
            kinds = schema.get("type", TYPES)
            held, exact = numbers.bound(keyword, value, frozenset([kinds] if isinstance(kinds, str) else kinds))
        if held is not None:
            plain[keyword] = held
        if exact:
            self._add(path, keyword, "grammar")
        else:
            self._add(path, keyword, "checked", ROUNDED if held is not None else Complaint.NUMBER.value)

    def _pattern(self, plain: dict[str, Any], path: str, value: str) -> None:
        pattern = read_pattern(value)
        if pattern.fault:
            self._add(path, "pattern", "refused", pattern.fault.value)
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
            self._add(path, "format", "grammar", FINER.get(value, ""))
        elif value in CHECKED_FORMATS:
            self._add(path, "format", "checked", CHECKED_FORMATS[value])
        else:
            self._add(path, "format", "ignored", unknown_format(value))

    def _leave_to_check(self, path: str, keyword: str, value: Any) -> None:
        """Leave a keyword, and all that is inside, to the check; unless that can't do it either."""
        before, kept = len(self.support), self.kept
        for step, part in subschemas({keyword: value}):
            self.split(part, path + step)
        inside, self.support[before:], self.kept = self.support[before:], [], kept
        self._add(path, keyword, "checked", "no grammar is known for it")
        self.support += [support for support in inside if support.how == "refused"]

    def _hold_values(self, grammar: dict[str, Any], path: str) -> None:
        """Hold values with numbers that the grammar would mistake for others to what is around them."""
        for keyword in ("enum", "const"):
            values = grammar[keyword] if keyword == "enum" and "enum" in grammar else [grammar.get(keyword)]
            if keyword not in grammar or all(map(numbers.is_held, values)):
                continue
            del grammar[keyword]
            exact = [value for value in values if numbers.is_held(value)]
            near = [numbers.around(value) for value in values if not numbers.is_held(value)]
            either = {"anyOf": [*([{"enum": exact}] if exact else ()), *near]}
            grammar["allOf"] = [*grammar.get("allOf", ()), either]
            grammar[EXACT] = [value for value in values if _fits_type(value, grammar.get("type", TYPES))]
            self._check_instead(path, keyword, ROUNDED)

    def _hold_text(self, grammar: dict[str, Any], schema: dict[str, Any], path: str) -> None:
        """Write patterns and formats as the patterns that they stand for, as far as they can be held together."""
        patterns = list(read_pattern(schema["pattern"]).fits) if "pattern" in grammar else []
        lengths = {key: grammar[key] for key in ("maxLength", "minLength") if key in grammar}
        if grammar.get("format") in PATTERN_FORMATS:
            patterns.append(PATTERN_FORMATS[grammar.pop("format")])
        if patterns:
            grammar["pattern"] = patterns.pop()
        for keyword in (*lengths, "format", "pattern"):
            text = {key: grammar[key] for key in (*lengths, "format", "pattern") if key in grammar}
            more = [{"pattern": each} for each in patterns]
            together = {"type": "string", **text, **({"allOf": more} if more else {})}
            if len(text) + len(more) < 2 or schema_complaint({}, together) is not Complaint.UNDECIDED:
                break
            if keyword == "pattern":
                patterns.clear()
            else:
                grammar.pop(keyword, None)
            self._check_instead(path, keyword, Complaint.UNDECIDED.value)
        if patterns:
            grammar["allOf"] = [*grammar.get("allOf", ()), *({"pattern": each} for each in patterns)]

    def _without_declined(self, grammar: dict[str, Any], path: str) -> dict[str, Any]:
        """Return a schema without the keywords that llguidance declines in it."""
        doubtful = MAYBE_DECLINED & grammar.keys()
        while doubtful:
            declined = self.declined & doubtful or _declined(schema_complaint(self.root, grammar)) & doubtful
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
        reason = "there is no grammar for this form"
        if keyword == "oneOf":  # any of them is weaker, and all that is certain without telling them apart
            reason = "the grammar takes any of them, the check exactly one"
            grammar["allOf"] = [*grammar.get("allOf", ()), {"anyOf": value}]
        self._check_instead(path, keyword, reason)
        if keyword == "patternProperties":  # what is not listed may now be one of these
            grammar.pop("additionalProperties", None)
            for part in (keyword, "additionalProperties"):
                self._check_instead(path, "additionalProperties", reason)
                self._check_instead(f"{path}/{part}", "", reason)

    def _check_instead(self, path: str, keyword: str, reason: str) -> None:
        """Take back that a keyword is in the grammar; all keywords from a path on if there is none."""
        for index, support in enumerate(self.support):
            inside = f"{support.path}/".startswith(f"{path}/") if not keyword else support.path == path
            if inside and support.how == "grammar" and keyword in ("", support.keyword):
                self.support[index] = replace(support, how="checked", reason=reason)


def _declined(complaint: Complaint | None) -> frozenset[str]:
    """Return the keywords that a complaint is about, if it is about their form."""
    return frozenset(DECLINED.get(complaint, ()) if complaint else ())


def _reference_fault(reference: str, places: frozenset[str]) -> str | None:
    """Return why a reference leads nowhere, None if it leads to a schema.

    Args:
        reference: as it is written.
        places: the JSON pointers and anchors of all schemas of the document.
    """
    if not reference.startswith("#"):
        return f"{reference!r} is outside of the schema"
    return None if unquote(reference[1:]) in places else f"there is no schema at {reference!r}"


def _names_fault(patterns: Iterable[str]) -> str | None:
    """Look at the patterns of `patternProperties`."""
    for text in patterns:
        pattern = read_pattern(text)
        if pattern.fault or pattern.fits != (text,):
            reason = pattern.fault.value if pattern.fault else "look-ahead is not supported in names"
            return f"{text!r}: {reason}"
    return None


def _values_fault(schema: dict[str, Any]) -> str | None:
    """Compare the values of `enum` and `const` with `type`; some have to fit."""
    kinds = schema.get("type", ())
    if not kinds or not ("enum" in schema or "const" in schema):
        return None
    values = schema["enum"] if "enum" in schema else [schema["const"]]
    if any(_fits_type(value, kinds) for value in values):
        return None
    named = kinds if isinstance(kinds, str) else " or ".join(kinds)
    return f"none of its values is of type {named}"


def _fits_type(value: Any, kinds: str | Sequence[str]) -> bool:
    named = [kinds] if isinstance(kinds, str) else kinds
    return _kind(value) in named or (_kind(value) == "integer" and "number" in named)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return {str: "string", int: "integer", list: "array", dict: "object"}[type(value)]

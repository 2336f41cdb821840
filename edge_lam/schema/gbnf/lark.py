r"""Grammars in Lark as formats and tests write them for llguidance, as rules: names, texts, patterns, JSON Schemas.

Of llguidance's Lark that is what `formats/grammar.py` and `schema/rules.py` use: ``|``, ``?``, ``*``, ``+``,
``{m,n}``, groups, ``"texts"``, ``/patterns/`` (which have to fit whole, one of which may be ``& ~/taken away/``),
``%json {...}``, ``<[7]>`` for a token, and ``[suffix="..."]`` beside the name of a rule.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from edge_lam.schema.gbnf.alternatives import Left
from edge_lam.schema.gbnf.nodes import (
    EMPTY,
    START,
    Node,
    Repeat,
    RuleRef,
    Rules,
    Text,
    TokenRef,
    but,
    concat,
    one_of,
    optional,
)
from edge_lam.schema.gbnf.regex import UnreadableError, read_regex
from edge_lam.schema.gbnf.spelling import Speller
from edge_lam.schema.guidance import Complaint

TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|/(?P<pattern>(?:[^/\\]|\\.)*)/|<\[(?P<token>\d+)\]>
    |\{(?P<least>\d+)(?P<range>,?)(?P<most>\d*)\}|%json\s(?=(?P<schema>.))|(?P<name>\w+)|(?P<mark>[|()?*+&~]))""",
    re.VERBOSE,
)
RULE = re.compile(r'(\w+)(?:\[suffix=("(?:[^"\\]|\\.)*")\])?:')
HOLDS = re.compile(r"\(\.\|\\n\)\*(.+)\(\.\|\\n\)\*")  # a pattern of what a text stands in
MARKS = {"?": (0, 1), "*": (0, None), "+": (1, None)}


@dataclass
class Grammar:
    """Rules, of which the first is "root", and what they leave to the check.

    Attributes:
        rules: by their names.
        left: of each rule that is a JSON Schema, the pointer and the keyword of what the rules don't hold of it.
        tokens: those that are no text.
        named: rules that others refer to.
        is_strict: as of `read_lark`.
    """

    rules: Rules = field(default_factory=dict)
    left: dict[str, list[Left]] = field(default_factory=dict)
    tokens: set[int] = field(default_factory=set)
    named: set[str] = field(default_factory=set)
    is_strict: bool = False


def read_lark(grammar: str, *, is_strict: bool = False) -> Grammar:
    """Return the rules of a grammar.

    Args:
        grammar: in the Lark that formats write.
        is_strict: whether a pattern of a schema that can't be read is an error; it is left to the check otherwise.

    Raises:
        UnreadableError: a pattern, or what is beyond the Lark that is read.
        UnsatisfiableError: nothing fits a schema.
    """
    read = Grammar({START: RuleRef("start")}, named={"start"}, is_strict=is_strict)
    for line in grammar.split("\n"):  # other ends of lines stand inside of texts
        if not line or line.startswith("//"):
            continue
        head = RULE.match(line)
        if not head:
            raise UnreadableError(Complaint.OTHER)
        name, suffix = head.groups()
        if suffix:  # up to the first time that it comes
            end = json.loads(suffix)
            _follow(read.rules, name, end, to_its_end=True)
            read.rules[name] = RuleRef(f"{name}.0")
        else:
            read.rules[name] = _Expression(read, name, line[head.end() :]).node()
    if not read.named <= read.rules.keys():
        raise UnreadableError(Complaint.NO_SUCH_PLACE)
    return read


class _Expression:
    """What a rule says."""

    def __init__(self, grammar: Grammar, name: str, text: str) -> None:
        self._grammar, self._name, self._text, self._at = grammar, name, text, 0

    def node(self) -> Node:
        try:
            found = self._options()
        except (IndexError, ValueError):  # nothing to repeat, no end of a group, no JSON
            raise UnreadableError(Complaint.OTHER) from None
        if self._at < len(self._text.rstrip()):
            raise UnreadableError(Complaint.OTHER)
        return found

    def _options(self) -> Node:
        options, parts = list[Node](), list[Node]()
        while self._at < len(self._text.rstrip()):
            token = TOKEN.match(self._text, self._at)
            if not token:
                raise UnreadableError(Complaint.OTHER)
            mark = token["mark"]
            if mark == ")":
                break
            self._at = token.end()
            if mark == "|":
                options.append(concat(*parts))
                parts = []
            elif mark == "(":
                parts.append(self._options())
                self._at = self._text.index(")", self._at) + 1
            elif mark == "&":
                parts.append(self._taken_away())
            elif mark in MARKS:
                parts.append(Repeat(parts.pop(), *MARKS[mark]))
            elif token["least"]:
                least, most = int(token["least"]), int(token["most"]) if token["most"] else None
                parts.append(Repeat(parts.pop(), least, most if token["range"] else least))
            else:
                parts.append(self._atom(token))
        return one_of([*options, concat(*parts)])

    def _atom(self, token: re.Match[str]) -> Node:
        if token["text"]:
            return Text(json.loads(token["text"]))
        if token["pattern"] is not None:
            return read_regex(token["pattern"])
        if token["token"]:
            self._grammar.tokens.add(int(token["token"]))
            return TokenRef(int(token["token"]))
        if token["name"]:
            self._grammar.named.add(token["name"])
            return RuleRef(token["name"])
        schema, self._at = json.JSONDecoder().raw_decode(self._text, self._at)
        name = f"{self._name}.json"
        speller = Speller(self._grammar.rules, name, schema, is_strict=self._grammar.is_strict)
        speller.spell()
        self._grammar.left[self._name] = speller.left
        return RuleRef(name)

    def _taken_away(self) -> Node:
        """Read ``& ~/pattern/`` behind the pattern of any text: what does not hold another one."""
        holds = HOLDS.fullmatch((TOKEN.match(self._text, self._at + 2) or [""])[0].strip().strip("/"))
        if not holds:
            raise UnreadableError(Complaint.OTHER)
        self._at = len(self._text)
        return _follow(self._grammar.rules, self._name, re.sub(r"\\(.)", r"\1", holds[1]), to_its_end=False)


def _follow(rules: Rules, name: str, text: str, *, to_its_end: bool) -> Node:
    """Add rules that watch for a text: one for each part of it that what came before ends with.

    Returns:
        What is there, at least a character, that does not hold the text; or ends where the text first does.
    """
    first: Node = EMPTY
    for length in range(len(text)):
        heads = dict.fromkeys(text[: length + 1])
        options: list[Node] = [concat(but("".join(heads)), RuleRef(f"{name}.0"))]
        for char in heads:
            if (written := text[:length] + char) != text:
                options.append(concat(char, RuleRef(f"{name}.{_overlap(written, text)}")))
            elif to_its_end:
                options.append(concat(char))
        rules[f"{name}.{length}"] = one_of(options) if to_its_end else optional(one_of(options))
        first = first if length else one_of(options)
    return first


def _overlap(written: str, text: str) -> int:
    """Return how much of the beginning of a text something ends with."""
    return next(length for length in range(len(written), -1, -1) if text.startswith(written[len(written) - length :]))

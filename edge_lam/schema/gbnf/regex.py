r"""Regular expressions, in what Rust's `regex`, ECMAScript and Python have in common, as nodes.

In goes a pattern, out come the texts that fit it; anchors at the ends of branches are read, others are not. What can't
be read is refused with its `Complaint`: look-around, back references, flags, classes of Unicode (`\p`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from edge_lam.schema.gbnf.nodes import ANY_CHAR, EMPTY, Chars, Node, OneOf, Repeat, Text, but, chars, concat, one_of
from edge_lam.schema.gbnf.text import MAX_TIMES
from edge_lam.schema.guidance import Complaint

MAX_GROUPS, DEPTH = 50, {"(": 1, ")": -1}  # one inside the other
WORD = chars((ord("a"), ord("z")), (ord("A"), ord("Z")), (ord("0"), ord("9")), "_")
SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
CLASSES = {"d": chars((ord("0"), ord("9"))), "w": WORD, "s": chars(SPACES)}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
TIMES = re.compile(r"\{(\d+)(,?)(\d*)\}")
HEX = re.compile(r"x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})")
GROUP = re.compile(r"\((?:\?:|\?P?<[A-Za-z_]\w*>)?")
LOOK_AROUND = re.compile(r"\(\?<?[=!]")


class UnreadableError(Exception):
    """A pattern that can't be read.

    Attributes:
        complaint: why.
    """

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint.value)
        self.complaint = complaint


@dataclass(frozen=True, slots=True)
class _Branch:
    node: Node
    begins: bool  # with ^
    ends: bool  # with $


@lru_cache(maxsize=256)
def read_regex(pattern: str, *, search: bool = False) -> Node:
    """Return the texts that fit a pattern.

    Args:
        pattern: a regular expression.
        search: whether it may fit anywhere in a text, as JSON Schema's `pattern` does, or has to fit all of it.

    Raises:
        UnreadableError: it can't be read.
    """
    if max(accumulate(DEPTH.get(char, 0) for char in pattern), default=0) > MAX_GROUPS:
        raise UnreadableError(Complaint.TOO_BIG)
    reader = _Reader(pattern)
    branches = reader.branches(top=True)
    if reader.rest:
        raise UnreadableError(Complaint.BAD_PATTERN)  # a parenthesis that nothing opened
    anything = Repeat(ANY_CHAR, 0, None)
    return one_of(
        [
            concat(
                EMPTY if branch.begins or not search else anything,
                branch.node,
                EMPTY if branch.ends or not search else anything,
            )
            for branch in branches
        ]
    )


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern, self._at = pattern, 0

    @property
    def rest(self) -> str:
        return self._pattern[self._at :]

    def branches(self, *, top: bool = False) -> list[_Branch]:
        """Read branches up to the end, or a parenthesis that closes them; at the top they may have anchors."""
        if top and (inner := self._inside_of_one_group()) is not None:
            return inner
        found = [self._branch(top=top)]
        while self._take("|"):
            found.append(self._branch(top=top))
        return found

    def _inside_of_one_group(self) -> list[_Branch] | None:
        """Read the branches inside, with anchors of their own, where all of the pattern is one group."""
        opening = GROUP.match(self.rest)
        if not opening:
            return None
        inner = _Reader(self.rest[opening.end() :])
        try:
            found = inner.branches(top=True)
        except UnreadableError:  # whoever reads it as more than a group finds that too
            return None
        if inner.rest != ")":
            return None
        self._at = len(self._pattern)
        return found

    def _branch(self, *, top: bool) -> _Branch:
        begins = top and self._take("^", r"\A")
        parts: list[Node] = []
        while self.rest and self.rest[0] not in "|)":
            if top and re.match(r"(\$|\\z)(\||\)|$)", self.rest):
                self._take("$", r"\z")
                return _Branch(concat(*parts), begins, True)
            parts.append(self._times(self._atom()))
        return _Branch(concat(*parts), begins, False)

    def _times(self, node: Node) -> Node:
        """Read how often something comes; that a repetition is lazy changes no text that fits."""
        while self.rest and self.rest[0] in "*+?{":
            if counted := TIMES.match(self.rest):
                least, most = int(counted[1]), int(counted[3]) if counted[3] else None
                most = most if counted[2] else least
                self._at += counted.end()
            elif self.rest[0] == "{":
                raise UnreadableError(Complaint.BAD_PATTERN)
            else:
                least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[self.rest[0]]
                self._at += 1
            if most is not None and most < least:
                raise UnreadableError(Complaint.BAD_PATTERN)
            if max(least, most or 0) > MAX_TIMES:
                raise UnreadableError(Complaint.TOO_BIG)
            self._take("?")
            node = EMPTY if most == 0 else Repeat(node, least, most)
        return node

    def _atom(self) -> Node:
        if LOOK_AROUND.match(self.rest):
            raise UnreadableError(Complaint.LOOK_AROUND)
        char = self.rest[0]
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "*+?{^$":  # a repetition of nothing, or an anchor amid a pattern
            raise UnreadableError(Complaint.BAD_PATTERN if char in "*+?{" else Complaint.OTHER)
        self._at += 1
        return but("\n") if char == "." else Text(char)

    def _group(self) -> Node:
        opening = GROUP.match(self.rest)
        self._at += opening.end() if opening else 1
        if self.rest.startswith("?"):  # flags
            raise UnreadableError(Complaint.OTHER)
        inside = one_of([branch.node for branch in self.branches()])
        if not self._take(")"):
            raise UnreadableError(Complaint.BAD_PATTERN)
        return inside

    def _escape(self) -> Chars:
        """Read what follows a backslash."""
        self._at += 1
        if not self.rest:
            raise UnreadableError(Complaint.BAD_PATTERN)
        if found := HEX.match(self.rest):
            self._at += found.end()
            return chars((int(next(filter(None, found.groups())), 16),) * 2)
        char = self.rest[0]
        self._at += 1
        if char.lower() in CLASSES:
            known = CLASSES[char.lower()]
            return known if char.islower() else but(*known.ranges)
        if char in ESCAPES:
            return chars(ESCAPES[char])
        if char in "bBAzZG":
            raise UnreadableError(Complaint.LOOK_AROUND)
        if char.isdigit() and char != "0":
            raise UnreadableError(Complaint.BACK_REFERENCE)
        if char.isalnum():
            raise UnreadableError(Complaint.OTHER)
        return chars(char)

    def _class(self) -> Chars:
        self._at += 1
        is_negated, ranges, is_first = self._take("^"), list[tuple[int, int]](), True
        while is_first or not self._take("]"):
            if not self.rest:
                raise UnreadableError(Complaint.BAD_PATTERN)
            if self.rest[0] == "[" or self.rest[:2] in ("&&", "--", "~~"):  # operations that Rust has in classes
                raise UnreadableError(Complaint.OTHER)
            is_first = False
            low = self._member()
            if re.match(r"-[^\]]", self.rest) and len(low.ranges) == 1 and low.ranges[0][0] == low.ranges[0][1]:
                self._at += 1
                high = self._member()
                if len(high.ranges) != 1 or high.ranges[0][0] != high.ranges[0][1] or high.ranges < low.ranges:
                    raise UnreadableError(Complaint.BAD_PATTERN)
                ranges.append((low.ranges[0][0], high.ranges[0][1]))
            else:
                ranges += low.ranges
        return but(*ranges) if is_negated else chars(*ranges)

    def _member(self) -> Chars:
        if self.rest.startswith("\\"):
            return chars("\b") if self._take(r"\b") else self._escape()
        self._at += 1
        return chars(self._pattern[self._at - 1])

    def _take(self, *texts: str) -> bool:
        """Go on behind one of some texts, if it is next."""
        for text in texts:
            if self.rest.startswith(text):
                self._at += len(text)
                return True
        return False


def never(node: Node) -> bool:
    """Tell whether nothing fits a node, such as an empty class."""
    return node in (OneOf(()), Chars(()))

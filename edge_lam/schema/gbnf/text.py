"""Rules as the text that llama.cpp reads: GBNF.

llama.cpp follows all ways through a grammar side by side, and looks for left recursion without remembering where it was
before; so repeated parts get rules of their own, and whatever is large is a rule that others refer to.
"""

from __future__ import annotations

import re

from edge_lam.schema.gbnf.nodes import START, Chars, Concat, Node, OneOf, Repeat, RuleRef, Rules, Text, TokenRef

NEVER = r"\x00"  # llama.cpp ends a token at this character, and so never finds it
MAX_TIMES = 2000  # as often llama.cpp repeats something
PLAIN = re.compile(r"[A-Za-z0-9 _.,:;/@{}()+*=<>|!?&%$#'~`-]")


def gbnf_text(rules: Rules) -> str:
    """Return rules as llama.cpp reads them; they begin with the one named "root"."""
    writer = _Writer()
    lines = [f"{_name(name)} ::= {writer.alternatives(node)}" for name, node in rules.items()]
    return "\n".join(lines + writer.lines) + "\n"


def _name(name: str) -> str:
    """Return a name of letters, digits and dashes; a rule of another name never gets the same one."""
    return name if name == START else "r-" + re.sub(r"[^A-Za-z0-9]", lambda char: f"-{ord(char[0]):x}-", name)


class _Writer:
    """Writes nodes; parts that need a rule of their own get one in `lines`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._named: dict[Node, str] = {}

    def alternatives(self, node: Node) -> str:
        options = node.options if isinstance(node, OneOf) else (node,)
        return " | ".join(map(self._sequence, options)) or f"[{NEVER}]"

    def _sequence(self, node: Node) -> str:
        parts = node.parts if isinstance(node, Concat) else (node,)
        return " ".join(filter(None, map(self._item, parts))) or '""'

    def _item(self, node: Node) -> str:
        match node:
            case Text():
                return f'"{"".join(map(_char, node.text))}"' if node.text else ""
            case Chars():
                return f"[{''.join(_char_range(low, high) for low, high in node.ranges) or NEVER}]"
            case RuleRef():
                return _name(node.name)
            case TokenRef():
                return f"<[{node.token}]>"
            case Repeat():
                return f"{self._repeated(node.node)}{_times(node.least, node.most)}"
            case _:
                return self._rule(node)

    def _repeated(self, node: Node) -> str:
        is_one = isinstance(node, Chars | RuleRef) or (isinstance(node, Text) and len(node.text) == 1)
        return self._item(node) if is_one else self._rule(node)

    def _rule(self, node: Node) -> str:
        """Return the name of a rule for a node."""
        if node not in self._named:
            self._named[node] = name = f"n{len(self._named)}"
            self.lines.append(f"{name} ::= {self.alternatives(node)}")
        return self._named[node]


def _times(least: int, most: int | None) -> str:
    """Return how often something comes; beyond what llama.cpp counts, the grammar is weaker."""
    least, most = min(least, MAX_TIMES), None if most is None or most > MAX_TIMES else most
    known = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    return known.get((least, most)) or f"{{{least},{'' if most is None else most}}}"


def _char_range(low: int, high: int) -> str:
    return _in_class(low) if low == high else f"{_in_class(low)}-{_in_class(high)}"


def _in_class(code: int) -> str:
    return chr(code) if chr(code).isascii() and chr(code).isalnum() else _hex(code)


def _char(char: str) -> str:
    return char if PLAIN.match(char) else _hex(ord(char))


def _hex(code: int) -> str:
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"

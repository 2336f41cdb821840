"""Whether a text fits rules: all ways through them are followed side by side, one character after the other.

This is for values that are there already; while a reply is decoded, llama.cpp follows the same rules.
"""

from __future__ import annotations

import random

from edge_lam.schema.gbnf.nodes import EMPTY, START, Chars, Concat, Node, OneOf, Repeat, RuleRef, Rules, Text

# A way is followed for each candidate; llama.cpp's loops over them are quadratic.
MAX_WAYS, TRIAL_CHARS = 1000, 64


def fits(rules: Rules, text: str) -> bool:
    """Tell whether a text fits rules; tokens that are no text fit none."""
    walker = _Walker(rules)
    stacks = walker.spread([walker.push(RuleRef(START), 0, 0)])
    for char in text:
        if not stacks:
            break
        stacks = walker.accept(stacks, ord(char))
    return 0 in stacks


def takes_too_much(rules: Rules) -> bool:
    """Write something at random, and tell whether too many ways through the rules have to be followed at a time."""
    walker, choices = _Walker(rules), random.Random(0)
    stacks = walker.spread([walker.push(RuleRef(START), 0, 0)])
    for _ in range(TRIAL_CHARS):
        if len(stacks) > MAX_WAYS:
            return True
        heads = sorted(walker.heads(stacks))
        if not heads:
            break
        stacks = walker.accept(stacks, choices.choice(heads))
    return False


class _Walker:
    """Moves through rules; a stack is a number, 0 is the empty one.

    What is on top is a node and a place in it: of a text or parts the next one, of a repetition how often it came.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._stacks: list[tuple[Node, int, int]] = [(EMPTY, 0, 0)]
        self._numbers: dict[tuple[int, int, int], int] = {}

    def push(self, node: Node, at: int, below: int) -> int:
        """Return the stack with a place in a node on top of another one; the same one gets the same number."""
        key = (id(node), at, below)  # the nodes live as long as the rules, and those that are made here as the stacks
        if key not in self._numbers:
            self._numbers[key] = len(self._stacks)
            self._stacks.append((node, at, below))
        return self._numbers[key]

    def spread(self, stacks: list[int]) -> set[int]:
        """Return the stacks that some lead to without a character: one is on top, or nothing at all."""
        found, todo, seen = set[int](), list(stacks), set[int]()
        while todo:
            stack = todo.pop()
            if stack in seen:
                continue
            seen.add(stack)
            node, at, below = self._stacks[stack]
            match node:
                case _ if not stack:
                    found.add(0)
                case RuleRef():
                    todo.append(self.push(self._rules[node.name], 0, below))
                case OneOf():
                    todo += [self.push(option, 0, below) for option in node.options]
                case Concat():
                    rest = self.push(node, at + 1, below) if at + 1 < len(node.parts) else below
                    todo.append(self.push(node.parts[at], 0, rest))
                case Repeat():
                    todo += self._repeat(node, at, below)
                case Text() if not node.text:
                    todo.append(below)
                case _:
                    found.add(stack)
        return found

    def _repeat(self, node: Repeat, times: int, below: int) -> list[int]:
        """Return what follows when something came so many times; those beyond what counts are not told apart."""
        enough = [below] if times >= node.least else []
        if node.most is not None and times >= node.most:
            return enough
        after = self.push(node, min(times + 1, node.least if node.most is None else node.most), below)
        return [*enough, self.push(node.node, 0, after)]

    def heads(self, stacks: set[int]) -> set[int]:
        """Return a character that each stack can go on with, as code points."""
        tops = (self._stacks[stack][:2] for stack in stacks if stack)
        return {
            ord(node.text[at]) if isinstance(node, Text) else node.ranges[-1][0]
            for node, at in tops
            if isinstance(node, Text) or (isinstance(node, Chars) and node.ranges)
        }

    def accept(self, stacks: set[int], code: int) -> set[int]:
        """Return the stacks behind a character."""
        moved: list[int] = []
        for stack in stacks:
            node, at, below = self._stacks[stack]
            if isinstance(node, Chars) and any(low <= code <= high for low, high in node.ranges):
                moved.append(below)
            elif stack and isinstance(node, Text) and ord(node.text[at]) == code:
                moved.append(self.push(node, at + 1, below) if at + 1 < len(node.text) else below)
        return self.spread(moved)

r"""Patterns that llguidance can't read as they are: those with look-ahead at their beginning, as passwords have them.

``^(?=.*\d)(?!.*\s).{8,}$`` says the same as three patterns, of which one must not fit. In comes a pattern; out come the
patterns it stands for. No pattern is ever given to an engine that may need exponential time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from edge_lam.schema.guidance import Complaint, schema_complaint, text_fits

LOOK_AHEAD = re.compile(r"\(\?([=!])")
# An escaped character, a class, a parenthesis or a bar: what counts for where a group or a branch ends.
MARK = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]", re.DOTALL)
DEPTH = {"(": 1, ")": -1}


@dataclass(frozen=True)
class Pattern:
    """What a pattern asks of a text.

    Attributes:
        fits: patterns that it has to fit.
        fits_not: patterns that it must not fit.
        fault: why the pattern can't be read, or None.
    """

    fits: tuple[str, ...]
    fits_not: tuple[str, ...] = ()
    fault: Complaint | None = None

    def allows(self, text: str) -> bool:
        """Tell whether a text fits; none fits a pattern with a fault."""
        if self.fault or not all(text_fits(text, pattern=pattern) for pattern in self.fits):
            return False
        return not any(text_fits(text, pattern=pattern) for pattern in self.fits_not)


@lru_cache(maxsize=256)
def read_pattern(pattern: str) -> Pattern:
    """Read a regular expression of JSON Schema."""
    fault = _fault(pattern)
    if fault and pattern.startswith("^(?"):
        *ahead, (_, rest) = _split(pattern)
        fits = (*(f"^(?:{inner})" for kind, inner in ahead if kind == "="), f"^{rest}")
        fits_not = tuple(f"^(?:{inner})" for kind, inner in ahead if kind == "!")
        if ahead and not _has_branches(rest) and not any(map(_fault, (*fits, *fits_not))):
            return Pattern(fits, fits_not)
    return Pattern((pattern,), fault=fault)


def _fault(pattern: str) -> Complaint | None:
    return schema_complaint({}, {"type": "string", "pattern": pattern})


def _has_branches(pattern: str) -> bool:
    """Tell whether the look-ahead before it would belong to the first of several branches alone."""
    depth = 0
    for mark in MARK.finditer(pattern):
        depth += DEPTH.get(mark[0], 0)
        if mark[0] == "|" and not depth:
            return True
    return False


def _split(pattern: str) -> Iterator[tuple[str, str]]:
    """Yield ("=" or "!", inside) of each look-ahead at the beginning, and ("", the rest)."""
    position = 1
    while opening := LOOK_AHEAD.match(pattern, position):
        depth = 1
        for mark in MARK.finditer(pattern, opening.end()):
            depth += DEPTH.get(mark[0], 0)
            if not depth:
                break
        else:
            break
        yield opening[1], pattern[opening.end() : mark.start()]
        position = mark.end()
    yield "", pattern[position:]

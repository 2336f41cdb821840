"""Numbers within bounds, as models write them: digit by digit, to the last one. In go bounds, out come nodes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from edge_lam.schema.gbnf.nodes import DIGIT, EMPTY, Node, OneOf, Repeat, chars, concat, one_of, optional

DIGITS = Repeat(DIGIT, 1, None)
MORE = Repeat(DIGIT, 0, None)
FRACTION = optional(concat(".", DIGITS))
EXPONENT = optional(concat(chars("eE"), optional(chars("+-")), DIGITS))


@dataclass(frozen=True, slots=True)
class NumberBounds:
    """Between which a number lies; None for no bound, and an open one is not part of the range."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_open: bool = False
    high_open: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether no number lies there; a whole one may be missing all the same."""
        if self.low is None or self.high is None:
            return False
        return self.low > self.high or (self.low == self.high and (self.low_open or self.high_open))

    def within(self, other: NumberBounds) -> NumberBounds:
        """Return the bounds that both have."""
        low, low_open = self.low, self.low_open
        if other.low is not None and (low is None or (other.low, other.low_open) > (low, low_open)):
            low, low_open = other.low, other.low_open
        high, high_open = self.high, self.high_open
        if other.high is not None and (high is None or (other.high, not other.high_open) < (high, not high_open)):
            high, high_open = other.high, other.high_open
        return NumberBounds(low, high, low_open, high_open)

    @property
    def of_whole(self) -> tuple[int | None, int | None]:
        """The smallest and the largest whole number."""
        low = None if self.low is None else int(self.low.to_integral_value("ROUND_CEILING"))
        high = None if self.high is None else int(self.high.to_integral_value("ROUND_FLOOR"))
        if low is not None and self.low_open and low == self.low:
            low += 1
        if high is not None and self.high_open and high == self.high:
            high -= 1
        return low, high


def whole_numbers(bounds: NumberBounds) -> Node | None:
    """Return the whole numbers within bounds; None if there are none."""
    low, high = bounds.of_whole
    if low is not None and high is not None and low > high:
        return None
    options: list[Node] = []
    if low is None or low < 0:
        least = -high if high is not None and high < 0 else 0 if (low is None) == (high is None) else 1
        options.append(concat("-", _naturals(least, None if low is None else -low)))
    if high is None or high >= 0:
        options.append(_naturals(max(low or 0, 0), high))
    return one_of(options)


def numbers(bounds: NumberBounds) -> Node | None:
    """Return the numbers within bounds, with fractions; with an exponent only where there is no bound."""
    if bounds.is_empty:
        return None
    low, high = bounds.low, bounds.high
    if low is not None and low == high:
        return concat(format(low.normalize(), "f"))
    if low is None and high is None:
        return concat(optional(concat("-")), _naturals(0, None), FRACTION, EXPONENT)
    options: list[Node | None] = []
    if low is None or low < 0:  # zero has no sign
        above, above_open = (-high, bounds.high_open) if high is not None and high < 0 else (Decimal(0), True)
        size = _magnitudes(above, above_open, None if low is None else -low, bounds.low_open)
        options.append(size and concat("-", size))
    if high is None or high >= 0:
        start, start_open = (low, bounds.low_open) if low is not None and low >= 0 else (Decimal(0), False)
        options.append(_magnitudes(start, start_open, high, bounds.high_open))
    found = [option for option in options if option]
    return one_of(found) if found else None


def _naturals(low: int, high: int | None) -> Node:
    """Return the natural numbers from `low` on, without zeros before them."""
    if high is None:
        length = len(str(low))
        further = concat(chars((ord("1"), ord("9"))), Repeat(DIGIT, length, None))
        return one_of([_naturals(low, 10**length - 1), further])
    options = []
    while len(str(low)) < len(str(high)):
        last = 10 ** len(str(low)) - 1
        options.append(_of_one_length(str(low), str(last)))
        low = last + 1
    return one_of([*options, _of_one_length(str(low), str(high))])


def _of_one_length(low: str, high: str) -> Node:
    """Return the digits between two texts of digits, all as many."""
    if not low:
        return EMPTY
    rest = len(low) - 1
    if low[0] == high[0]:
        return concat(low[0], _of_one_length(low[1:], high[1:]))
    options, first, last = list[Node](), int(low[0]), int(high[0])
    if low[1:] != "0" * rest:
        options.append(concat(low[0], _of_one_length(low[1:], "9" * rest)))
        first += 1
    above = high[1:] != "9" * rest
    if first <= last - above:
        options.append(concat(_digits(first, last - above), Repeat(DIGIT, rest, rest) if rest else EMPTY))
    if above:
        options.append(concat(high[0], _of_one_length("0" * rest, high[1:])))
    return one_of(options)


def _magnitudes(low: Decimal, low_open: bool, high: Decimal | None, high_open: bool) -> Node | None:
    """Return numbers without a sign."""
    whole, above = _split(low)
    if high is None:
        further = concat(_naturals(whole + 1, None), FRACTION)
        return one_of([concat(str(whole), _fraction(_at_least(above, low_open))), further])
    last, below = _split(high)
    if whole == last:
        found = _between(above, low_open, below, high_open)
        return concat(str(whole), _fraction(found)) if found.is_possible else None
    options = [concat(str(whole), _fraction(_at_least(above, low_open)))]
    if whole + 1 < last:
        options.append(concat(_naturals(whole + 1, last - 1), FRACTION))
    if (found := _at_most(below, high_open)).is_possible:
        options.append(concat(str(last), _fraction(found)))
    return one_of(options)


def _split(value: Decimal) -> tuple[int, str]:
    """Return what stands before the point, and the digits behind it, without zeros at their end."""
    whole, _, digits = format(value, "f").partition(".")
    return int(whole), digits.rstrip("0")


@dataclass(frozen=True, slots=True)
class _Tail:
    """Digits behind a point, or behind others: which ones may come, and whether none may."""

    some: Node | None
    none: bool

    @property
    def is_possible(self) -> bool:
        return self.none or self.some is not None

    @property
    def node(self) -> Node:
        return EMPTY if self.some is None else optional(self.some) if self.none else self.some


def _fraction(tail: _Tail) -> Node:
    if tail.some is None:
        return EMPTY
    return optional(concat(".", tail.some)) if tail.none else concat(".", tail.some)


def _at_least(digits: str, is_open: bool) -> _Tail:
    if not digits:
        above_zero = concat(MORE, chars((ord("1"), ord("9"))), MORE)
        return _Tail(above_zero, none=False) if is_open else _Tail(DIGITS, none=True)
    options: list[Node] = [concat(digits[0], _at_least(digits[1:], is_open).node)]
    if digits[0] < "9":
        options.append(concat(_digits(int(digits[0]) + 1, 9), MORE))
    return _Tail(one_of(options), none=False)


def _at_most(digits: str, is_open: bool) -> _Tail:
    if not digits:
        return _Tail(None, none=False) if is_open else _Tail(Repeat(chars("0"), 1, None), none=True)
    rest = _at_most(digits[1:], is_open)
    options: list[Node] = [concat(digits[0], rest.node)] if rest.is_possible else []
    if digits[0] > "0":
        options.append(concat(_digits(0, int(digits[0]) - 1), MORE))
    return _Tail(one_of(options) if options else None, none=True)


def _between(low: str, low_open: bool, high: str, high_open: bool) -> _Tail:
    if not high:  # and so neither has digits
        return _Tail(None, none=False) if low_open or high_open else _at_most("", False)
    first, last = int(low[:1] or 0), int(high[0])
    none = not low and not low_open
    if first == last:
        inside = _between(low[1:], low_open, high[1:], high_open)
        return _Tail(concat(high[0], inside.node) if inside.is_possible else None, none=none)
    options: list[Node] = [concat(str(first), _at_least(low[1:], low_open).node)]
    if first + 1 < last:
        options.append(concat(_digits(first + 1, last - 1), MORE))
    if (rest := _at_most(high[1:], high_open)).is_possible:
        options.append(concat(high[0], rest.node))
    return _Tail(one_of(options), none=none)


def _digits(first: int, last: int) -> Node:
    return OneOf(()) if first > last else chars((ord("0") + first, ord("0") + last))

"""Arithmetic as people say it, with the expression it means: "half of sixty" is 60 / 2.

The words that only training draws lie apart, so that the evaluation's stay the same when some are added.
"""

from __future__ import annotations

import random

WORD_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
).split()


def expression(rng: random.Random) -> tuple[str, str]:  # noqa: PLR0911 - one return per way of saying it
    """Draw arithmetic as people say it with the expression it means, operands in the order they were said."""

    def operand() -> str:
        if rng.random() < 0.15:
            return f"{rng.uniform(0, 100):.{rng.choice((1, 1, 2))}f}"
        return str(rng.randint(1, 10 ** rng.choice((1, 2, 2, 2, 3, 4))))

    a, b, c = operand(), operand(), operand()
    op, words = rng.choice(_OPERATIONS)
    shape = rng.random()
    if shape < 0.2:
        return f"{a} {op} {b}", f"{a} {op} {b}"
    if shape < 0.72:
        return f"{a} {rng.choice(words)} {b}", f"{a} {op} {b}"
    if shape < 0.82:
        percent = rng.choice(("percent of", "% of", "per cent of"))
        return f"{a}{'' if percent[0] == '%' else ' '}{percent} {b}", f"{a} / 100 * {b}"
    if shape < 0.88:
        return f"{rng.choice(('the square root of', 'square root of'))} {a}", f"sqrt({a})"
    if shape < 0.92:
        power = rng.choice(("to the power of", "to the power", "**"))
        return f"{a} {power} {(b := str(rng.randint(2, 12)))}", f"{a} ** {b}"
    op2, words2 = rng.choice(_OPERATIONS)
    if rng.random() < 0.5:
        return f"{a} {op} {b} {op2} {c}", f"{a} {op} {b} {op2} {c}"
    return f"{a} {rng.choice(words)} {b} {rng.choice(words2)} {c}", f"{a} {op} {b} {op2} {c}"


_OPERATIONS = (
    ("+", ("plus", "plus", "and", "added to", "+")),
    ("-", ("minus", "minus", "less", "take away", "-")),
    ("*", ("times", "times", "x", "multiplied by", "*")),
    ("/", ("divided by", "divided by", "over", "/")),
)


def more_expression(rng: random.Random) -> tuple[str, str]:
    """Arithmetic in the words that only training draws, and every other time in those of `expression`."""
    if rng.random() < 0.5:
        return expression(rng)
    a, b = _said_number(rng), _said_number(rng)
    shape = rng.random()
    if shape < 0.45:
        op, words = rng.choice(_OPERATIONS)
        return f"{a[0]} {rng.choice(words)} {b[0]}", f"{a[1]} {op} {b[1]}"
    if shape < 0.6:  # nothing between: 12*7
        op, sign = rng.choice((("+", "+"), ("-", "-"), ("*", "*"), ("*", "x"), ("/", "/")))
        return f"{a[1]}{sign}{b[1]}", f"{a[1]} {op} {b[1]}"
    said, meant = rng.choice(_PHRASES)
    return said.format(a=a[0], b=b[0]), meant.format(a=a[1], b=b[1])


def _said_number(rng: random.Random) -> tuple[str, str]:
    value = rng.randint(2, 10 ** rng.choice((1, 2, 2, 3)))
    if value < 20 and rng.random() < 0.3:
        return WORD_NUMBERS[value], str(value)
    if value < 100 and value % 10 == 0 and rng.random() < 0.5:
        return _TENS[value // 10 - 1], str(value)
    return str(value), str(value)


_TENS = "ten twenty thirty forty fifty sixty seventy eighty ninety".split()
_PHRASES = (
    ("half of {a}", "{a} / 2"),
    ("a half of {a}", "{a} / 2"),
    ("a third of {a}", "{a} / 3"),
    ("a quarter of {a}", "{a} / 4"),
    ("a tenth of {a}", "{a} / 10"),
    ("twice {a}", "{a} * 2"),
    ("double {a}", "{a} * 2"),
    ("three times {a}", "3 * {a}"),
    ("{a} squared", "{a} ** 2"),
    ("{a} cubed", "{a} ** 3"),
    ("the square of {a}", "{a} ** 2"),
    ("the sum of {a} and {b}", "{a} + {b}"),
    ("the product of {a} and {b}", "{a} * {b}"),
    ("the difference between {a} and {b}", "{a} - {b}"),
    ("the ratio of {a} to {b}", "{a} / {b}"),
    ("{a}% of {b}", "{a} / 100 * {b}"),
    ("{a} percent of {b}", "{a} / 100 * {b}"),
    ("{a} percent from {b}", "{a} / 100 * {b}"),
    ("{a} multiplied with {b}", "{a} * {b}"),
    ("{a} split by {b}", "{a} / {b}"),
)

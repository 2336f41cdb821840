"""Which numbers of a schema llguidance holds exactly, and what it is given instead where it can't.

It reads every number as a float of 64 bits: beyond 2**53, and beyond 15 digits, it would silently take another one for
it. Bounds that it can't hold it gets a little wider, so that the right number is never forbidden, and the check tells
the right one from its neighbours. So it is with constants, where `rules.py` can't write them out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from decimal import Decimal
from typing import Any, TypeAlias

Number: TypeAlias = "int | float"

EXACT = 2**53  # whole numbers up to here are floats
DIGITS = 15  # as many of a decimal fraction survive in a float
SCALE = 22  # powers of ten up to here are floats
# A lone bound that leads away from zero may have that many digits; one that keeps numbers near zero 64 bits.
FARTHEST_BOUND = 10**18
WIDEST = 2**63 - 1
# A multiple is found with a state for each remainder; factors of 2 and 5 show in the last digits and cost nothing.
MAX_REMAINDERS = 1000
LARGEST_MULTIPLE = 10**8
LONGEST_COUNT = 100_000  # no reply is that long


def as_written(value: Number) -> Number:
    """Return a whole number as its decimal notation has it: 1e30 is 10**30, and not the float nearest to it."""
    if isinstance(value, float) and abs(value) >= EXACT and math.isfinite(value):
        return int(Decimal(repr(value)))
    return value


def in_decimals(value: Any) -> str:
    """Return a value in JSON as models write it, its numbers without exponents: 1e-7 is 0.0000001."""
    if isinstance(value, dict):
        items = (f"{json.dumps(name, ensure_ascii=False)}: {in_decimals(item)}" for name, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(in_decimals, value))}]"
    if isinstance(value, float) and math.isfinite(value):
        return format(Decimal(repr(value)), "f")
    return json.dumps(value, ensure_ascii=False)


def is_held(value: Any) -> bool:
    """Tell whether the grammar of a constant allows it and nothing else; whatever is no number, or holds none, is."""
    if isinstance(value, dict):
        return all(map(is_held, value.values()))
    if isinstance(value, list):
        return all(map(is_held, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    value = as_written(value)
    return value == WIDEST or _is_exact(value)


def around(value: Any) -> dict[str, Any]:
    """Return a schema that a value fits that is not held; of its neighbours as few as possible."""
    if isinstance(value, dict):
        parts = {name: around(item) for name, item in value.items()}
        return {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}
    if isinstance(value, list):
        items = [around(item) for item in value]
        length = {"minItems": len(items), "maxItems": len(items)}
        return {"type": "array", **({"prefixItems": items} if items else {}), **length}
    if is_held(value):
        return {"const": value}
    value = as_written(value)
    schema: dict[str, Any] = {"type": "integer" if isinstance(value, int) else "number"}
    if abs(value) <= WIDEST:
        low, high = _outward(value, -1), _outward(value, 1)
        if low is not None and high is not None:
            schema |= {"minimum": low, "maximum": high}
    return schema


def bound(keyword: str, value: Number, kinds: frozenset[str]) -> tuple[Number | None, bool]:
    """Return what the grammar has for a bound, None if nothing, and whether it is just as strict.

    Args:
        keyword: "minimum", "maximum", "exclusiveMinimum" or "exclusiveMaximum".
        value: of the keyword.
        kinds: the types that the schema allows.
    """
    value = as_written(value)
    side = -1 if "inimum" in keyword else 1
    exclusive = keyword.startswith("exclusive")
    if isinstance(value, int) and abs(value) >= FARTHEST_BOUND:
        leads_away = (value > 0) == (side < 0)
        if leads_away or "number" in kinds or exclusive or abs(value) > WIDEST:
            return None, False
        if value == WIDEST:  # which llguidance has for the largest number
            return value, True
    if "number" in kinds and abs(value) > EXACT:  # written in as few digits as tell floats apart, which may be others
        return (value, not exclusive) if _has_few_digits(value) else (_outward_decimal(value, side), False)
    if _is_exact(value) and not (exclusive and abs(value) >= EXACT):
        return value, True
    return _outward(value, side), False


def is_held_multiple(value: Number) -> bool:
    """Tell whether the grammar of a `multipleOf` allows its multiples and nothing else, at a bearable cost."""
    scale, scaled = 0, float(value) if abs(value) <= LARGEST_MULTIPLE else math.inf
    while math.isfinite(scaled) and scaled != int(scaled) and scale <= DIGITS:  # as llguidance does it
        scaled, scale = scaled * 10, scale + 1
    if not scaled <= LARGEST_MULTIPLE or scale > DIGITS or Decimal(scaled).scaleb(-scale) != Decimal(repr(value)):
        return False
    remainders = int(scaled)
    for factor in (2, 5):
        while remainders % factor == 0:
            remainders //= factor
    return remainders <= MAX_REMAINDERS


def are_held_together(multiples: Collection[Number]) -> bool:
    """Tell whether any of several `multipleOf` may be merged: llguidance multiplies them in 32 bits, unchecked."""
    largest = sorted((Decimal(repr(value)).normalize() for value in multiples), reverse=True)[:2]
    scale = max((-min(int(value.as_tuple().exponent), 0) for value in largest), default=0)
    return len(largest) < 2 or largest[0] * largest[1] * 10 ** (2 * scale) < 2**32


def _is_exact(value: Number) -> bool:
    """Tell whether llguidance reads and writes a number as it is."""
    if isinstance(value, int):
        return abs(value) <= WIDEST and int(float(value)) == value
    return _has_few_digits(value)


def _has_few_digits(value: Number) -> bool:
    _, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    return len(digits) <= DIGITS and abs(int(exponent)) <= SCALE


def _outward(value: Number, side: int) -> Number | None:
    """Return the nearest number, below (-1) or above (1), that llguidance holds exactly; None if there is none."""
    if isinstance(value, int):
        near = float(value)
        if int(near) != value and (near > value) != (side > 0):
            near = math.nextafter(near, math.inf * side)
        return min(int(near), WIDEST) if -WIDEST <= near <= WIDEST else None
    return _outward_decimal(value, side)


def _outward_decimal(value: Number, side: int) -> Number | None:
    """Return the nearest number of few digits, below (-1) or above (1)."""
    written = Decimal(repr(value)).normalize()
    exponent = written.adjusted() - DIGITS + 1
    step = Decimal(1).scaleb(exponent)
    rounded = float(math.floor(written / step) * step if side < 0 else math.ceil(written / step) * step)
    return as_written(rounded) if _has_few_digits(rounded) else None

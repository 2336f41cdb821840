"""`calculate`: arithmetic on numbers only.

In comes an expression such as "12 * 7 + 3", out goes its value. The expression is parsed to a syntax tree and only
the nodes listed here are evaluated; nothing is ever passed to `eval`, and no result can grow beyond `LARGEST`.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable
from typing import Any

from edge_lam.demo_tools.rounding import tidy

Number = int | float

LARGEST = 10.0**100
MAX_LENGTH = 200
ALLOWED = "numbers, + - * / // % **, parentheses, sqrt, abs, round and pi"

_SPELLINGS = str.maketrans({"×": "*", "÷": "/", "−": "-", "^": "**"})  # noqa: RUF001 - what people type
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"sqrt": math.sqrt, "abs": abs, "round": round}
_CONSTANTS = {"pi": math.pi}


def calculate(expression: str) -> dict[str, Any]:
    """Calculate an arithmetic expression.

    Args:
        expression: Expression, such as 12 * 7 + 3
    """
    if len(expression) > MAX_LENGTH:
        raise ValueError(f"the expression is longer than {MAX_LENGTH} characters")
    text = _THOUSANDS.sub("", expression.translate(_SPELLINGS)).strip()
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"{expression!r} is no arithmetic expression") from None
    return {"result": tidy(_value(tree.body))}


def _value(node: ast.expr) -> Number:
    """Evaluate one node of the syntax tree; every intermediate value is checked."""
    match node:
        case ast.Constant(value=bool()):
            raise ValueError(f"only {ALLOWED} can be used")
        case ast.Constant(value=int() | float() as number):
            return _checked(number)
        case ast.Name(id=name) if name.lower() in _CONSTANTS:
            return _CONSTANTS[name.lower()]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _checked(_UNARY[type(op)](_value(operand)))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _divided(_BINARY[type(op)], _value(left), _value(right))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name.lower() in _FUNCTIONS:
            return _called(name.lower(), [_value(argument) for argument in args])
    raise ValueError(f"only {ALLOWED} can be used")


def _power(base: Number, exponent: Number) -> Number:
    # The size is estimated before the power is taken: 9 ** 9 ** 9 must not be computed to be refused.
    if abs(base) > 1 and exponent * math.log10(abs(base)) > math.log10(LARGEST):
        raise ValueError("the result is too large")
    if base == 0 and exponent < 0:
        raise ValueError("division by zero")
    return _checked(base**exponent)


def _divided(operation: Callable[[Any, Any], Any], left: Number, right: Number) -> Number:
    try:
        return _checked(operation(left, right))
    except ZeroDivisionError:
        raise ValueError("division by zero") from None


def _called(name: str, arguments: list[Number]) -> Number:
    if len(arguments) != 1 and not (name == "round" and len(arguments) == 2):
        raise ValueError(f"{name} takes one number")
    try:
        return _checked(_FUNCTIONS[name](*arguments))
    except (TypeError, ValueError, OverflowError):
        shown = ", ".join(str(argument) for argument in arguments)
        raise ValueError(f"{name}({shown}) has no value") from None


def _checked(value: Any) -> Number:
    """Refuse what is no real number or is too large to be said."""
    if isinstance(value, complex):
        raise ValueError("the result is no real number")  # noqa: TRY004 - the user's expression, not a wrong type
    if not abs(value) <= LARGEST:
        raise ValueError("the result is too large")
    number: Number = value
    return number

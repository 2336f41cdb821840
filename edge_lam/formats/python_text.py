"""Plain values and calls in Python's spelling, as some models write them: ``{'city': 'Oslo'}``, ``f(city="Oslo")``.

In comes text, out come plain values; nothing is evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from typing import Any

from edge_lam.formats.json_text import MAX_DEPTH, MAX_DIGITS, is_text, nesting

_CONSTANTS = {"true": True, "false": False, "null": None}  # JSON's names, which models mix in
_LONG_NUMBER = re.compile(rf"[\d_]{{{MAX_DIGITS + 1}}}")


def read_python(text: str) -> Any:
    """Read a value: text, numbers, truth values, None, and lists, tuples and dicts of them.

    Raises:
        ValueError: anything else, a key that is no text or stands twice, or nesting beyond `MAX_DEPTH`.
    """
    return _value(_parse(text))


def read_python_call(text: str, parameters: Sequence[str] = ()) -> dict[str, Any]:
    """Read the arguments of ``f(a=1)``, by name.

    Args:
        text: one call.
        parameters: the names of arguments that are given by their place.

    Raises:
        ValueError: it is no call of plain values, or an argument has no name or stands twice.
    """
    call = _parse(text)
    if not isinstance(call, ast.Call):
        raise ValueError("it is no call")  # noqa: TRY004 - it is the text that is wrong
    if len(call.args) > len(parameters):
        raise ValueError("an argument has no name")
    arguments = {name: _value(node) for name, node in zip(parameters, call.args, strict=False)}
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg in arguments:
            raise ValueError(f"the argument {keyword.arg!r} stands twice" if keyword.arg else "an argument has no name")
        arguments[keyword.arg] = _value(keyword.value)
    return arguments


def _parse(text: str) -> ast.expr:
    if not is_text(text):
        raise ValueError("half of a surrogate pair stands alone")
    if nesting(text, python=True) > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if _LONG_NUMBER.search(text):  # reading an integer takes quadratic time
        raise ValueError(f"a number of more than {MAX_DIGITS} digits")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python doesn't know
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply"
        raise ValueError(reason) from error


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=str() as text):
            if not is_text(text):
                raise ValueError("half of a surrogate pair stands alone")
            return text
        case ast.Constant(value=bool() | int() | float() | None as value):
            if isinstance(value, float) and not abs(value) < float("inf"):
                raise ValueError("a number is out of range")
            return value
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)) if number is not True:
            return -number
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return _dict(keys, values)
    raise ValueError(f"{ast.unparse(node)[:40]} is no plain value")


def _dict(keys: list[ast.expr | None], values: list[ast.expr]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in zip(keys, values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            raise ValueError("a key is no text")  # noqa: TRY004 - it is the text that is wrong
        name = str(_value(key))
        if name in found:
            raise ValueError(f"the key {name!r} stands twice")
        found[name] = _value(item)
    return found

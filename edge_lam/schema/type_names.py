"""Types as programs write them (`List[int]`, `int, optional`, `Dict[str, Any]`, `string[]`) -> JSON Schema.

In comes the text of one type, out come the schema that it stands for and whether it says "optional". Python's own
parser reads it; nothing is looked up or run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Schema: TypeAlias = "dict[str, Any]"

LONGEST = 400  # characters
# Behind a comma, as docstrings have it: "int, optional", "str, default='en'"; or in brackets: "int (required)".
NOTE = re.compile(r"\s*[,(]\s*(?:(required)|optional|default\b.*?)\s*\)?\s*$", re.IGNORECASE | re.DOTALL)

NULL = ("none", "nonetype", "null")
# By name in lower case; "" is any type.
NAMES = {
    **dict.fromkeys(("str", "string", "char", "bytes", "date", "datetime", "time", "uuid", "path"), "string"),
    "callable": "string",  # xLAM's data writes functions as text, such as "x**2"
    **dict.fromkeys(("int", "integer", "long", "short", "byte", "bigint"), "integer"),
    **dict.fromkeys(("float", "number", "double", "decimal", "complex"), "number"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("list", "array", "arraylist", "sequence", "iterable", "collection"), "array"),
    **dict.fromkeys(("tuple", "set", "frozenset", "queue", "stack"), "array"),
    **dict.fromkeys(("dict", "object", "mapping", "map", "hashmap", "hashtable", "record"), "object"),
    **dict.fromkeys(NULL, "null"),
    "any": "",
}


class UnknownTypeError(ValueError):
    """A text that names no type that JSON can carry."""


def read_type(text: object) -> tuple[Schema, bool]:
    """Return the schema that a type stands for, and whether what has it may be left out.

    Args:
        text: such as ``str``, ``List[List[int]]``, ``Tuple[float, float]``, ``Union[int, str]``, ``int | None``,
            ``Literal['a', 'b']``, ``string[]`` or ``Array<string>``; upper or lower case.

    Raises:
        UnknownTypeError: it is none of these.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        raise UnknownTypeError
    if (kind := NAMES.get(text)) and kind != "null":  # as nearly all are: there is nothing to parse
        return {"type": kind}, False
    note = NOTE.search(text)
    bare = text[: note.start()] if note else text
    source = re.sub(r"((?:\[\])+)$", lambda found: " @" * (len(found[1]) // 2), bare.strip())
    try:
        tree = ast.parse(source.replace("<", "[").replace(">", "]").replace("@", "@ array"), mode="eval").body
        optional, schema = _without_null(tree)
    except (SyntaxError, ValueError, IndexError, RecursionError, MemoryError) as error:
        raise UnknownTypeError from error
    return schema, optional or (note is not None and not note[1])


def _without_null(tree: ast.expr) -> tuple[bool, Schema]:
    """Read the type of a parameter: where it may be None, it may be left out, which says the same."""
    choices = [choice for choice in _choices(tree) if _name(choice) not in NULL]
    if not _choices(tree):  # Union[()]
        raise UnknownTypeError
    optional = len(choices) < len(_choices(tree)) or _name(tree) == "optional"
    return optional, _any_of(choices) if choices else {"type": "null"}


def _choices(tree: ast.expr) -> list[ast.expr]:
    """Return the types that a union, or an Optional, is made of; the type itself if it is neither."""
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitOr):
        return [*_choices(tree.left), *_choices(tree.right)]
    if isinstance(tree, ast.Subscript) and _name(tree) in ("union", "optional"):
        return [choice for part in _arguments(tree) for choice in _choices(part)]
    return [tree]


def _any_of(trees: Sequence[ast.expr]) -> Schema:
    schemas = [_schema(tree) for tree in trees]
    if len(schemas) == 1:
        return schemas[0]
    kinds = [schema.get("type") for schema in schemas]
    if all(isinstance(kind, str) and len(schema) == 1 for kind, schema in zip(kinds, schemas, strict=True)):
        return {"type": list(dict.fromkeys(kinds))}
    return {} if {} in schemas else {"anyOf": schemas}


def _schema(tree: ast.expr) -> Schema:
    if len(choices := _choices(tree)) > 1 or choices[0] is not tree:
        null = [ast.Name("none")] if _name(tree) == "optional" else []
        return _any_of([*choices, *null])
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.MatMult):  # how `read_type` has written "[]"
        return {"type": "array", "items": _schema(tree.left)}
    name = _name(tree)
    if isinstance(tree, ast.Subscript) and name in GENERIC:
        return GENERIC[name](_arguments(tree))
    if name not in NAMES:
        raise UnknownTypeError
    return {"type": NAMES[name]} if NAMES[name] else {}


def _array(arguments: Sequence[ast.expr]) -> Schema:
    items = _schema(arguments[0]) if len(arguments) == 1 else None
    return {"type": "array", **({"items": items} if items else {})}


def _tuple(arguments: Sequence[ast.expr]) -> Schema:
    """Return the schema of a tuple: of one type and any length (`Tuple[int, ...]`), or of so many items."""
    if len(arguments) == 2 and isinstance(arguments[1], ast.Constant) and arguments[1].value is ...:
        return _array(arguments[:1])
    items = [_schema(argument) for argument in arguments]
    length = {"minItems": len(items), "maxItems": len(items)}
    if all(item == items[0] for item in items):
        return {"type": "array", "items": items[0], **length}
    return {"type": "array", "prefixItems": items, **length}


def _dict(arguments: Sequence[ast.expr]) -> Schema:
    values = _schema(arguments[1]) if len(arguments) == 2 else {}
    return {"type": "object", **({"additionalProperties": values} if values else {})}


def _literal(arguments: Sequence[ast.expr]) -> Schema:
    return {"enum": [ast.literal_eval(argument) for argument in arguments]}


def _callable(arguments: Sequence[ast.expr]) -> Schema:
    return {"type": "string"}


GENERIC: dict[str, Callable[[Sequence[ast.expr]], Schema]] = {
    **dict.fromkeys(("list", "array", "sequence", "iterable", "collection", "set", "frozenset", "arraylist"), _array),
    **dict.fromkeys(("dict", "mapping", "map", "record", "hashmap"), _dict),
    "tuple": _tuple,
    "literal": _literal,
    "callable": _callable,
}


def _arguments(tree: ast.Subscript) -> list[ast.expr]:
    return tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]


def _name(tree: ast.expr) -> str:
    """Return what a type is called, without its arguments and the module it is from."""
    if isinstance(tree, ast.Subscript):
        return _name(tree.value)
    if isinstance(tree, ast.Attribute):
        return tree.attr.lower()
    if isinstance(tree, ast.Constant):
        return "none" if tree.value is None else ""
    return tree.id.lower() if isinstance(tree, ast.Name) else ""

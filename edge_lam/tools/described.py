"""What functions and pydantic models say about themselves: description, parameter schema, and how to convert arguments.

It takes pydantic a millisecond or two for each, so it is kept as long as the function or model lives; a function that
is changed afterwards is not read again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from edge_lam.errors import InvalidTool
from edge_lam.tools.docstrings import read_docstring
from edge_lam.tools.pydantic_schema import minimal_schema
from edge_lam.tools.signature import plain_function, read_signature

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class Described:
    """A function or model as a tool. It must not refer to the function itself, or that would live for ever.

    Attributes:
        description: the first paragraph of the docstring.
        parameters: JSON Schema of the arguments.
        convert: checks and converts the arguments of a function; None for a model, which does that itself.
    """

    description: str
    parameters: dict[str, Any]
    convert: Callable[[dict[str, Any]], dict[str, Any]] | None = None


# A function may be a tool of its own and, as a method, without its first parameter.
_functions: WeakKeyDictionary[Any, dict[bool, Described]] = WeakKeyDictionary()
_models: WeakKeyDictionary[type[BaseModel], Described] = WeakKeyDictionary()


def describe_function(function: Callable[..., Any], *, tool: str) -> Described:
    """Read the signature and docstring of a function.

    Raises:
        InvalidTool: something in the signature can't be called by name or described in JSON.
    """
    plain = getattr(function, "__func__", function)
    is_method = plain is not function
    try:
        known = _functions.setdefault(plain, {})
    except TypeError:  # some of Python's own can't be referred to weakly
        known = {}
    if is_method not in known:
        known[is_method] = _read_function(function, tool)
    return known[is_method]


def describe_model(model: type[BaseModel], *, tool: str) -> Described:
    """Read the fields and docstring of a pydantic model.

    Raises:
        InvalidTool: a field can't be described in JSON Schema.
    """
    from pydantic import PydanticUserError

    if model not in _models:
        try:
            parameters = minimal_schema(model)
        except PydanticUserError as error:
            reason = str(error).splitlines()[0]
            raise InvalidTool(f"a field of {tool!r} can't be described in JSON: {reason}", tool=tool) from error
        _models[model] = Described(read_docstring(model.__doc__)[0], parameters)
    return _models[model]


def _read_function(function: Callable[..., Any], tool: str) -> Described:
    arguments = read_signature(function, tool=tool)
    plain = plain_function(function)
    of_object = "" if plain is function or isinstance(function, partial) else type(function).__doc__
    description, described = read_docstring(plain.__doc__ or of_object)
    parameters = arguments.schema
    for parameter, schema in parameters["properties"].items():
        if text := arguments.descriptions.get(parameter) or described.get(parameter):
            schema.pop("description", None)
            schema["description"] = text
    return Described(description, parameters, arguments.convert)

"""Function signature -> pydantic model of its arguments.

In comes a typed function; out comes a model that makes the schema, checks arguments and converts them. Knows nothing
of docstrings, and does not call the function.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from edge_lam.errors import InvalidTool
from edge_lam.tools.pydantic_schema import minimal_schema

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class Arguments:
    """The arguments of one function, as a pydantic model.

    Attributes:
        model: validates ``{parameter name: value}`` and refuses unknown names. Its fields are called `p0`, `p1`, … with
            the parameters' names as aliases, because pydantic keeps some names for itself (`schema`, `copy`, `_x`).
        parameters: the parameter name of each field.
        descriptions: by parameter name, from `Field(description=...)` or `Annotated[..., "text"]`.
        schema: JSON Schema of the arguments, without the descriptions of the docstring.
        resolved: fields whose default is a pydantic `Field(...)`, which the function must not see.
    """

    model: type[BaseModel]
    parameters: dict[str, str]
    descriptions: dict[str, str]
    schema: dict[str, Any]
    resolved: frozenset[str]

    def convert(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments for the function; what was left out is left to the function's own default.

        Raises:
            pydantic.ValidationError: an argument is missing, unknown or of the wrong type.
        """
        values = self.model.model_validate(arguments)
        given = values.model_fields_set | self.resolved
        return {name: getattr(values, field) for field, name in self.parameters.items() if field in given}


def plain_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that has the name, the annotations and the docstring: that in a partial, or an object's."""
    while isinstance(function, partial):
        function = function.func
    if not inspect.isroutine(function) and hasattr(function, "__wrapped__"):  # such as by functools.cache
        function = inspect.unwrap(function)
    return function if inspect.isroutine(function) else type(function).__call__


def read_signature(function: Callable[..., Any], *, tool: str) -> Arguments:
    """Build the arguments model of a typed function. What a partial has bound is not for the model to give.

    Raises:
        InvalidTool: a parameter has no type, or one that JSON can't carry; `*args`, `**kwargs` and positional-only
            parameters can't be named in a call; a function of Python's own that has no signature.
    """
    from pydantic import Field
    from pydantic.fields import FieldInfo

    hints = _hints(function, tool)
    parameters: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for index, parameter in enumerate(_parameters(function, tool)):
        _check_kind(parameter, hints, tool)
        default = ... if parameter.default is parameter.empty else parameter.default
        parameters[f"p{index}"] = parameter.name
        fields[f"p{index}"] = (Annotated[hints[parameter.name], Field(alias=parameter.name)], default)
    try:
        model, schema = _made(fields)
    except _unfit() as error:
        raise _unfit_parameter(fields, parameters, hints, tool) from error
    descriptions = {name: text for field, name in parameters.items() if (text := _description(model, field))}
    resolved = frozenset(field for field, (_, default) in fields.items() if isinstance(default, FieldInfo))
    return Arguments(model, parameters, descriptions, schema, resolved - _required(model))


def _parameters(function: Callable[..., Any], tool: str) -> list[inspect.Parameter]:
    """Return the parameters that a call gives."""
    bound: set[str] = set()
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise InvalidTool(f"{tool!r} does not say what it takes: {error}", tool=tool) from error
    while isinstance(function, partial):
        bound |= function.keywords.keys()
        function = function.func
    return [parameter for parameter in parameters if parameter.name not in bound]


def _hints(function: Callable[..., Any], tool: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(plain_function(function), include_extras=True)
    except Exception as error:  # evaluating an annotation written as a string can raise anything
        raise InvalidTool(f"the annotations of {tool!r} can't be read: {error}", tool=tool) from error


def _check_kind(parameter: inspect.Parameter, hints: dict[str, Any], tool: str) -> None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise InvalidTool(
            f"{tool!r} takes {parameter}, which a call can't fill",
            tool=tool,
            hint="give each parameter a name of its own",
        )
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise InvalidTool(f"parameter {parameter.name!r} of {tool!r} is positional-only", tool=tool)
    if parameter.name not in hints:
        of_a_class = parameter.name in ("self", "cls")
        typed = f"annotate it, such as {parameter.name}: str"
        hint = f"give the method of an object: x.{tool}" if of_a_class else typed
        raise InvalidTool(f"parameter {parameter.name!r} of {tool!r} has no type", tool=tool, hint=hint)


def _made(fields: dict[str, Any]) -> tuple[type[BaseModel], dict[str, Any]]:
    from pydantic import ConfigDict, create_model

    model = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
    return model, minimal_schema(model)


def _unfit() -> tuple[type[Exception], ...]:
    """Return what pydantic raises at a type or a constraint that it can't use."""
    from pydantic import PydanticUserError
    from pydantic_core import SchemaError

    return PydanticUserError, SchemaError, TypeError, ValueError


def _unfit_parameter(
    fields: dict[str, Any], parameters: dict[str, str], hints: dict[str, Any], tool: str
) -> InvalidTool:
    """Return the error that names the parameter that can't be described."""
    for field, name in parameters.items():
        if (error := _error_of({field: fields[field]})) is None:
            continue
        if (code := getattr(error, "code", None)) is None:  # such as a pattern with look-ahead, or a minimum of text
            reason = str(error).splitlines()[-1].strip().removeprefix("error: ")
            hint = "give a definition with it: Tool.from_schema(definition, function=...)"
            return InvalidTool(f"parameter {name!r} of {tool!r} can't be checked: {reason}", tool=tool, hint=hint)
        kind = getattr(hints[name], "__name__", str(hints[name]))
        advice = "before Python 3.12, take TypedDict from typing_extensions" if code == "typed-dict-version" else ""
        message = f"parameter {name!r} of {tool!r} has a type that JSON can't carry: {kind}"
        return InvalidTool(message, tool=tool, hint=advice)
    return InvalidTool(f"the parameters of {tool!r} can't be described in JSON Schema", tool=tool)


def _error_of(fields: dict[str, Any]) -> Exception | None:
    try:
        _made(fields)
    except _unfit() as error:
        return error
    return None


def _description(model: type[BaseModel], field: str) -> str:
    info = model.model_fields[field]
    texts = [extra for extra in info.metadata if isinstance(extra, str)]
    return info.description or (texts[0] if texts else "")


def _required(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, info in model.model_fields.items() if info.is_required())

"""Function signature -> pydantic model of its arguments.

In comes a typed function; out comes a model that makes the schema, checks arguments and converts them. Knows nothing
of docstrings, and does not call the function.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from edge_lam.errors import InvalidTool
from edge_lam.tools.pydantic_schema import minimal_schema

if TYPE_CHECKING:
    from pydantic import BaseModel, PydanticUserError


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


def read_signature(function: Callable[..., Any], *, tool: str) -> Arguments:
    """Build the arguments model of a typed function.

    Raises:
        InvalidTool: a parameter has no type, or one that JSON can't carry; `*args`, `**kwargs` and positional-only
            parameters can't be named in a call.
    """
    from pydantic import ConfigDict, Field, PydanticUserError, create_model
    from pydantic.fields import FieldInfo

    hints = _hints(function, tool)
    parameters: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for index, parameter in enumerate(inspect.signature(function).parameters.values()):
        _check_kind(parameter, hints, tool)
        default = ... if parameter.default is parameter.empty else parameter.default
        parameters[f"p{index}"] = parameter.name
        fields[f"p{index}"] = (Annotated[hints[parameter.name], Field(alias=parameter.name)], default)
    try:
        model = create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)
        schema = minimal_schema(model)
    except PydanticUserError as error:
        raise _unfit_type({name: hints[name] for name in parameters.values()}, tool) from error
    descriptions = {name: text for field, name in parameters.items() if (text := _description(model, field))}
    resolved = frozenset(field for field, (_, default) in fields.items() if isinstance(default, FieldInfo))
    return Arguments(model, parameters, descriptions, schema, resolved - _required(model))


def _hints(function: Callable[..., Any], tool: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, include_extras=True)
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
        raise InvalidTool(
            f"parameter {parameter.name!r} of {tool!r} has no type",
            tool=tool,
            hint=f"annotate it, such as {parameter.name}: str",
        )


def _unfit_type(hints: dict[str, Any], tool: str) -> InvalidTool:
    """Return the error that names the parameter whose type has no JSON Schema."""
    for name, hint in hints.items():
        if error := _schema_error(hint):
            kind = getattr(hint, "__name__", str(hint))
            old = error.code == "typed-dict-version"
            advice = "before Python 3.12, take TypedDict from typing_extensions" if old else ""
            message = f"parameter {name!r} of {tool!r} has a type that JSON can't carry: {kind}"
            return InvalidTool(message, tool=tool, hint=advice)
    return InvalidTool(f"the parameters of {tool!r} can't be described in JSON Schema", tool=tool)


def _schema_error(hint: Any) -> PydanticUserError | None:
    from pydantic import PydanticUserError, TypeAdapter

    try:
        TypeAdapter(hint).json_schema()
    except PydanticUserError as error:
        return error
    return None


def _description(model: type[BaseModel], field: str) -> str:
    info = model.model_fields[field]
    texts = [extra for extra in info.metadata if isinstance(extra, str)]
    return info.description or (texts[0] if texts else "")


def _required(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, info in model.model_fields.items() if info.is_required())

"""`response_format` in OpenAI's form -> the schema that a reply in text is held to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from edge_lam._util.extras import require
from edge_lam.errors import InvalidRequest, InvalidTool

if TYPE_CHECKING:
    from pydantic import BaseModel

NAME = "response_format"
ANY_OBJECT = {"type": "object"}
_OF_VALUES = ("const", "enum", "items", "prefixItems")  # without a type they speak of values that are no objects


@dataclass(frozen=True)
class ResponseFormat:
    """What a reply in text is held to.

    Attributes:
        schema: as the grammar enforces it.
        model: that the reply is an instance of, or None.
        is_object: whether the reply is an object, and not an array or a value.
    """

    schema: dict[str, Any]
    model: type[BaseModel] | None = None
    is_object: bool = True


def read_response_format(response_format: object) -> ResponseFormat | None:
    """Return what the reply is held to, None for plain text.

    Args:
        response_format: None, ``{"type": "text"}``, ``{"type": "json_object"}``, or ``{"type": "json_schema"}`` with
            the schema inside "json_schema" or beside the type; or a pydantic model. A schema without a type is that
            of an object, unless it speaks of an array or of values. One beside "json_object", as clients of
            llama-server and llama-cpp-python send it, holds as well.

    Raises:
        InvalidRequest: anything else, or a schema that can't be enforced; `param` is "response_format".
    """
    if response_format is None:
        return None
    if inspect.isclass(response_format):
        return _of_model(response_format)
    kind = response_format.get("type") if isinstance(response_format, Mapping) else None
    if not isinstance(response_format, Mapping) or kind not in ("text", "json_object", "json_schema"):
        hint = 'its type is "text", "json_object" or "json_schema"; or give a pydantic model'
        raise _refusal(f"unknown response_format {response_format!r}", hint=hint)
    if kind == "text":
        return None
    if kind == "json_object" and response_format.get("schema") is None:
        return ResponseFormat(ANY_OBJECT)
    inner = response_format.get("json_schema", response_format)
    if not isinstance(inner, Mapping) or not isinstance(inner.get("schema"), Mapping):
        raise _refusal("response_format holds no schema", hint='{"type": "json_schema", "json_schema": {"schema": …}}')
    return _checked(dict(inner["schema"]))


def try_out(schema: dict[str, Any], trial: Callable[[str], str | None]) -> None:
    """Refuse a schema that compiles, but takes too much to hold a reply to. See `formats.grammar.try_out`.

    Raises:
        InvalidRequest: `param` is "response_format".
    """
    from edge_lam.schema.limits import check_effort

    with _blaming_the_format():
        check_effort(schema, trial)


def refuse_beyond_gbnf(schema: dict[str, Any]) -> None:
    """Refuse a schema that llama.cpp's grammars can't hold whole: nothing checks a reply in text afterwards.

    Raises:
        InvalidRequest: `param` is "response_format"; names path and keyword.
    """
    from edge_lam.schema.gbnf import left_of

    for path, keyword in left_of(schema):
        hint = "a reply in text is held by the grammar alone; llguidance holds it"
        raise _refusal(f"{NAME}: {keyword!r} at {path or '/'} is beyond llama.cpp's grammars", hint=hint)


def _of_model(model: type[Any]) -> ResponseFormat:
    require("pydantic", "response formats made of classes", param=NAME)
    from pydantic import BaseModel

    from edge_lam.tools.described import describe_model

    if not issubclass(model, BaseModel):
        raise _refusal(f"response_format is no pydantic model: {model.__name__}")
    try:
        schema = describe_model(model, tool=model.__name__).parameters
    except InvalidTool as error:
        raise _refusal(error.message, hint=error.hint) from error
    return replace(_checked(schema), model=model)


def _checked(given: dict[str, Any]) -> ResponseFormat:
    from edge_lam.schema.compile import compile_schema, fault_of
    from edge_lam.schema.limits import first_error
    from edge_lam.schema.normalize import normalize_parameters, normalize_schema

    with _blaming_the_format():
        plain = normalize_schema(given)
        if is_object := _is_of_object(plain):
            plain = normalize_parameters(plain)
            if not plain["properties"]:  # without properties it means any object
                plain.setdefault("additionalProperties", True)
        compiled = compile_schema(plain)
        for support in compiled.support:
            if support.how in ("checked", "refused"):
                raise fault_of(support, hint="a reply in text is held by the grammar alone")
        if found := first_error([compiled.grammar]):
            raise found[1]
    return ResponseFormat(compiled.grammar, is_object=is_object)


def _is_of_object(schema: dict[str, Any]) -> bool:
    if "type" in schema:
        return "object" in schema["type"]  # a name or a list of them
    return not any(name in schema for name in _OF_VALUES)


@contextmanager
def _blaming_the_format() -> Iterator[None]:
    from edge_lam.schema.error import SchemaError

    try:
        yield
    except SchemaError as error:
        raise _refusal(f"{NAME}: {error}", hint=error.hint) from error


def _refusal(message: str, hint: str = "") -> InvalidRequest:
    return InvalidRequest(message, hint=hint, param=NAME)

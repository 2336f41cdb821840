"""What may be given as a tool -> `Tool`: a function, a pydantic model, a definition of any vendor, or one already."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, overload

from edge_lam._util.extras import require
from edge_lam.errors import InvalidTool
from edge_lam.tools.shapes import single_definitions
from edge_lam.tools.tool import Tool

if TYPE_CHECKING:
    from typing import TypeAlias

    from pydantic import BaseModel

    ToolLike: TypeAlias = "Tool | Callable[..., Any] | Mapping[str, Any] | type[BaseModel]"


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *, name: str | None = None, description: str | None = None, timeout: float | None = None, repeatable: bool = False
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool of the function below: ``@tool``, or ``@tool(name=..., timeout=...)``. It can be called as before.

    Arguments and errors are those of `Tool.from_function`.
    """

    def make(function: Callable[..., Any]) -> Tool:
        return Tool.from_function(function, **options)

    return make if function is None else make(function)


def as_tools(tools: Iterable[ToolLike] | None) -> list[Tool]:
    """Return `Tool` objects for tools, functions, pydantic models and definitions, in order.

    Raises:
        InvalidTool: one of them can't be read, or two have the same name.
    """
    result: dict[str, Tool] = {}
    for tool in map(as_tool, listed(tools)):
        if tool.name in result:
            raise InvalidTool(f"two tools are named {tool.name!r}", tool=tool.name, hint="names must differ")
        result[tool.name] = tool
    return list(result.values())


def listed(tools: Iterable[ToolLike] | None) -> list[ToolLike]:
    """Return tools as a list, unread; Gemini's lists of definitions are unfolded.

    Raises:
        InvalidTool: it is none.
    """
    if isinstance(tools, str | bytes | Mapping) or not isinstance(tools, Iterable | None):
        raise InvalidTool(f"tools must be a list, not {type(tools).__name__}")
    return [one for tool in tools or () for one in (single_definitions(tool) if isinstance(tool, Mapping) else [tool])]


def as_tool(value: ToolLike) -> Tool:
    """Return the `Tool` for a tool, function, pydantic model or definition.

    Raises:
        InvalidTool: it can't be read.
    """
    if isinstance(value, Tool):
        return value
    if isinstance(value, Mapping):
        return Tool.from_schema(value)
    if inspect.isclass(value):
        require("pydantic", "tools made of classes", param="tools")
        from pydantic import BaseModel

        if issubclass(value, BaseModel):
            return Tool.from_model(value)
    elif callable(value):
        return Tool.from_function(value)
    hint = "use a typed function, a pydantic model, a definition or a Tool"
    raise InvalidTool(f"{value!r} is not a tool", hint=hint)

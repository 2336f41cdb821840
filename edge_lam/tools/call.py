"""`ToolCall`: one call that a model asked for."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_lam.tools.tool import Tool


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: which tool, with which arguments.

    Attributes:
        id: unique within a conversation; a tool message answers it by this id.
        name: the tool's name as the model wrote it.
        arguments: decoded JSON.
        problems: what is wrong with it: an unknown tool, or arguments that don't fit the schema.
        tool: which is called, where it is known.
    """

    id: str
    name: str
    arguments: dict[str, Any]
    problems: tuple[str, ...] = ()
    tool: Tool | None = field(default=None, repr=False, compare=False)

    @property
    def parsed(self) -> Any:
        """The arguments as the tool gets them: an instance of a pydantic model, else a value for each by name.

        Raises:
            InvalidCall: they don't fit its parameters.
        """
        return self.arguments if self.tool is None else self.tool.parse(self.arguments)

    def to_openai(self) -> dict[str, Any]:
        """Return the OpenAI form, in which `arguments` is a JSON string."""
        arguments = json.dumps(self.arguments, ensure_ascii=False)
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": arguments}}


def new_call_id() -> str:
    """Return a fresh call id, such as ``call_3f2a…`` (32 hexadecimal digits)."""
    return f"call_{uuid.uuid4().hex}"

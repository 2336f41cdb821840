"""`ToolCall`: one call that a model asked for. Knows nothing of the tool behind it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call: which tool, with which arguments.

    Attributes:
        id: unique within a conversation; a tool message answers it by this id.
        name: the tool's name as the model wrote it.
        arguments: decoded JSON.
        problems: what is wrong with it: an unknown tool, or arguments that don't fit the schema.
    """

    id: str
    name: str
    arguments: dict[str, Any]
    problems: tuple[str, ...] = ()

    def to_openai(self) -> dict[str, Any]:
        """Return the OpenAI form, in which `arguments` is a JSON string."""
        arguments = json.dumps(self.arguments, ensure_ascii=False)
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": arguments}}


def new_call_id() -> str:
    """Return a fresh call id, such as ``call_3f2a…`` (32 hexadecimal digits)."""
    return f"call_{uuid.uuid4().hex}"

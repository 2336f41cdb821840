"""`Trajectory`: one conversation with its tools <-> the unified format of ActionStudio and AgentOhana.

In come messages and tools in any form, or a decoded object of a file; out come both in one form. Knows no files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest
from edge_lam.formats import normalize_messages
from edge_lam.formats.rows import conversation_of
from edge_lam.tools import Tool, as_tools

if TYPE_CHECKING:
    from edge_lam.formats.messages import Messages
    from edge_lam.tools.likes import ToolLike

FIELDS = ("unique_trajectory_id", "task_instruction", "tools", "conversation")

ROW_FIELDS = ("id", "system", "tools", "conversations", "query", "answers")  # of other data sets


@dataclass(frozen=True)
class Trajectory:
    """One conversation, and the tools that were there.

    Attributes:
        id: unique among the trajectories that are trained together.
        messages: in OpenAI's form, the arguments of calls as objects; ready for `LAM.chat` and `Agent`.
        tools: as they were listed to the model.
        extra: further fields of the format, such as "format_instruction", "few_shot_examples", "dataset" and "split";
            kept as they were read.
    """

    id: str
    messages: list[dict[str, Any]]
    tools: tuple[Tool, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, messages: Messages, tools: Iterable[ToolLike] | None = None, *, id: str | None = None) -> Trajectory:
        """Make a trajectory of a conversation.

        Args:
            messages: such as `AgentReply.messages`.
            tools: as for `LAM.chat`.
            id: by default made from the content, so that the same conversation gets the same one.

        Raises:
            InvalidRequest: a message that can't be read.
            InvalidTool: a tool that can't be read.
        """
        plain = _normalized(messages)
        listed = tuple(as_tools(tools))
        return cls(id or _id_of(plain, listed), plain, listed)

    @classmethod
    def from_dict(cls, value: object) -> Trajectory:
        """Read an object of the unified format, or a row of another data set that `formats.rows` knows.

        A conversation without a system message gets "task_instruction" as one, if it is not empty.

        Raises:
            InvalidRequest: a field is missing or wrong; the message names it, and so does `param`.
            InvalidTool: a tool that can't be read.
        """
        if not isinstance(value, Mapping):
            raise InvalidRequest(f"a trajectory must be an object, not {type(value).__name__}", param="trajectory")
        if "conversation" not in value and (row := conversation_of(value)) is not None:
            messages, tools = _normalized(row.messages), tuple(as_tools(row.tools))
            extra = {name: value[name] for name in value if name not in ROW_FIELDS}
            return cls(row.name or _id_of(messages, tools), messages, tools, extra)
        if "conversation" not in value:
            hint = "only conversations can be read" if "steps" in value else f"fields: {', '.join(FIELDS)}"
            raise InvalidRequest("conversation is missing", hint=hint, param="conversation")
        for name in ("unique_trajectory_id", "task_instruction"):
            if not isinstance(value.get(name), str | None):
                raise InvalidRequest(f"{name} must be text, not {type(value[name]).__name__}", param=name)
        conversation = value["conversation"]
        if not isinstance(conversation, list):
            raise InvalidRequest(
                f"conversation must be a list of messages, not {type(conversation).__name__}", param="conversation"
            )
        try:
            messages = _normalized(conversation)
        except InvalidRequest as error:
            raise InvalidRequest(f"conversation: {error.message}", hint=error.hint, param="conversation") from error
        instruction = value.get("task_instruction")
        if instruction and messages[0]["role"] != "system":
            messages.insert(0, {"role": "system", "content": instruction})
        tools = tuple(as_tools(value.get("tools")))
        extra = {name: value[name] for name in value if name not in FIELDS}
        return cls(value.get("unique_trajectory_id") or _id_of(messages, tools), messages, tools, extra)

    def to_dict(self) -> dict[str, Any]:
        """Return the object of the unified format, in plain JSON types.

        The system message stands in "task_instruction" and in the conversation; the arguments of calls are objects,
        since the published chat templates would encode strings once more.
        """
        first = self.messages[0]
        return {
            "unique_trajectory_id": self.id,
            "task_instruction": first["content"] if first["role"] == "system" else "",
            "format_instruction": None,
            "few_shot_examples": None,
            **self.extra,
            "tools": [tool.definition() for tool in self.tools],
            "conversation": self.messages,
        }


def _normalized(messages: Messages) -> list[dict[str, Any]]:
    plain = normalize_messages(messages)
    for index, message in enumerate(plain):
        ids = [call["id"] for call in message.get("tool_calls", ())]
        ids += [message[name] for name in ("tool_call_id", "name") if message.get(name) is not None]
        if any(not isinstance(id, str) for id in ids):
            raise InvalidRequest(f"messages[{index}] has an id or a name that is not text", param="messages")
    return plain


def _id_of(messages: list[dict[str, Any]], tools: Iterable[Tool]) -> str:
    content = json.dumps([messages, [tool.definition() for tool in tools]], sort_keys=True)
    return f"edge-lam---{hashlib.sha256(content.encode()).hexdigest()[:32]}"

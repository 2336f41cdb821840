"""`CallSyntax`: how one generation of models spells a reply with calls.

What varies between generations stands here once, for the grammar that writes it and the parser that reads it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class CallSyntax:
    """The shape of a reply with calls: maybe a thought, then opening, calls with separators between them, closing.

    Attributes:
        opening: what stands before the first call.
        closing: what stands behind the last call.
        separator: what stands between two calls.
        name_key: the key of a call's tool name, its first.
        arguments_key: the key of a call's arguments, its second and last.
        thought_opening: what stands before a JSON string that is text for the user, ahead of `opening`; "" if there is
            no such string.
        plain_text: whether replies without calls are plain text. If not, a list without calls says that none is
            needed, and text is in the thought if there is one.
    """

    opening: str
    closing: str
    separator: str = ", "
    name_key: str = "name"
    arguments_key: str = "arguments"
    thought_opening: str = ""
    plain_text: bool = True

    @property
    def first(self) -> str:
        """What every reply with calls begins with: until a reply goes on beyond this, it may still be text."""
        opening = self.thought_opening or self.opening
        return '{"' if opening.startswith('{"') else opening

    @property
    def depth(self) -> int:
        """How many brackets are open where a call begins."""
        before = self.thought_opening + self.opening
        return before.count("[") + before.count("{")

    def call_opening(self, name: str) -> str:
        """Return what stands before the arguments of a call, such as ``{"name": "get_time", "arguments": ``."""
        return f"{{{json.dumps(self.name_key)}: {json.dumps(name)}, {json.dumps(self.arguments_key)}: "

    def reply(self, calls: Sequence[tuple[str, Mapping[str, Any]]], text: str = "") -> str:
        """Return a reply as the models were trained to write it; what it has no room for is left out.

        Args:
            calls: names and arguments.
            text: for the user: beside calls only where there is a thought, instead of them only in plain text.
        """
        if not calls and self.plain_text:
            return text
        thought = self.thought_opening + json.dumps(text, ensure_ascii=False) if self.thought_opening else ""
        written = [
            f"{self.call_opening(name)}{json.dumps(arguments, ensure_ascii=False)}}}" for name, arguments in calls
        ]
        return f"{thought}{self.opening}{self.separator.join(written)}{self.closing}"


# xLAM-2, both lines, and tiny-lam: text, or [{"name": "get_time", "arguments": {"city": "Oslo"}}].
ARRAY = CallSyntax(opening="[", closing="]")

# xLAM 1.0 function calling: {"tool_calls": [{"name": …, "arguments": {…}}]}, and {"tool_calls": []} for no call.
TOOL_CALLS = CallSyntax(opening='{"tool_calls": [', closing="]}", plain_text=False)

# xLAM 1.0 general and v0.1: {"thought": "text for the user", "tool_calls": [{"name": …, "arguments": {…}}]}.
THOUGHT_AND_TOOL_CALLS = CallSyntax(
    thought_opening='{"thought": ', opening=', "tool_calls": [', closing="]}", plain_text=False
)

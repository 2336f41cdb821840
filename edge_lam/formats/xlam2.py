"""xLAM-2, what its lines share: tools as indented JSON in the system message, calls as one bare JSON array."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_lam.formats.base import ChatFormat
from edge_lam.formats.syntax import ARRAY

if TYPE_CHECKING:
    from edge_lam.formats.messages import Messages
    from edge_lam.tools import Tool


INSTRUCTION = "When using tools, make calls in a single JSON array"


class XLam2(ChatFormat):
    """The formats of xLAM-2.

    The published templates drop the tool instruction when there is a system message, encode string arguments twice,
    and fail on null content; the own ones render what the published scores were made with.
    """

    syntax = ARRAY
    name_pattern = re.compile(r"xlam[-_ ]?2(?![a-z0-9])|tiny[-_ ]?lam", re.IGNORECASE)
    options = ("nested_tools",)

    def parts(self, messages: Messages, tools: Sequence[Tool] = ()) -> dict[str, str]:
        """Return the prompt's text by what takes the room: "system", "tools" and "messages"."""
        definitions = [json.dumps(self._definition(tool), ensure_ascii=False, indent=4) for tool in tools]
        tools_text = "".join(f"{definition}\n\n" for definition in definitions)
        prompt = self.render(messages, tools)
        before, found, after = prompt.partition(tools_text + self.end_of_turn)
        if not found:  # a carried template may write definitions in its own way
            before, tools_text, after = prompt, "", ""
        return {"system": before, "tools": tools_text, "messages": after}

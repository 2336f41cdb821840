"""xLAM-2 on Qwen2.5 (xLAM-2-1b/3b/32b-fc-r, tiny-lam): ChatML, calls as one bare JSON array."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_lam.formats.base import ChatFormat
from edge_lam.formats.grammar import array_grammar
from edge_lam.formats.parser import ParsedReply, parse_reply

if TYPE_CHECKING:
    from edge_lam.formats.messages import Messages
    from edge_lam.tools import Tool


class XLam2Qwen(ChatFormat):
    """The format of xLAM-2 on Qwen2.5.

    The published template drops the tool instruction when there is a system message, encodes string arguments twice,
    and fails on null content; this format's own renders what the published scores were made with.
    """

    name = "xlam-2-qwen"
    end_of_turn = "<|im_end|>"
    call_opening = "["
    markers = ("<|im_start|>", "<|im_end|>")

    def parts(self, messages: Messages, tools: Sequence[Tool] = ()) -> dict[str, str]:
        """Return the prompt's text by what takes the room: "system", "tools" and "messages"."""
        definitions = [json.dumps(self._definition(tool), ensure_ascii=False, indent=4) for tool in tools]
        tools_text = "".join(f"{definition}\n\n" for definition in definitions)
        prompt = self.render(messages, tools)
        before, found, after = prompt.partition(tools_text + self.end_of_turn)
        if not found:  # a carried template may write definitions in its own way
            before, tools_text, after = prompt, "", ""
        return {"system": before, "tools": tools_text, "messages": after}

    def grammar(self, tools: Sequence[Tool], tool_choice: str = "auto", *, parallel: bool = True) -> str:
        """Return the llguidance grammar of a reply. See `ChatFormat.grammar`."""
        return array_grammar(tools, tool_choice, parallel=parallel)

    def parse(self, text: str, tools: Sequence[Tool], *, complete: bool = True) -> ParsedReply:
        """Read a reply. See `ChatFormat.parse`."""
        return parse_reply(text, tools, complete=complete)

"""xLAM 1.0, what its lines share: bracketed blocks in one user message, tools as a JSON list on one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edge_lam.errors import InvalidRequest
from edge_lam.formats.base import ChatFormat

if TYPE_CHECKING:
    from edge_lam.formats.messages import Messages
    from edge_lam.formats.template import Segment
    from edge_lam.tools import Tool

BLOCKS = ("TASK INSTRUCTION", "AVAILABLE TOOLS", "FORMAT INSTRUCTION", "QUERY")
HISTORY = "HISTORY STEPS"


def brackets(*blocks: str) -> tuple[str, ...]:
    """Return what opens and closes the blocks."""
    return tuple(f"[{edge} OF {block}]" for block in blocks for edge in ("BEGIN", "END"))


EDGES = brackets(*BLOCKS)
ENDS = (EDGES[-1], brackets(HISTORY)[-1])


class XLam1(ChatFormat):
    """The formats of xLAM 1.0.

    A tool's parameters are its properties alone, so that what is required is lost; the own templates mark it in the
    properties, as the leaderboard's prompts of that time did.

    A user message that is a whole prompt already, as the `build_prompt` of the models' cards makes it, is sent as it
    is: only what stands around its blocks is added.
    """

    options = ("mark_required",)

    def render_segments(self, messages: Messages, tools: Sequence[Tool] = ()) -> list[Segment]:
        """Render the prompt, cut at its control tokens. See `ChatFormat.render_segments`.

        Raises:
            InvalidRequest: the messages can't be rendered; a ready-made prompt leaves out one of the tools.
        """
        if not self._is_own or not (request := _only_message(messages)).endswith(ENDS):
            return super().render_segments(messages, tools)
        *bos, usual = super().render_segments("?")  # no control token but bos
        before, _, rest = usual.text.partition(EDGES[0])
        blocks = request.removeprefix(before)
        places = [blocks.find(edge) for edge in EDGES]
        if places[0] or places != sorted(places):
            return super().render_segments(messages, tools)
        tools_block = blocks[places[2] : places[3]]
        if missing := [tool.name for tool in tools if f'"{tool.name}"' not in tools_block]:
            raise InvalidRequest(f"the ready-made prompt leaves out the tool {missing[0]!r}", param="tools")
        after = rest.rpartition(EDGES[-1])[2]
        if not blocks.endswith(EDGES[-1]):
            after = after.removeprefix("\n")  # behind a history
        return [*bos, *self._template.as_text(f"{before}{blocks}{after}")]

    def _variables(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> dict[str, Any]:
        return super()._variables(messages, tools) | {"mark_required": self.mark_required}


def _only_message(messages: Messages) -> str:
    """Return what the user says, without white space around it, if that is all there is; else ""."""
    if isinstance(messages, str):
        return messages.strip()
    only = messages[0] if isinstance(messages, Sequence) and len(messages) == 1 else None
    content = only.get("content") if isinstance(only, Mapping) and only.get("role") == "user" else None
    return content.strip() if isinstance(content, str) else ""

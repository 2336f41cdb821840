"""xLAM 1.0, what its lines share: bracketed blocks in one user message, tools as a JSON list on one line."""

from __future__ import annotations

from typing import Any

from edge_lam.formats.base import ChatFormat

BLOCKS = ("TASK INSTRUCTION", "AVAILABLE TOOLS", "FORMAT INSTRUCTION", "QUERY")


def brackets(*blocks: str) -> tuple[str, ...]:
    """Return what opens and closes the blocks."""
    return tuple(f"[{edge} OF {block}]" for block in blocks for edge in ("BEGIN", "END"))


class XLam1(ChatFormat):
    """The formats of xLAM 1.0.

    A tool's parameters are its properties alone, so that what is required is lost; the own templates mark it in the
    properties, as the leaderboard's prompts of that time did.
    """

    options = ("mark_required",)

    def _variables(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> dict[str, Any]:
        return super()._variables(messages, tools) | {"mark_required": self.mark_required}

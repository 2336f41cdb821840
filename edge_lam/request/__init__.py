"""What one call asks for: options in any form that clients write, checked, and brought into one.

Nothing is rendered, tokenized or compiled here: a `Request` is what the engine starts from.
"""

from __future__ import annotations

from edge_lam.request.request import ChatOptions, ReplyOptions, Request
from edge_lam.request.tool_choice import ToolChoice

__all__ = ["ChatOptions", "ReplyOptions", "Request", "ToolChoice"]

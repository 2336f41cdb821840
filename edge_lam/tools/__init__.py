"""Tools: what a model may call, from functions, pydantic models, JSON Schema or any vendor's dict.

In goes what people have; out come `Tool` objects with one flat definition each, and `ToolCall` for what a model asked.
"""

from __future__ import annotations

from edge_lam.tools.call import ToolCall, new_call_id
from edge_lam.tools.files import load_tools, pick_tools
from edge_lam.tools.likes import as_tools
from edge_lam.tools.tool import Tool

__all__ = ["Tool", "ToolCall", "as_tools", "load_tools", "new_call_id", "pick_tools"]

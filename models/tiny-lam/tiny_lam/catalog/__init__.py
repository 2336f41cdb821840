"""The hand-written tools that tiny-lam is trained and evaluated on."""

from __future__ import annotations

from tiny_lam.catalog import demo, everyday, work, world
from tiny_lam.spec import ToolSpec

DEMO: list[ToolSpec] = demo.TOOLS
TRAINED: list[ToolSpec] = [*everyday.TOOLS, *world.TOOLS, *work.TOOLS]
HELD_OUT: list[ToolSpec] = [*everyday.HELD_OUT_TOOLS, *world.HELD_OUT_TOOLS, *work.HELD_OUT_TOOLS]

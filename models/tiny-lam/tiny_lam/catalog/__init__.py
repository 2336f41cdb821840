"""The hand-written tools that tiny-lam is trained and evaluated on.

`phrasings/*.txt` hold further patterns, a section to a tool. Who wrote them saw the tools and what training had, none of
the held-out phrasings; lines close to one of these were left out.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tiny_lam.catalog import demo, everyday, more_demo, more_others, speech, work, world
from tiny_lam.phrasings import check
from tiny_lam.sections import read_sections
from tiny_lam.spec import ToolSpec

PHRASINGS = [read_sections(file) for file in sorted((Path(__file__).parent / "phrasings").glob("*.txt"))]


def _with_more(tools: list[ToolSpec]) -> list[ToolSpec]:
    tables = (more_demo.MORE, more_others.MORE, speech.MORE, *PHRASINGS)
    patterns = {tool.name: tuple(text for table in tables for text in table.get(tool.name, ())) for tool in tools}
    for tool in tools:
        check(tool, patterns[tool.name])
    return [replace(tool, more=patterns[tool.name]) for tool in tools]


DEMO: list[ToolSpec] = _with_more(demo.TOOLS)
TRAINED: list[ToolSpec] = _with_more([*everyday.TOOLS, *world.TOOLS, *work.TOOLS])
HELD_OUT: list[ToolSpec] = [*everyday.HELD_OUT_TOOLS, *world.HELD_OUT_TOOLS, *work.HELD_OUT_TOOLS]

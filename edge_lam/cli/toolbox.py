"""The tools of `call` and `chat`: which they are, whether they can be run, and the timers they start."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from edge_lam.cli.terminal import console, one_line

if TYPE_CHECKING:
    from edge_lam.lam import LAM
    from edge_lam.tools import Tool


def find_tools(sources: Sequence[str]) -> list[Tool]:
    """Load the tools that `--tools` names, all together; none stands for those of the demo, whose timers ring here."""
    from edge_lam.tools import as_tools, load_tools

    if sources:
        return as_tools(tool for source in sources for tool in load_tools(source))
    from edge_lam.demo_tools import DEMO_TOOLS, timer

    timer.notify = _ring
    return as_tools(DEMO_TOOLS)


def usable_tools(lam: LAM, tools: list[Tool], sources: Sequence[str]) -> list[Tool]:
    """Return the tools for a model: none, instead of those of the demo, where its template has no place for any."""
    if sources or lam.info.renders_tools:
        return tools
    note = "note: this model's template has no place for tools; it answers in text"
    console(stderr=True).print(note, style="yellow", soft_wrap=True)
    return []


def without_function(tools: list[Tool]) -> list[str]:
    """Return the names of the tools that can be called but not run."""
    return [tool.name for tool in tools if tool.function is None]


def warn_of_timers(end: str) -> None:
    """Say that timers still run, if they do, and what they end with."""
    timer = sys.modules.get("edge_lam.demo_tools.timer")
    if timer and timer.running():
        console(stderr=True).print(f"note: timers that have not rung end with {end}", soft_wrap=True)


def _ring(text: str) -> None:
    out = console(stderr=True)
    if out.is_terminal:
        out.bell()
    out.print(f"\n* {one_line(text)}", style="bold")

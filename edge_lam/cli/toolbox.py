"""The tools of `call` and `chat`: which they are, whether they can be run, and the timers they start."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from edge_lam.cli.terminal import console, one_line

if TYPE_CHECKING:
    from edge_lam.cli.request_options import ToolOptions
    from edge_lam.errors import InvalidTool
    from edge_lam.lam import LAM
    from edge_lam.tools import Tool


def find_tools(options: ToolOptions) -> list[Tool]:
    """Load the tools that `--tools` names, all together; none stands for those of the demo, whose timers ring here."""
    from edge_lam.tools import pick_tools
    from edge_lam.tools.files import read_tools

    if options.sources:
        values = [value for source in options.sources for value in read_tools(source)]
    else:
        from edge_lam.demo_tools import DEMO_TOOLS, timer

        timer.notify = _ring
        values = list(DEMO_TOOLS)
    on_bad = _print_left_out if options.skip_bad else None
    return pick_tools(values, allow=options.allow, deny=options.deny, on_bad=on_bad)


def usable_tools(lam: LAM, tools: list[Tool], options: ToolOptions) -> list[Tool]:
    """Return the tools for a model: none, instead of those of the demo, where its template has no place for any."""
    if not (options.sources or lam.info.renders_tools):
        note = "note: this model's template has no place for tools; it answers in text"
        console(stderr=True).print(note, style="yellow", soft_wrap=True)
        return []
    return lam.usable_tools(tools, _print_left_out) if options.skip_bad else tools


def _print_left_out(error: InvalidTool) -> None:
    console(stderr=True).print(f"note: left out: {one_line(str(error))}", style="yellow", soft_wrap=True)


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

"""Rounds of tools whose calls come from a test."""

from __future__ import annotations

from edge_lam.agent.cancellation import Cancellation
from edge_lam.agent.repeats import Repeats
from edge_lam.agent.round import Round, ToolBox
from edge_lam.tools import ToolCall, as_tools


def call(name, nth=0, /, **arguments):
    return ToolCall(f"call_{name}_{nth}", name, arguments)


def round_of(calls, tools, *, repeats=None, cancelled=None, **options):
    box = ToolBox({tool.name: tool for tool in as_tools(tools)}, **options)
    return Round(calls, box, repeats or Repeats(), cancelled or Cancellation(), None)


def run(calls, tools, **options):
    """Return the events and the results."""
    calls = round_of(calls, tools, **options)
    events = list(calls.run())
    return events, calls.results

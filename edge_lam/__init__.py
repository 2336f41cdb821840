"""edge-lam: function calling on the device. `load()` a model, `chat()` with it, or let an `Agent` run your tools.

Names are imported when they are first used, so that `import edge_lam` costs nothing.
"""

from __future__ import annotations

import os
from importlib import import_module

TYPE_CHECKING = False  # that of typing, which takes a third of the time of all that is imported here
if TYPE_CHECKING:
    from edge_lam import errors
    from edge_lam.agent import Agent, AgentFinished, AgentReply, ToolFinished, ToolStarted
    from edge_lam.decoding import TokenLogprob, TopLogprob
    from edge_lam.engine import (
        ArgumentsDelta,
        CallDropped,
        CallFinished,
        CallStarted,
        Reply,
        ReplyFinished,
        TextDelta,
        ThinkingDelta,
    )
    from edge_lam.lam import LAM
    from edge_lam.llama.plan import MemoryPlan
    from edge_lam.loading.load import load
    from edge_lam.loading.planning import plan
    from edge_lam.metrics import CallReport
    from edge_lam.stream import EventStream
    from edge_lam.tools import Tool, ToolCall, load_tools
    from edge_lam.tools.likes import tool

    __version__: str

__all__ = [
    "LAM",
    "Agent",
    "AgentFinished",
    "AgentReply",
    "ArgumentsDelta",
    "CallDropped",
    "CallFinished",
    "CallReport",
    "CallStarted",
    "EventStream",
    "MemoryPlan",
    "Reply",
    "ReplyFinished",
    "TextDelta",
    "ThinkingDelta",
    "TokenLogprob",
    "Tool",
    "ToolCall",
    "ToolFinished",
    "ToolStarted",
    "TopLogprob",
    "__version__",
    "errors",
    "load",
    "load_tools",
    "plan",
    "tool",
]

_HOMES = {
    "edge_lam.agent": ("Agent", "AgentFinished", "AgentReply", "ToolFinished", "ToolStarted"),
    "edge_lam.decoding": ("TokenLogprob", "TopLogprob"),
    "edge_lam.engine": (
        "ArgumentsDelta",
        "CallDropped",
        "CallFinished",
        "CallStarted",
        "Reply",
        "ReplyFinished",
        "TextDelta",
        "ThinkingDelta",
    ),
    "edge_lam.lam": ("LAM",),
    "edge_lam.loading.load": ("load",),
    "edge_lam.llama.plan": ("MemoryPlan",),
    "edge_lam.metrics": ("CallReport",),
    "edge_lam.loading.planning": ("plan",),
    "edge_lam.stream": ("EventStream",),
    "edge_lam.tools": ("Tool", "ToolCall", "load_tools"),
    "edge_lam.tools.likes": ("tool",),
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value: object = version("edge-lam")
        except PackageNotFoundError:  # run from a source tree that is not installed
            value = "unknown"
    elif name == "errors":
        value = import_module("edge_lam.errors")
    else:
        home = next((home for home, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module 'edge_lam' has no attribute {name!r}")
        value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if os.environ.get("EDGE_LAM_DEBUG", "0") != "0":  # in any program, from its first import on
    import_module("edge_lam._util.debug").show_debug_lines()

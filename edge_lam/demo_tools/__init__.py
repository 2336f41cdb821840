"""The tools of `edge-lam demo`: eight typed functions that do real things on this machine.

In come the arguments of a call, out goes a small dict that reads well in an answer. Names, descriptions and
parameters are exactly those that tiny-lam was trained on. Errors are exceptions whose text says what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_lam.demo_tools.arithmetic import calculate
from edge_lam.demo_tools.clock import get_time
from edge_lam.demo_tools.device import get_status
from edge_lam.demo_tools.folder import list_folder
from edge_lam.demo_tools.notes import add_note, read_notes
from edge_lam.demo_tools.timer import set_timer
from edge_lam.demo_tools.units import convert_units

__all__ = [
    "DEMO_TOOLS",
    "add_note",
    "calculate",
    "convert_units",
    "get_status",
    "get_time",
    "list_folder",
    "read_notes",
    "set_timer",
]

DEMO_TOOLS: list[Callable[..., dict[str, Any]]] = [
    get_time,
    convert_units,
    calculate,
    get_status,
    list_folder,
    set_timer,
    add_note,
    read_notes,
]

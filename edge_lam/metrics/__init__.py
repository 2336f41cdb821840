"""What a call cost: the report, its log, and readers of what process and machine tell."""

from __future__ import annotations

from edge_lam.metrics.log import CallLog
from edge_lam.metrics.memory import ProcessMemory, memory_limit, process_memory, proportional_memory
from edge_lam.metrics.meter import Meter, Reading
from edge_lam.metrics.report import CallReport, Machine, Memory, Passes, Times, Tokens

__all__ = [
    "CallLog",
    "CallReport",
    "Machine",
    "Memory",
    "Meter",
    "Passes",
    "ProcessMemory",
    "Reading",
    "Times",
    "Tokens",
    "memory_limit",
    "process_memory",
    "proportional_memory",
]

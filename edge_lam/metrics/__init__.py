"""What a call cost: the report, its log, and readers of process memory."""

from __future__ import annotations

from edge_lam.metrics.log import CallLog
from edge_lam.metrics.memory import ProcessMemory, memory_limit, process_memory
from edge_lam.metrics.report import CallReport, Memory, Passes, Times, Tokens

__all__ = [
    "CallLog",
    "CallReport",
    "Memory",
    "Passes",
    "ProcessMemory",
    "Times",
    "Tokens",
    "memory_limit",
    "process_memory",
]

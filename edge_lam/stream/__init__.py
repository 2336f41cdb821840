"""Events that one thread makes and another thread or coroutine reads, and the result that they add up to."""

from __future__ import annotations

from edge_lam.stream.channel import Channel
from edge_lam.stream.stream import EventStream

__all__ = ["Channel", "EventStream"]

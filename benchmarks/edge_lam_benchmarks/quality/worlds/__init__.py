"""Small worlds with state, and what scripted users want of them: one module each."""

from __future__ import annotations

from edge_lam_benchmarks.quality.worlds import calendar, home, orders
from edge_lam_benchmarks.quality.worlds.episode import Action, Episode, World

__all__ = ["EPISODES", "Action", "Episode", "World"]

EPISODES: dict[str, tuple[Episode, ...]] = {
    "home": home.EPISODES,
    "calendar": calendar.EPISODES,
    "orders": orders.EPISODES,
}
"""The episodes of each world."""

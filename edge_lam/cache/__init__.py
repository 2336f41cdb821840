"""Prefix cache: what is already computed of a prompt is not computed again. Knows token ids, nothing of tools."""

from __future__ import annotations

from edge_lam.cache.live import LiveSequence

__all__ = ["LiveSequence"]

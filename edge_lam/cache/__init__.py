"""Prefix cache: what is already computed of a prompt is not computed again.

Three tiers: the slots of the context, states in memory, states on disk.
"""

from __future__ import annotations

from edge_lam.cache.fingerprint import fingerprint, state_key
from edge_lam.cache.folder import prefix_files, prefix_folder, trim
from edge_lam.cache.prefix_file import BakedFile, Prefix, PrefixHeader, read_header, read_prefix, write_prefix
from edge_lam.cache.slot import MIN_PREFIX, PrefixMatch, Slot, Slots, common_length
from edge_lam.cache.store import PrefixStore

__all__ = [
    "MIN_PREFIX",
    "BakedFile",
    "Prefix",
    "PrefixHeader",
    "PrefixMatch",
    "PrefixStore",
    "Slot",
    "Slots",
    "common_length",
    "fingerprint",
    "prefix_files",
    "prefix_folder",
    "read_header",
    "read_prefix",
    "state_key",
    "trim",
    "write_prefix",
]

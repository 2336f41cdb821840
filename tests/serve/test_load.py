"""A small part of `tests/serve/load.py`, which drives hundreds of connections for minutes."""

from __future__ import annotations

from pathlib import Path

from tests.amount import IS_THOROUGH
from tests.serve.load import AT_ONCE, load


def test_a_load_leaves_nothing_wrong_lost_or_behind_and_a_killed_server_starts_warm(tmp_path: Path) -> None:
    verdict = load(tmp_path, 12, 2.0 if IS_THOROUGH else 0.7, at_once=AT_ONCE if IS_THOROUGH else 32)
    assert verdict.tally.faults == []
    assert verdict.tally.counts["right"] > 0
    assert verdict.is_good, verdict

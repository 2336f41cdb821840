"""A small part of the campaign that `make test-hostile` runs: the same cases each time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from campaign import run

CASES = {"gguf": 150, "loaded": 60, "checkpoint": 15, "documents": 100, "prefix": 60}
FOLDER = Path(__file__).parent


@pytest.mark.parametrize("kind", CASES)
def test_no_damaged_file_does_harm(kind: str) -> None:
    tally = run(kind, "test", CASES[kind])
    assert tally.failures == []
    assert sum(tally.outcomes.values()) == CASES[kind]
    assert tally.outcomes["refused"] or tally.outcomes["read"]


@pytest.mark.parametrize("kind", ["cache", "log", "chat", "trajectories", "imatrix", "convert"])
def test_a_killed_writer_leaves_files_whole(kind: str) -> None:
    command = [sys.executable, FOLDER / "kills.py", "--kind", kind, "--kills", "12", "--seed", "test"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_callers_side_by_side_lose_nothing_and_get_their_own_answers():
    command = [sys.executable, FOLDER / "soak.py", "--minutes", "0.1", "--restart", "0.05"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr

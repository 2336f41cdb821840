"""A small part of the campaign that `make test-hostile` runs: the same cases each time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from campaign import Tally, run

CASES = {
    **{"gguf": 90, "loaded": 60, "checkpoint": 15, "documents": 100, "prefix": 60},
    **{"adapter": 40, "imatrix": 100, "baked": 20, "config": 60, "template": 10, "http": 60, "results": 30},
}
FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def tallies() -> dict[str, Tally]:
    """What became of all cases; one child tries as many of them as it survives."""
    tallies = {kind: Tally() for kind in CASES}
    run("test", CASES, tallies)
    return tallies


@pytest.mark.parametrize("kind", CASES)
def test_no_damaged_file_does_harm(kind: str, tallies: dict[str, Tally]) -> None:
    tally = tallies[kind]
    assert tally.failures == []
    assert sum(tally.outcomes.values()) == CASES[kind]
    assert tally.outcomes["refused"] or tally.outcomes["read"]


def test_killed_writers_leave_files_whole():
    # The others write as these do, and take longer to begin with it.
    kinds = ["cache", "conversations", "log", "log --prune", "notes", "chat", "trajectories", "config", "imatrix"]
    chosen = [word for kind in [*kinds, "convert"] for word in ("--kind", kind)]
    run_script("kills.py", "--kills", "3", "--seed", "test", *chosen)


def test_odd_homes_get_an_answer_or_one_line():
    homes = ["read-only", "HOME=/dev/null", "no HOME, no such user", "XDG folders are a file"]
    chosen = [word for home in homes for word in ("--home", home)]
    run_script("odd_homes.py", *chosen, "--command", "info", "--command", "config")


def test_too_few_addresses_are_one_line():
    run_script("address_space.py", "--command", "call", "--from", "176", "--to", "296", "--step", "120")


@pytest.mark.parametrize("target", ["gguf", "replies", "tools"])
def test_what_the_fuzzer_begins_with_and_what_it_found_is_read(target):
    run_script("fuzz.py", target, *sorted((FOLDER / "corpus" / target).iterdir()))


def test_callers_side_by_side_lose_nothing_and_get_their_own_answers():
    run_script("soak.py", "--minutes", "0", "--restart", "0")


def run_script(name, *words):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, FOLDER / name, *words], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr

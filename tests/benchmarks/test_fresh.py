"""A function in a new process: its result, its error, and how it ended where it left neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_lam.errors import EdgeLamError
from edge_lam_benchmarks.fresh import run_fresh

MODULE = """
import os, signal, sys
from edge_lam.errors import EdgeLamError

def double(number, started):
    return 2 * number

def refuse(started):
    raise EdgeLamError("this is not to be had")

def crash(started):
    os.kill(os.getpid(), signal.SIGSEGV)

def leave(started):
    sys.stderr.flush()
    os._exit(7)
"""


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that the new process finds where this one does."""
    (tmp_path / "for_a_new_process.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_gives_the_result() -> None:
    assert run_fresh("for_a_new_process:double", {"number": 21}) == 42


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("refuse", "this is not to be had"),
        ("crash", r"died with SIGSEGV, in crash \(.*for_a_new_process.py, line 12\)"),
        ("leave", "exit code 7"),
    ],
)
def test_says_how_it_ended(function: str, reason: str) -> None:
    with pytest.raises(EdgeLamError, match=reason):
        run_fresh(f"for_a_new_process:{function}", {})

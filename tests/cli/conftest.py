"""How the tests of the terminal run `edge-lam`."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_lam.cli.main import run
from edge_lam.demo_tools import timer

# One tool with few possible calls, so that any weights complete one within some tokens.
LAMP = '''
from typing import Literal

def set_lamp(state: Literal["on", "off"]) -> dict:
    """Switch the lamp."""
    return {"lamp": state}
'''


@dataclass(frozen=True)
class Run:
    """What one command line printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def edge_lam(capsys, monkeypatch) -> Callable[..., Run]:
    """Run one command line in this process, outside of any terminal."""

    def call(*args: object, stdin: str = "") -> Run:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = run([str(arg) for arg in args])
        timer.cancel_all()
        return Run(code, *capsys.readouterr())

    return call


@pytest.fixture
def edge_lam_process() -> Callable[..., subprocess.Popen[str]]:
    """Start one command line in a process of its own."""

    def start(*args: object, **options: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "edge_lam", *map(str, args)]
        return subprocess.Popen(command, text=True, **options)

    return start


@pytest.fixture
def lamp(tmp_path) -> Path:
    """A tools file with one tool."""
    path = tmp_path / "lamp.py"
    path.write_text(LAMP)
    return path

"""The checks of other devices: what is not there yet is said in one line, at once, and is no failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("name", ["arm", "vulkan", "pythons"])
def test_what_was_not_built_is_skipped_in_one_line(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--if-built", *(["3.99"] if name == "pythons" else [])]
    environment = os.environ | {"HOME": str(tmp_path), "EDGE_LAM_WHEELS": str(tmp_path / "wheels")}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.stdout.startswith(f"test-{name} skipped: ")
    assert (run.returncode, run.stdout.count("\n"), run.stderr) == (0, 1, "")

"""What the README shows works as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_python_example_runs(tmp_path):
    code = re.search(r"```python\n(import edge_lam\n.+?)```", README, re.DOTALL)
    assert code
    done = subprocess.run(
        [sys.executable, "-c", code[1]], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    call, cost, answer = done.stdout.splitlines()
    assert call == "get_time {'city': 'Oslo'}"
    assert re.fullmatch(r"\d+ ms, \d+ passes", cost)
    assert "14:05" in answer


def test_every_command_is_listed():
    from edge_lam.cli.main import COMMANDS

    listed = re.findall(r"^\| `edge-lam (\w+)", README, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)

"""The example runs as it stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_agent_example_runs(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "examples/agent.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "EDGE_LAM_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    log = (tmp_path / "calls.jsonl").read_text()
    assert '"n_tools": 3' in log

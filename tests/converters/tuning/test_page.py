"""docs/tune.md: its programs and commands run, one after the other, as they stand there. Needs torch and peft."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

for package in ("torch", "transformers", "peft"):
    pytest.importorskip(package)

ROOT = Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"^```(python)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_loop_runs(tmp_path):
    page = (ROOT / "docs/tune.md").read_text(encoding="utf-8")
    (tmp_path / "my-base").symlink_to(ROOT / "models/tiny-lam/checkpoint")
    command = tmp_path / "edge-lam"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m edge_lam "$@"\n')
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HF_HUB_OFFLINE": "1"}
    said = []
    for language, text in BLOCK.findall(page)[1:-1]:  # the first installs, the last says the third again
        if "TOOLS = [" in text:
            (tmp_path / "my_tools.py").write_text(text)
            continue
        shell = [sys.executable, "-c", text] if language else ["sh", "-ec", text]
        done = subprocess.run(
            shell, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=600
        )
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        said.append(done.stdout)
    report = (tmp_path / "my-lora/report.md").read_text()
    assert "| general (the demo's tools) | 32 |" in report
    assert re.fullmatch(r"mine \{.+\}\nthe base \{.+\}\n", said[-1])

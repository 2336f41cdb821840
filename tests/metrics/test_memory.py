"""Readers of process memory and container limits."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from edge_lam.metrics import memory, memory_limit, process_memory
from edge_lam.metrics.memory import machine_memory


def test_memory_grows_with_what_is_held():
    before = process_memory()
    held = np.ones(8_000_000)
    after = process_memory()
    assert after.resident - before.resident > 0.9 * held.nbytes
    assert after.peak >= after.resident
    size = held.nbytes
    del held
    freed = process_memory()
    assert freed.peak > freed.resident + 0.8 * size


def test_resident_is_of_this_process():
    assert process_memory().resident == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc stands in for psutil")
def test_the_system_tells_the_same_without_psutil(monkeypatch):
    told = machine_memory(), process_memory()
    monkeypatch.setattr(memory, "is_installed", lambda package: False)
    machine, process = machine_memory(), process_memory()
    assert machine == pytest.approx(told[0], rel=0.2)
    assert process.resident == pytest.approx(told[1].resident, rel=0.2)
    assert process.peak >= process.resident


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_tightest_group_above_the_process_binds(tmp_path):
    write(tmp_path / "proc/self/cgroup", "0::/app/worker\n")
    write(tmp_path / "sys/fs/cgroup/app/memory.max", "1000000\n")
    write(tmp_path / "sys/fs/cgroup/app/worker/memory.max", "max\n")
    write(tmp_path / "sys/fs/cgroup/other/memory.max", "5\n")
    assert memory_limit(tmp_path) == 1_000_000
    write(tmp_path / "sys/fs/cgroup/app/worker/memory.max", "2000\n")
    assert memory_limit(tmp_path) == 2000


def test_version_1_is_read_too(tmp_path):
    write(tmp_path / "proc/self/cgroup", "5:cpu,cpuacct:/a\n7:memory:/docker/x\n")
    write(tmp_path / "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert memory_limit(tmp_path) is None
    write(tmp_path / "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "4096000\n")
    assert memory_limit(tmp_path) == 4_096_000


def test_no_groups_no_limit(tmp_path):
    assert memory_limit(tmp_path) is None

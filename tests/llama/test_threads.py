"""The number of threads, on machines made of files: hyperthreads, hybrids, ARM, containers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.llama.threads import cpu_quota, default_threads, physical_cores


@pytest.fixture(autouse=True)
def no_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGE_LAM_THREADS", raising=False)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content + "\n")
    return root


def topology(siblings: dict[int, str]) -> dict[str, str]:
    return {f"sys/devices/system/cpu/cpu{cpu}/topology/core_cpus_list": cores for cpu, cores in siblings.items()}


def test_hyperthreads_count_once(tmp_path: Path) -> None:
    root = write(tmp_path, topology({0: "0,4", 1: "1,5", 2: "2,6", 3: "3,7", 4: "0,4", 5: "1,5", 6: "2,6", 7: "3,7"}))
    assert physical_cores(range(8), root) == (4, "4 physical cores of 8 logical CPUs")
    assert physical_cores([0, 4], root) == (1, "1 physical cores of 2 logical CPUs")
    assert physical_cores([0, 1, 2], root) == (3, "3 physical cores")


def test_an_old_kernel_names_siblings_otherwise(tmp_path: Path) -> None:
    base = "sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    root = write(tmp_path, {base.format(0): "0-1", base.format(1): "0-1"})
    assert physical_cores([0, 1], root)[0] == 1


def test_without_topology_every_cpu_counts(tmp_path: Path) -> None:
    assert physical_cores([0, 1, 2], tmp_path) == (3, "3 physical cores")


def test_intel_hybrid_uses_its_p_cores(tmp_path: Path) -> None:
    cores = {0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"} | {cpu: str(cpu) for cpu in range(4, 12)}
    root = write(tmp_path, topology(cores) | {"sys/devices/cpu_core/cpus": "0-3"})
    assert physical_cores(range(12), root) == (2, "2 performance cores of 12 logical CPUs")
    assert physical_cores(range(4, 12), root) == (8, "8 physical cores")


def test_arm_leaves_out_the_little_cores(tmp_path: Path) -> None:
    capacities = {0: 325, 1: 325, 2: 325, 3: 325, 4: 871, 5: 871, 6: 871, 7: 1024}
    files = {f"sys/devices/system/cpu/cpu{cpu}/cpu_capacity": str(value) for cpu, value in capacities.items()}
    root = write(tmp_path, topology({cpu: str(cpu) for cpu in range(8)}) | files)
    assert physical_cores(range(8), root) == (4, "4 performance cores of 8 logical CPUs")


def test_quota_of_cgroup_2_is_the_smallest_up_the_tree(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/slice/box",
            "sys/fs/cgroup/slice/cpu.max": "150000 100000",
            "sys/fs/cgroup/slice/box/cpu.max": "max 100000",
        },
    )
    assert cpu_quota(root) == 1.5


def test_quota_inside_a_container_is_that_of_the_mount(tmp_path: Path) -> None:
    root = write(tmp_path, {"proc/self/cgroup": "0::/docker/abc", "sys/fs/cgroup/cpu.max": "50000 100000"})
    assert cpu_quota(root) == 0.5


def test_quota_of_cgroup_1(tmp_path: Path) -> None:
    files = {"proc/self/cgroup": "5:memory:/box\n4:cpu,cpuacct:/box\n3:cpuset:/box\nnonsense"}
    base = "sys/fs/cgroup/cpu,cpuacct/box"
    root = write(tmp_path, files | {f"{base}/cpu.cfs_quota_us": "200000", f"{base}/cpu.cfs_period_us": "100000"})
    assert cpu_quota(root) == 2.0
    write(root, {f"{base}/cpu.cfs_quota_us": "-1"})
    assert cpu_quota(root) is None


def test_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no affinity and no cgroups")
def test_a_quota_bounds_the_choice(tmp_path: Path) -> None:
    usable = len(os.sched_getaffinity(0))
    root = write(tmp_path, {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "50000 100000"})
    choice = default_threads(root)
    assert (choice.n, choice.reason) == (1, f"CPU quota of 0.5 ({usable} physical cores)")
    write(root, {"sys/fs/cgroup/cpu.max": "9900000 100000"})
    assert default_threads(root).n == usable


def test_this_machine_gets_at_most_its_physical_cores() -> None:
    choice = default_threads()
    assert 1 <= choice.n <= (psutil.cpu_count(logical=False) or os.cpu_count() or 1)
    assert choice.reason


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_LAM_THREADS", "3")
    assert (default_threads().n, default_threads().reason) == (3, "set by EDGE_LAM_THREADS")
    for wrong in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("EDGE_LAM_THREADS", wrong)
        with pytest.raises(InvalidRequest, match="EDGE_LAM_THREADS must be a positive whole number"):
            default_threads()

"""NVIDIA's GPUs through a real library with NVML's functions, and without one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_lam.metrics.nvml import GPUs, gpus

COMPILER = shutil.which("cc")


def build(folder: Path, *defines: str) -> GPUs:
    """Compile nvml.c and open it."""
    if COMPILER is None or sys.platform == "win32":
        pytest.skip("no C compiler")
    library = folder / f"libnvidia-ml{''.join(defines)}.so"
    source = Path(__file__).with_name("nvml.c")
    subprocess.run([COMPILER, "-shared", "-fPIC", *defines, "-o", library, source], check=True)
    found = gpus(str(library))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> GPUs:
    return build(tmp_path_factory.mktemp("nvml"))


def test_energy_is_the_difference_of_counters(two: GPUs) -> None:
    before = two.energy()
    assert before.until(two.energy()) == pytest.approx(0.5)


def test_memory_is_that_of_this_process_on_all(two: GPUs) -> None:
    assert len(two) == 2
    assert two.memory() == 6_000_000_001


def test_temperature_is_of_the_hottest_and_clock_of_the_fastest(two: GPUs) -> None:
    assert (two.celsius(), two.hertz()) == (61.0, 1.98e9)


def test_power_stands_in_for_a_missing_counter_and_unknown_memory_is_none(tmp_path: Path) -> None:
    found = build(tmp_path, "-DNO_COUNTER", "-DNO_MEMORY")
    before = found.energy()
    assert (before.joules, before.watts) == ({}, 80.0)
    assert 0 <= before.until(found.energy()) < 80
    assert found.memory() is None


def test_a_library_without_the_functions_has_no_gpus(tmp_path: Path) -> None:
    if COMPILER is None or sys.platform == "win32":
        pytest.skip("no C compiler")
    library = tmp_path / "empty.so"
    subprocess.run([COMPILER, "-shared", "-o", library, "-x", "c", "/dev/null"], check=True)
    assert gpus(str(library)) is None


def test_no_library_no_gpus() -> None:
    assert gpus("libthere-is-no-such-driver.so.1") is None

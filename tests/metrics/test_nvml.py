"""NVIDIA's GPUs through a real library with NVML's functions, and without one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMPILER = shutil.which("cc")
FIGURES = """
import json
from edge_lam.metrics.nvml import gpus
found = gpus()
before = found.energy()
energy = [dict(before.joules), before.watts, before.until(found.energy())]
print(json.dumps([len(found), found.memory(), found.celsius(), found.hertz(), *energy]))
"""
NONE = """
import sys
from edge_lam._util.debug import show_debug_lines
show_debug_lines()
from edge_lam.metrics.nvml import gpus
print(gpus())
"""


def run(folder: Path, script: str) -> str:
    """Run a program that finds the driver's library in a folder."""
    env = os.environ | {"LD_LIBRARY_PATH": str(folder)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def figures(folder: Path, *defines: str) -> list[Any]:
    """Compile nvml.c, and return what is told of its GPUs."""
    compile_library(folder, *defines, str(Path(__file__).with_name("nvml.c")))
    found: list[Any] = json.loads(run(folder, FIGURES))
    return found


def compile_library(folder: Path, *arguments: str) -> None:
    if COMPILER is None or sys.platform != "linux":
        pytest.skip("no C compiler, or another loader")
    subprocess.run([COMPILER, "-shared", "-fPIC", *arguments, "-o", folder / "libnvidia-ml.so.1"], check=True)


def test_energy_memory_temperature_and_clock_of_two(tmp_path: Path) -> None:
    count, memory, celsius, hertz, joules, watts, spent = figures(tmp_path)
    assert (count, memory, celsius, hertz) == (2, 6_000_000_001, 61.0, 1.98e9)  # of this process; hottest, fastest
    assert (joules, watts) == ({"gpu0": 5.25, "gpu1": 7.25}, None)
    assert spent == pytest.approx(0.5)


def test_power_stands_in_for_a_missing_counter_and_unknown_memory_is_none(tmp_path: Path) -> None:
    _, memory, *_, joules, watts, spent = figures(tmp_path, "-DNO_COUNTER", "-DNO_MEMORY")
    assert (memory, joules, watts) == (None, {}, 80.0)
    assert 0 <= spent < 80


def test_a_driver_without_the_functions_has_no_gpus(tmp_path: Path) -> None:
    compile_library(tmp_path, "-x", "c", "/dev/null")
    assert run(tmp_path, NONE) == "None\nedge_lam.metrics: no figures of NVIDIA's GPUs: Function Not Found\n"


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="there is a driver")
def test_no_driver_or_no_package_no_gpus(tmp_path: Path) -> None:
    told = "edge_lam.metrics: no figures of NVIDIA's GPUs: "
    assert run(tmp_path, NONE) == f"None\n{told}NVML Shared Library Not Found\n"
    without = f"import sys; sys.modules['pynvml'] = None{NONE}"
    assert run(tmp_path, without) == f"None\n{told}nvidia-ml-py is not installed\n"

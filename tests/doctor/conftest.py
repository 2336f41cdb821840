"""A healthy installation, to be made ill in one respect."""

from __future__ import annotations

import pytest

from edge_lam.doctor import Facts
from edge_lam.doctor.backend import Backend
from edge_lam.doctor.facts import FoundModel, Processor, SystemMemory
from edge_lam.llama.library import BuildInfo, Device
from edge_lam.llama.self_test import Verdict
from edge_lam.llama.stamp import Stamp
from edge_lam.llama.threads import ThreadChoice


@pytest.fixture
def healthy(tmp_path) -> Facts:
    """The facts of a laptop on which nothing is wrong."""
    cpu = Device("CPU", "A laptop's processor", "cpu", "CPU", 8 * 2**30, 16 * 2**30)
    build = BuildInfo("0.3.36", "0.5.0", "cpu", "/site-packages/llama_cpp/lib/libllama.so", {}, (cpu,))
    features = ("AVX", "AVX2", "FMA", "F16C")
    return Facts(
        versions={"edge-lam": "0.1.0", "python": "3.11.7", "llama-cpp-python": "0.3.36", "llguidance": "1.9.1"},
        extras={"convert": ()},
        backend=Backend("", build, Stamp("cpu", "cpu-123", False, "ON", "GNU 12.2.0", "Linux x86_64")),
        processor=Processor("A laptop's", "x86_64", features, features, ThreadChoice(4, "4 cores"), None, ""),
        memory=SystemMemory(16 * 2**30, 8 * 2**30, None),
        self_test=Verdict(False, True, "no accelerator", "key"),
        embedded=FoundModel("/site-packages/edge_lam/assets/tiny-lam-Q8_0.gguf", 11_000_000),
        hub_cache=str(tmp_path / "hub"),
        downloaded=(),
        log=str(tmp_path / "calls.jsonl"),
        state=str(tmp_path),
        gpu="",
        compiler="/usr/bin/c++",
        settings=(),
        sensors={"energy": "RAPL", "temperature": "hwmon", "clock": "cpufreq", "GPU": ""},
    )

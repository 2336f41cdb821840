"""What a build of llama.cpp needs of a processor, found out before anything runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_lam.llama import build_info
from edge_lam.llama.cpu import CPU, cpu, lacking_features

CORTEX_A72 = CPU("0x41 0xd08", frozenset("fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid".split()))
LAPTOP = CPU("a laptop", frozenset("pni ssse3 avx avx2 fma f16c bmi2".split()))


@pytest.mark.parametrize(
    ("compiled", "processor", "lacking"),
    [
        ({"NEON": "1", "DOTPROD": "1", "MATMUL_INT8": "1", "REPACK": "1"}, CORTEX_A72, ["DOTPROD", "MATMUL_INT8"]),
        ({"AVX2": "1", "AVX512": "1", "AVX512_VNNI": "1", "OPENMP": "1"}, LAPTOP, ["AVX512", "AVX512_VNNI"]),
        ({"AVX2": "1", "AVX512": "0"}, LAPTOP, []),
        ({"AVX2": "1", "AMX_INT8": "1"}, LAPTOP, []),  # the self-test's matter
        ({"DOTPROD": "1"}, CPU("Apple M1", frozenset()), []),  # a system that names no features
    ],
)
def test_what_a_processor_lacks_is_named(compiled: dict[str, str], processor: CPU, lacking: list[str]) -> None:
    assert lacking_features(compiled, processor) == lacking


def test_this_build_fits_this_processor() -> None:
    assert lacking_features(build_info().features["CPU"], cpu()) == []


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root on Linux"
)
def test_a_build_for_a_newer_processor_is_refused_before_it_dies(tmp_path: Path, tiny_lam_path: Path) -> None:
    """The system names fewer features than the build uses, as on an older processor."""
    if build_info().features["CPU"].get("AVX2") != "1":
        pytest.skip("this build does not use AVX2")
    older = tmp_path / "cpuinfo"
    older.write_text(re.sub(r" (avx2|fma)\b", "", Path("/proc/cpuinfo").read_text()))
    script = f'mount --bind {older} /proc/cpuinfo && exec "$0" -c "$1" "$2"'
    code = "import sys; from edge_lam.llama import Model; Model(sys.argv[1])"
    command = ["unshare", "--mount", "sh", "-c", script, sys.executable, code, str(tiny_lam_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if "permission denied" in run.stderr.lower() or "not permitted" in run.stderr.lower():
        pytest.skip("this container may not mount")
    assert "BackendError: this llama.cpp was built for a processor with AVX2, FMA, which" in run.stderr
    assert run.returncode == 1

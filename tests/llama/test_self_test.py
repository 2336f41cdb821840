"""The runtime survives an accelerator that really crashes: a preloaded library that dies in the matrix product."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.llama import accelerator_verdict, build_info, self_test
from edge_lam.llama.cpu import CPU, cpu

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
needs_compiler = pytest.mark.skipif(
    COMPILER is None or not sys.platform.startswith("linux"), reason="needs a C compiler and LD_PRELOAD"
)

PROGRAM = """
import json, sys
from edge_lam.llama import Context, Model, accelerator_verdict
with Model(sys.argv[1], device="cpu") as model, Context(model, n_ctx=128) as context:
    context.decode(list(range(64)), start=0)
    context.decode([64], start=64)
    assert context.logits().shape == (model.n_vocab,)
print(json.dumps(accelerator_verdict().to_dict()))
"""


@pytest.fixture(scope="module")
def faulty_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert COMPILER is not None
    target = tmp_path_factory.mktemp("faulty") / "faulty.so"
    source = Path(__file__).with_name("faulty_accelerator.c")
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", target, source, "-ldl"], check=True)
    return target


def run(
    home: Path, model: Path, mode: str, preload: Path | None = None, within: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "EDGE_LAM_HOME": str(home), "EDGE_LAM_SELF_TEST": mode}
    environment["LD_PRELOAD"] = str(preload or "")
    return subprocess.run(
        [*within, sys.executable, "-c", PROGRAM, model], env=environment, capture_output=True, text=True, check=False
    )


@needs_compiler
def test_without_the_self_test_the_process_dies(tmp_path: Path, probe_path: Path, faulty_library: Path) -> None:
    assert run(tmp_path, probe_path, "skip", faulty_library).returncode == -11
    assert run(tmp_path, probe_path, "skip").returncode == 0


@needs_compiler
def test_survives_warns_once_and_remembers(tmp_path: Path, probe_path: Path, faulty_library: Path) -> None:
    first = run(tmp_path, probe_path, "force", faulty_library)
    assert first.returncode == 0, first.stderr
    verdict = json.loads(first.stdout)
    assert (verdict["needed"], verdict["ok"], verdict["remembered"]) == (True, False, False)
    assert verdict["detail"] == "the self-test died with SIGSEGV (asked for by EDGE_LAM_SELF_TEST)"
    assert first.stderr.count("llama.cpp's accelerated kernels fail on this machine") == 1

    memory = tmp_path / "self_test.json"
    written = memory.stat().st_mtime_ns
    second = run(tmp_path, probe_path, "force", faulty_library)
    assert second.returncode == 0
    assert json.loads(second.stdout) == verdict | {"remembered": True}
    assert second.stderr == "", "it says so once, not at every start"
    assert memory.stat().st_mtime_ns == written, "the second start has not tested again"

    memory.unlink()
    healed = run(tmp_path, probe_path, "force")
    assert json.loads(healed.stdout)["ok"] is True
    assert healed.stderr == ""


@needs_compiler
def test_a_remembered_success_takes_the_path(tmp_path: Path, probe_path: Path, faulty_library: Path) -> None:
    """The verdict is what decides: with "passed" in memory the faulty kernels run, and kill."""
    assert json.loads(run(tmp_path, probe_path, "force").stdout)["ok"] is True
    assert run(tmp_path, probe_path, "force", faulty_library).returncode == -11


@needs_compiler
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root")
def test_a_build_that_dies_on_an_older_arm_is_refused(tmp_path: Path, probe_path: Path, faulty_library: Path) -> None:
    """llama.cpp does not tell that it was compiled for atomics of ARMv8.1: without them, a child is sent ahead."""
    processor = tmp_path / "cpuinfo"
    processor.write_text(re.sub(r"(flags\s*:)", r"\1 asimd", Path("/proc/cpuinfo").read_text()))
    within = f'mount --bind {processor} /proc/cpuinfo && exec "$0" "$@"'
    refused = run(tmp_path, probe_path, "", faulty_library, ("unshare", "--mount", "sh", "-c", within))
    if "permission denied" in refused.stderr.lower() or "not permitted" in refused.stderr.lower():
        pytest.skip("this container may not mount")
    assert refused.returncode == 1
    assert "BackendError: this llama.cpp was built for a newer processor than " in refused.stderr
    assert "the self-test died with SIGSEGV (atomics of ARMv8.1)" in refused.stderr


def test_an_unwritable_or_broken_memory_costs_only_another_test(tmp_path: Path, probe_path: Path) -> None:
    (tmp_path / "self_test.json").write_text("{broken")
    assert json.loads(run(tmp_path, probe_path, "force").stdout)["remembered"] is False
    assert json.loads((tmp_path / "self_test.json").read_text())
    blocked = tmp_path / "a file"
    blocked.write_text("")
    assert json.loads(run(blocked / "below", probe_path, "force").stdout)["ok"] is True


def test_a_hanging_accelerator_is_given_up() -> None:
    assert self_test.run_probe(timeout=0.01) == (False, "the self-test did not end within 0.01 s", False)


def test_a_failing_child_is_reported_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["/nowhere"])
    ok, detail, died = self_test.run_probe()
    assert not ok
    assert not died
    assert "ModuleNotFoundError: No module named 'edge_lam'" in detail
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert self_test.run_probe() == (
        False,
        "the self-test could not be started: No such file or directory",
        False,
    )


def test_amx_needs_both_the_build_and_the_processor() -> None:
    build = replace(build_info(), features={"CPU": {"AVX2": "1", "AMX_INT8": "1"}})
    xeon, zen = CPU("Xeon", frozenset({"avx2", "amx_int8"})), CPU("Zen", frozenset({"avx2"}))
    assert self_test.accelerator(build, xeon) == "AMX"
    assert self_test.accelerator(build, zen) == ""
    assert self_test.accelerator(replace(build, features={"CPU": {"AVX2": "1"}}), xeon) == ""


def test_what_llama_cpp_does_not_tell_is_tried_on_older_arm_processors() -> None:
    cortex_a72, cortex_a76 = CPU("0x41 0xd08", frozenset({"asimd"})), CPU("0x41 0xd0b", frozenset({"asimd", "atomics"}))
    assert self_test.accelerator(build_info(), cortex_a72) == "atomics of ARMv8.1"
    assert self_test.accelerator(build_info(), cortex_a76) == ""


def test_the_key_names_build_and_processor(tmp_path: Path) -> None:
    library = tmp_path / "libllama.so"
    library.write_bytes(b"one")
    (tmp_path / "libggml-cpu.so").write_bytes(b"two")
    build, processor = replace(build_info(), library=str(library)), cpu()
    key = self_test.machine_key(build, processor)
    assert key == self_test.machine_key(build, processor)
    assert key != self_test.machine_key(replace(build, version="0"), processor)
    assert key != self_test.machine_key(build, replace(processor, flags=processor.flags ^ {"amx_int8"}))
    (tmp_path / "libggml-cpu.so").write_bytes(b"three")
    assert key != self_test.machine_key(build, processor)


def test_an_unknown_mode_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_LAM_SELF_TEST", "maybe")
    with pytest.raises(InvalidRequest, match="EDGE_LAM_SELF_TEST must be skip, force or empty, not 'maybe'"):
        accelerator_verdict()


def test_skipping_trusts_the_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_LAM_SELF_TEST", "skip")
    verdict = accelerator_verdict()
    assert (verdict.needed, verdict.ok) == (False, True)
    assert json.loads(json.dumps(verdict.to_dict()))["detail"] == "skipped by EDGE_LAM_SELF_TEST"

"""The facts of this very installation, and the readers behind them."""

from __future__ import annotations

import json
import platform
import sys
from importlib import metadata
from pathlib import Path

import pytest

from edge_lam.doctor import diagnose
from edge_lam.doctor.facts import SystemMemory, emulation, examine, requirements


def test_this_installation_works_and_is_plain_json():
    diagnosis = diagnose()
    assert diagnosis.works
    told = json.loads(json.dumps(diagnosis.to_dict()))
    assert told["works"] is True
    assert told["versions"]["python"] == platform.python_version()
    assert told["backend"]["build"]["version"] == metadata.version("llama-cpp-python")
    assert told["processor"]["threads"]["n"] >= 1
    assert told["self_test"]["ok"] in (True, False)


def test_log_and_settings_follow_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("EDGE_LAM_HOME", str(tmp_path))
    monkeypatch.setenv("EDGE_LAM_LOG", "off")
    monkeypatch.setenv("EDGE_LAM_THREADS", "many")
    facts = examine()
    assert facts.state == str(tmp_path)
    assert facts.log == ""
    assert facts.processor.threads is None
    assert any("EDGE_LAM_THREADS" in setting for setting in facts.settings)


def test_downloaded_models_are_found_in_the_hub_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    snapshot = tmp_path / "models--owner--repo" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model-Q4_K_M.gguf").write_bytes(b"x" * 1000)
    (snapshot / "README.md").write_text("no model")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    facts = examine()
    assert facts.hub_cache == str(tmp_path)
    assert [(Path(model.path).name, model.size) for model in facts.downloaded] == [("model-Q4_K_M.gguf", 1000)]


def test_requirements_are_split_by_extra():
    needed, extras = requirements("huggingface-hub")
    assert "tqdm" in needed
    assert all(extras.values())
    assert requirements("no-such-distribution") == ([], {})


X86, ARM = "cpu:type:x86,ven0002fam0019", "cpu:type:aarch64:feature:,0000,0001"


@pytest.mark.parametrize(
    ("machine", "model", "flags", "kernel", "emulator"),
    [
        ("x86_64", "AMD EPYC", {"sse2"}, X86, ""),
        ("x86_64", "AMD EPYC", {"sse2"}, "", ""),
        ("aarch64", "0x41 0xd4f", {"asimd"}, ARM, ""),
        ("aarch64", "0x41 0xd4f", {"asimd"}, "", ""),
        ("x86_64", "VirtualApple @ 2.50GHz", {"sse2"}, "", "Rosetta"),
        ("x86_64", "QEMU Virtual CPU version 2.5+", {"sse2"}, X86, "QEMU"),
        ("x86_64", "0x41 0xd4f", {"asimd"}, "", "an emulator"),
        ("aarch64", "Intel(R) Core(TM)", {"sse2"}, "", "an emulator"),
        ("aarch64", "ARMv8 Processor rev 0 (v8l)", {"asimd", "asimddp"}, X86, "an emulator"),  # qemu-user 8 and newer
        ("x86_64", "Intel(R) Core(TM)", {"sse2"}, ARM, "an emulator"),
        ("riscv64", "a board", set(), "cpu:type:riscv", ""),
    ],
)
def test_emulation_is_recognised(machine: str, model: str, flags: set[str], kernel: str, emulator: str):
    assert emulation(machine, model, frozenset(flags), kernel) == emulator


def test_the_compiler_is_looked_for_where_it_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("CXX", sys.executable)  # any program does
    assert examine().compiler == sys.executable
    monkeypatch.delenv("CXX")
    assert examine().compiler == ""


def test_usable_memory_is_the_smaller_of_free_and_limit():
    assert SystemMemory(16, 8, None).usable == 8
    assert SystemMemory(16, 8, 4).usable == 4
    assert SystemMemory(16, 8, 12).usable == 8

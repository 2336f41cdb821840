"""A llama.cpp that is missing, fails or kills whoever loads it must not take doctor with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_lam.doctor.backend import examine_backend
from edge_lam.llama.library import build_info
from edge_lam.llama.stamp import Stamp, read_stamp

ROOT = Path(__file__).parents[2]


def doctor(**environment: str) -> tuple[int, dict]:
    """Run `edge-lam doctor --json` in a process of its own."""
    path = os.pathsep.join([*filter(None, [environment.pop("PYTHONPATH", "")]), str(ROOT), str(ROOT / "converters")])
    result = subprocess.run(
        [sys.executable, "-m", "edge_lam.cli.main", "doctor", "--json"],
        env={**os.environ, **environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in result.stderr
    return result.returncode, json.loads(result.stdout)


def package(folder: Path, text: str) -> str:
    """Write a llama_cpp that is found before the installed one."""
    (folder / "llama_cpp").mkdir()
    (folder / "llama_cpp" / "__init__.py").write_text(text)
    return str(folder)


def test_missing(tmp_path: Path):
    code, told = doctor(PYTHONPATH=package(tmp_path, "raise ModuleNotFoundError('no', name='llama_cpp')"))
    assert code == 1
    assert told["works"] is False
    assert told["backend"] == {"error": "llama-cpp-python is not installed", "build": None, "stamp": None}
    assert told["self_test"] is None
    assert any(advice["fatal"] and "make backend" in advice["action"] for advice in told["advice"])


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize(
    ("instruction", "signal"), [("__builtin_trap();", "SIG"), ("*(volatile int *)0 = 1;", "SIGSEGV")]
)
def test_a_library_that_kills_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instruction: str, signal: str
):
    source = tmp_path / "llama.c"
    source.write_text(f"__attribute__((constructor)) static void start(void) {{ {instruction} }}\n")
    library = tmp_path / ("libllama.dylib" if sys.platform == "darwin" else "libllama.so")
    subprocess.run(["cc", "-O0", "-shared", "-fPIC", source, "-o", library], check=True)
    monkeypatch.setenv("LLAMA_CPP_LIB_PATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "llama_cpp", raising=False)  # as if it were not loaded yet
    backend = examine_backend()
    assert backend.error.startswith(f"llama.cpp dies with {signal}")
    assert backend.build is None


def test_where_no_process_can_be_started_that_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.delitem(sys.modules, "llama_cpp", raising=False)
    assert examine_backend().error == "no child process could be started to load llama.cpp: No such file or directory"


def test_a_damaged_library_says_so(tmp_path: Path):
    (tmp_path / ("libllama.dylib" if sys.platform == "darwin" else "libllama.so")).write_text("not a library")
    code, told = doctor(LLAMA_CPP_LIB_PATH=str(tmp_path))
    assert code == 1
    assert told["works"] is False
    assert told["versions"]["python"]
    assert "could not be loaded" in told["backend"]["error"]


def test_the_stamp_is_read(tmp_path: Path):
    noted = {"backend": "cuda", "key": "cuda-1", "amx": True, "native": "ON", "compiler": "GNU 12", "system": "Linux"}
    (tmp_path / "edge_lam_build.json").write_text(json.dumps({**noted, "added later": 1}))
    assert read_stamp(tmp_path) == Stamp(**noted)


@pytest.mark.parametrize("text", ["", "[]", "{", "1"])
def test_a_damaged_stamp_is_none(tmp_path: Path, text: str):
    (tmp_path / "edge_lam_build.json").write_text(text)
    assert read_stamp(tmp_path) is None


def test_no_stamp(tmp_path: Path):
    assert read_stamp(tmp_path) is None
    assert read_stamp(None) is None


def test_what_is_loaded_here_already_needs_no_child(monkeypatch: pytest.MonkeyPatch):
    loaded = build_info()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    backend = examine_backend()
    assert (backend.error, backend.build) == ("", loaded)

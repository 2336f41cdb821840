"""llama.cpp is loaded once and quietly, and says what it is."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge_lam.llama import Context, Model, build_info, library
from edge_lam.llama.cpu import cpu, parse_cpuinfo
from edge_lam.llama.library import MAX_SPINS, BackendLog, device_label, devices, memory_in_use, parse_features


def test_is_loaded_once() -> None:
    assert library() is library()
    assert library().llama_max_devices() >= 1


def test_memory_in_use_is_read_anew_and_told_only_of_devices_that_are_there() -> None:
    total = sum(device.memory_total for device in devices() if device.kind == "cpu")
    assert 0 <= memory_in_use("cpu") <= total
    assert memory_in_use("toaster") is None


def test_build_info() -> None:
    info = build_info()
    assert info.version == library().__version__
    assert Path(info.library).is_file()
    assert any(device.kind == "cpu" and device.memory_total > 2**20 for device in info.devices)
    assert info.features["CPU"]
    assert json.loads(json.dumps(info.to_dict()))["backend"] == info.backend


def test_features_are_told_apart_by_backend() -> None:
    text = "CUDA : ARCHS = 900 | USE_GRAPHS = 1 | CPU : AVX2 = 1 | AMX_INT8 = 1 | "
    assert parse_features(text) == {"CUDA": {"ARCHS": "900", "USE_GRAPHS": "1"}, "CPU": {"AVX2": "1", "AMX_INT8": "1"}}


def test_device_labels() -> None:
    labels = {
        "CUDA0": "cuda:0",
        "CUDA11": "cuda:11",
        "Metal": "metal",
        "MTL0": "metal",
        "Vulkan1": "vulkan:1",
        "CPU": "cpu",
    }
    assert {name: device_label(name) for name in labels} == labels


def test_log_joins_pieces_and_finds_the_reason() -> None:
    log = BackendLog()
    with log.capture():
        log.write(2, "load: loading ")
        log.write(5, "...\n")
        log.write(4, "llama_model_load: error loading model: missing tensor 'x'\n")
        log.write(4, "llama_model_load_from_file_impl: failed to load model\n")
        log.write(1, "sched_reserve:        CPU compute buffer size =     1.50 MiB\n")
        log.write(1, "sched_reserve:      CUDA0 compute buffer size =     2.00 MiB\n")
        log.write(1, "sched_reserve:        CPU compute buffer size =     0.50 MiB\n")
        assert log.last_error() == "error loading model: missing tensor 'x'"
        assert log.buffer_bytes("compute") == 2.5 * 2**20, "the last size per device counts"
        assert log.buffer_bytes("KV") == 0


def test_threads_capture_apart() -> None:
    log, seen = BackendLog(), []

    def other() -> None:
        with log.capture():
            log.write(4, "load: theirs\n")
            seen.append(log.last_error())

    with log.capture():
        log.write(4, "load: ours\n")
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert log.last_error() == "ours"
        with log.capture():
            log.write(4, "load: inner\n")
            assert log.last_error() == "inner"
        assert log.last_error() == "ours"
    assert seen == ["theirs"]
    assert log.last_error() == "", "what was captured does not leak"


def test_loading_is_quiet(probe_path: Path) -> None:
    code = "import sys; from edge_lam.llama import *; Context(Model(sys.argv[1]), n_ctx=64).decode([1], start=0)"
    run = subprocess.run([sys.executable, "-c", code, probe_path], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")


def test_a_missing_package_says_how_to_get_it(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['llama_cpp'] = None\n"
        "from edge_lam.llama import library\nfrom edge_lam.errors import BackendError\n"
        "try: library()\nexcept BackendError as error: print(error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "llama-cpp-python is not installed" in run.stdout
    assert "make demo" in run.stdout


def test_a_library_that_does_not_load_is_one_line(tmp_path: Path) -> None:
    code = (
        "from edge_lam.llama import library\nfrom edge_lam.errors import BackendError\n"
        "try: library()\nexcept BackendError as error: print(error)"
    )
    for name in ("libllama.so", "libllama.dylib"):
        (tmp_path / name).write_bytes(b"not a library")
    environment = {**os.environ, "LLAMA_CPP_LIB_PATH": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.startswith("llama.cpp could not be loaded: ")
    assert run.stdout.count("\n") == 1


def test_cpuinfo_of_x86_and_arm() -> None:
    xeon = parse_cpuinfo(
        "processor\t: 0\nmodel name\t: Xeon\nflags\t\t: avx2 amx_int8\n\nprocessor : 1\nmodel name : other\n"
    )
    assert (xeon.model, xeon.flags) == ("Xeon", {"avx2", "amx_int8"})
    arm = parse_cpuinfo("processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n")
    assert (arm.model, arm.flags) == ("0x41 0xd0c", {"fp", "asimd"})
    assert cpu().model


ASKED_AT_ONCE = """
import threading, time
import llama_cpp
from edge_lam.llama import build_info
tell, calls, barrier = llama_cpp.llama_print_system_info, [], threading.Barrier(4)
def slowly():
    calls.append(1)
    time.sleep(0.05)
    return tell()
llama_cpp.llama_print_system_info = slowly
def ask():
    barrier.wait()
    build_info()
threads = [threading.Thread(target=ask) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(calls))
"""


def test_threads_do_not_ask_llama_cpp_for_its_build_at_the_same_moment() -> None:
    """It keeps the text in one place: two threads at once free it twice, which ends the process."""
    run = subprocess.run([sys.executable, "-c", ASKED_AT_ONCE], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "1"


def _openmp_settings(**environment: str) -> str:
    """What GNU's OpenMP says it was loaded with, and the variable as child processes would get it."""
    code = "import os; from edge_lam.llama import library; library(); print(os.environ.get('GOMP_SPINCOUNT'))"
    known = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    child = subprocess.run(
        [sys.executable, "-c", code],
        env=known | {"OMP_DISPLAY_ENV": "verbose"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    if "GOMP_SPINCOUNT" not in child.stderr:
        pytest.skip("this build of llama.cpp does not use GNU's OpenMP")
    return child.stdout + child.stderr


def test_threads_that_wait_give_their_core_away_soon_and_children_are_left_alone() -> None:
    told = _openmp_settings()
    assert f"GOMP_SPINCOUNT = '{MAX_SPINS}'" in told
    assert told.startswith("None\n")


def test_a_wait_policy_of_the_user_stays() -> None:
    assert "GOMP_SPINCOUNT = '77'" in _openmp_settings(GOMP_SPINCOUNT="77")
    assert f"GOMP_SPINCOUNT = '{MAX_SPINS}'" not in _openmp_settings(OMP_WAIT_POLICY="active")


INTERRUPTED = """
import os, random, signal, sys, threading, time
from edge_lam.llama import Context, Model, library
library()
chance = random.Random(1)
for round in range(10):
    after = chance.uniform(0, 0.05)
    sender = threading.Thread(target=lambda: (time.sleep(after), os.kill(os.getpid(), signal.SIGINT)))
    deadline = time.monotonic() + 10
    try:
        sender.start()
        while time.monotonic() < deadline:
            with Model(sys.argv[1], device="cpu") as model, Context(model, n_ctx=64):
                pass
    except KeyboardInterrupt:
        print("interrupted")
    sender.join()
"""


def test_loading_logs_in_other_threads_than_the_main_one(tiny_lam_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Python raises KeyboardInterrupt in the main thread alone, and what a callback raises is lost."""
    with (
        caplog.at_level(logging.DEBUG, logger="edge_lam.llama.cpp"),
        Model(tiny_lam_path, device="cpu") as model,
        Context(model, n_ctx=64),
    ):
        pass
    assert {record.threadName for record in caplog.records if record.name == "edge_lam.llama.cpp"} == {"edge-lam-llama"}


def test_ctrl_c_is_not_lost_while_a_model_is_loaded(tiny_lam_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, tiny_lam_path]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert (run.stdout.count("interrupted"), run.stderr) == (10, "")

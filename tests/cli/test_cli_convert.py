"""`edge-lam convert` as a user calls it: in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_lam.llama.gguf_file import GGUFHeader

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "my-finetune"
    script = REPOSITORY / "tests" / "converters" / "random_checkpoint.py"
    subprocess.run([sys.executable, script, folder], check=True)
    return folder


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def edge_lam(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge_lam.cli.main", "convert", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment(), cwd=cwd or REPOSITORY
    )


def test_a_conversion_prints_size_bits_licence_and_time(checkpoint: Path, tmp_path: Path) -> None:
    done = edge_lam(checkpoint, "-o", tmp_path / "out.gguf", "-q", "q4_0")
    assert done.returncode == 0, done.stderr
    header = GGUFHeader.read(tmp_path / "out.gguf")
    assert header.file_type == "Q4_0"
    assert f"{header.bits_per_weight:.2f} bits per weight" in done.stdout
    for text in (str(tmp_path / "out.gguf"), "cc-by-nc-4.0", "170.8 k", "time", "16 F32"):
        assert text in done.stdout
    assert done.stderr == ""
    assert "\x1b" not in done.stdout


def test_the_default_is_q8_0_beside_the_folder(checkpoint: Path) -> None:
    done = edge_lam("my-finetune", cwd=checkpoint.parent)
    assert done.returncode == 0, done.stderr
    assert GGUFHeader.read(checkpoint.parent / "my-finetune-Q8_0.gguf").file_type == "Q8_0"


def test_json_is_one_object(checkpoint: Path, tmp_path: Path) -> None:
    done = edge_lam(checkpoint, "-o", tmp_path / "out.gguf", "--json")
    report = json.loads(done.stdout)
    assert report["quant"] == "Q8_0"
    assert report["license"] == "cc-by-nc-4.0"
    assert report["size"] == (tmp_path / "out.gguf").stat().st_size


def test_an_existing_file_needs_force(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "out.gguf").write_text("old")
    refused = edge_lam(checkpoint, "-o", tmp_path / "out.gguf")
    assert refused.returncode == 1
    assert refused.stderr == f"edge-lam: error: {tmp_path / 'out.gguf'} exists\nhint: use --force to replace it\n"
    assert (tmp_path / "out.gguf").read_text() == "old"
    assert edge_lam(checkpoint, "-o", tmp_path / "out.gguf", "--force").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nowhere"], 1, "no such folder: nowhere"),
        ([], 2, "Missing argument 'CHECKPOINT'"),
        (["{checkpoint}", "-q", "Q9"], 1, "there is no quantization Q9"),
        (["{checkpoint}", "--quart", "Q8_0"], 2, "No such option"),
        (["{checkpoint}", "--threads", "0"], 2, "--threads"),
    ],
)
def test_wrong_usage(arguments: list[str], code: int, message: str, checkpoint: Path) -> None:
    done = edge_lam(*(argument.format(checkpoint=checkpoint) for argument in arguments))
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_there_is_a_hint(checkpoint: Path, tmp_path: Path) -> None:
    script = "import sys; sys.modules['gguf'] = None; from edge_lam.cli.main import main; main()"
    command = [sys.executable, "-c", script, "convert", checkpoint, "-o", tmp_path / "out.gguf"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment())
    assert done.returncode == 1
    assert "converting needs gguf, not installed here" in done.stderr
    assert 'pip install "edge-lam[convert]"' in done.stderr


def test_ctrl_c_ends_with_130_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "large"
    script = REPOSITORY / "tests" / "converters" / "random_checkpoint.py"
    sizes = ["--hidden", "512", "--ffn", "2048", "--layers", "8", "--dtype", "F32"]
    subprocess.run([sys.executable, script, folder, *sizes], check=True)
    out = tmp_path / "models" / "out.gguf"
    out.parent.mkdir()
    command = [
        sys.executable,
        "-m",
        "edge_lam.cli.main",
        "convert",
        folder,
        "-o",
        out,
        "-q",
        "Q3_K_M",
        "--threads",
        "1",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment())
    while not any(out.parent.glob("out.gguf.f32.partial")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == "edge-lam: interrupted\n"
    assert list(out.parent.iterdir()) == []

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
    write_checkpoint(folder)
    return folder


def write_checkpoint(folder: Path, **options: object) -> None:
    """Write a checkpoint with the converters' test helper, whose folder is not on this one's path."""
    script = (
        "import sys; from pathlib import Path; from random_checkpoint import write_checkpoint; "
        f"write_checkpoint(Path(sys.argv[1]), **{options!r})"
    )
    path = os.pathsep.join([str(REPOSITORY / "tests" / "converters"), *sys.path])
    subprocess.run([sys.executable, "-c", script, folder], check=True, env=os.environ | {"PYTHONPATH": path})


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


# As published with xLAM-2: a system message takes the place of the instructions.
DROPS_INSTRUCTIONS = (
    "<|im_start|>{% if messages[0].role == 'system' %}{{ messages[0].content }}"
    "{% else %}When using tools, make calls in a single JSON array{% endif %}{{ tools }}"
)


@pytest.mark.parametrize(
    ("own", "why"), [(None, "is missing"), (DROPS_INSTRUCTIONS, "loses tools or instructions")], ids=["none", "broken"]
)
def test_a_chat_template_that_is_not_the_checkpoint_s_own_is_told(own: str | None, why: str, tmp_path: Path) -> None:
    folder = tmp_path / "xLAM-2-1b-fc-r"
    write_checkpoint(folder)
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"chat_template": own}))
    (folder / "README.md").unlink()  # its name is another
    done = edge_lam(folder, "-o", f"{tmp_path}/models/")
    assert f"of xlam-2-qwen, because the checkpoint's own {why}" in done.stdout, done.stderr
    assert (tmp_path / "models" / "xLAM-2-1b-fc-r-Q8_0.gguf").is_file()


def test_the_default_is_q8_0_beside_the_folder(checkpoint: Path) -> None:
    done = edge_lam("my-finetune", cwd=checkpoint.parent)
    assert done.returncode == 0, done.stderr
    assert GGUFHeader.read(checkpoint.parent / "my-finetune-Q8_0.gguf").file_type == "Q8_0"


def test_json_is_one_object(checkpoint: Path, tmp_path: Path) -> None:
    done = edge_lam(checkpoint, "-o", tmp_path / "out.gguf", "--json")
    [report] = json.loads(done.stdout)["files"]
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


def test_several_types_go_into_a_folder(checkpoint: Path, tmp_path: Path) -> None:
    planned = edge_lam(checkpoint, "-q", "Q8_0,BF16", "-q", "Q4_0", "-o", tmp_path, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert list(tmp_path.iterdir()) == []
    done = edge_lam(checkpoint, "-q", "Q8_0,BF16", "-q", "Q4_0", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    for quant in ("Q8_0", "BF16", "Q4_0"):
        assert f"my-finetune-{quant}.gguf" in planned.stdout
        assert GGUFHeader.read(tmp_path / f"my-finetune-{quant}.gguf").file_type == quant
    assert done.stdout.count("cc-by-nc-4.0") == 1


def test_a_dry_run_in_json_tells_sizes(checkpoint: Path, tmp_path: Path) -> None:
    command = [checkpoint, "-q", "Q5_K_M", "--tensor-type", "ffn_up=Q8_0", "-o", tmp_path / "out.gguf"]
    [planned] = json.loads(edge_lam(*command, "--dry-run", "--json").stdout)["files"]
    assert edge_lam(*command).returncode == 0
    assert planned["size"] == (tmp_path / "out.gguf").stat().st_size
    assert {fallback["wanted"] for fallback in planned["fallbacks"]} == {"Q5_K", "Q6_K"}


def test_an_adapter_is_merged_or_exported(checkpoint: Path, tmp_path: Path) -> None:
    script = REPOSITORY / "tests" / "converters" / "random_adapter.py"
    subprocess.run([sys.executable, script, tmp_path / "lora", checkpoint], check=True)
    merged = edge_lam(checkpoint, "--adapter", tmp_path / "lora", "-o", tmp_path)
    assert merged.returncode == 0, merged.stderr
    assert "adapter       lora" in merged.stdout
    assert (tmp_path / "my-finetune-lora-Q8_0.gguf").is_file()
    exported = edge_lam(checkpoint, "--adapter", tmp_path / "lora", "--export-adapter", tmp_path / "lora.gguf")
    assert exported.returncode == 0, exported.stderr
    assert "6 tensors of someone/tiny-random, rank 4" in exported.stdout
    assert GGUFHeader.read(tmp_path / "lora.gguf").metadata["general.type"] == "adapter"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{checkpoint}", "--tensor-type", "ffn_up"], 2, "'ffn_up' is not of the form PATTERN=TYPE"),
        (["{checkpoint}", "--export-adapter", "x.gguf"], 2, "--export-adapter needs --adapter"),
        (["{checkpoint}", "--adapter", "x", "--export-adapter", "y", "--dry-run"], 2, "--dry-run does not go with"),
        (["{checkpoint}", "--adapter", "x", "--export-adapter", "y", "-q", "F16"], 2, "--quant does not go with"),
        (["{checkpoint}", "--adapter", "nowhere"], 1, "no such folder: nowhere"),
        (["nowhere"], 1, "no such folder: nowhere"),
        ([], 2, "Missing argument 'SOURCE'"),
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
    write_checkpoint(folder, dtype="F32", hidden_size=512, intermediate_size=2048, num_hidden_layers=8)
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
    while not any(out.parent.glob(".out.gguf.f32.*.partial")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == "edge-lam: interrupted\n"
    assert list(out.parent.iterdir()) == []

"""`edge-lam convert` as a user calls it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_lam.llama.gguf_file import GGUFHeader
from tests.cli.conftest import Run
from tests.converters.random_adapter import shapes_of, write_adapter
from tests.converters.random_checkpoint import write_checkpoint

Command = Callable[..., Run]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "my-finetune"
    write_checkpoint(folder)
    return folder


def test_a_conversion_prints_size_bits_licence_and_time(edge_lam: Command, checkpoint: Path, tmp_path: Path) -> None:
    done = edge_lam("convert", checkpoint, "-o", tmp_path / "out.gguf", "-q", "q4_0")
    assert done.code == 0, done.err
    header = GGUFHeader.read(tmp_path / "out.gguf")
    assert header.file_type == "Q4_0"
    assert f"{header.bits_per_weight:.2f} bits per weight" in done.out
    for text in (str(tmp_path / "out.gguf"), "cc-by-nc-4.0", "170.8 k", "time", "16 F32"):
        assert text in done.out
    assert done.err == ""
    assert "\x1b" not in done.out


# As published with xLAM-2: a system message takes the place of the instructions.
DROPS_INSTRUCTIONS = (
    "<|im_start|>{% if messages[0].role == 'system' %}{{ messages[0].content }}"
    "{% else %}When using tools, make calls in a single JSON array{% endif %}{{ tools }}"
)


@pytest.mark.parametrize(
    ("own", "why"), [(None, "is missing"), (DROPS_INSTRUCTIONS, "loses tools or instructions")], ids=["none", "broken"]
)
def test_a_chat_template_that_is_not_the_checkpoint_s_own_is_told(
    edge_lam: Command, own: str | None, why: str, tmp_path: Path
) -> None:
    folder = tmp_path / "xLAM-2-1b-fc-r"
    write_checkpoint(folder)
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"chat_template": own}))
    (folder / "README.md").unlink()  # its name is another
    done = edge_lam("convert", folder, "-o", f"{tmp_path}/models/")
    assert f"of xlam-2-qwen, because the checkpoint's own {why}" in done.out, done.err
    assert (tmp_path / "models" / "xLAM-2-1b-fc-r-Q8_0.gguf").is_file()


def test_the_default_is_q8_0_beside_the_folder(
    edge_lam: Command, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkpoint.parent)
    done = edge_lam("convert", "my-finetune")
    assert done.code == 0, done.err
    assert GGUFHeader.read(checkpoint.parent / "my-finetune-Q8_0.gguf").file_type == "Q8_0"


def test_json_is_one_object(edge_lam: Command, checkpoint: Path, tmp_path: Path) -> None:
    done = edge_lam("convert", checkpoint, "-o", tmp_path / "out.gguf", "--json")
    [report] = json.loads(done.out)["files"]
    assert report["quant"] == "Q8_0"
    assert report["license"] == "cc-by-nc-4.0"
    assert report["size"] == (tmp_path / "out.gguf").stat().st_size


def test_an_existing_file_needs_force(edge_lam: Command, checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "out.gguf").write_text("old")
    refused = edge_lam("convert", checkpoint, "-o", tmp_path / "out.gguf")
    assert refused.code == 1
    assert refused.err == f"edge-lam: error: {tmp_path / 'out.gguf'} exists\nhint: use --force to replace it\n"
    assert (tmp_path / "out.gguf").read_text() == "old"
    assert edge_lam("convert", checkpoint, "-o", tmp_path / "out.gguf", "--force").code == 0


def test_several_types_go_into_a_folder(edge_lam: Command, checkpoint: Path, tmp_path: Path) -> None:
    planned = edge_lam("convert", checkpoint, "-q", "Q8_0,BF16", "-q", "Q4_0", "-o", tmp_path, "--dry-run")
    assert planned.code == 0, planned.err
    assert list(tmp_path.iterdir()) == []
    done = edge_lam("convert", checkpoint, "-q", "Q8_0,BF16", "-q", "Q4_0", "-o", tmp_path)
    assert done.code == 0, done.err
    for quant in ("Q8_0", "BF16", "Q4_0"):
        assert f"my-finetune-{quant}.gguf" in planned.out
        assert GGUFHeader.read(tmp_path / f"my-finetune-{quant}.gguf").file_type == quant
    assert done.out.count("cc-by-nc-4.0") == 1


def test_a_dry_run_in_json_tells_sizes(edge_lam: Command, checkpoint: Path, tmp_path: Path) -> None:
    command = [checkpoint, "-q", "Q5_K_M", "--tensor-type", "ffn_up=Q8_0", "-o", tmp_path / "out.gguf"]
    [planned] = json.loads(edge_lam("convert", *command, "--dry-run", "--json").out)["files"]
    assert edge_lam("convert", *command).code == 0
    assert planned["size"] == (tmp_path / "out.gguf").stat().st_size
    assert {fallback["wanted"] for fallback in planned["fallbacks"]} == {"Q5_K", "Q6_K"}


def test_an_adapter_is_merged_or_exported(edge_lam: Command, checkpoint: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "lora", shapes_of(checkpoint))
    merged = edge_lam("convert", checkpoint, "--adapter", tmp_path / "lora", "-o", tmp_path)
    assert merged.code == 0, merged.err
    assert "adapter       lora" in merged.out
    assert (tmp_path / "my-finetune-lora-Q8_0.gguf").is_file()
    exported = edge_lam(
        "convert", checkpoint, "--adapter", tmp_path / "lora", "--export-adapter", tmp_path / "lora.gguf"
    )
    assert exported.code == 0, exported.err
    assert "6 tensors of someone/tiny-random, rank 4" in exported.out
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
def test_wrong_usage(edge_lam: Command, arguments: list[str], code: int, message: str, checkpoint: Path) -> None:
    done = edge_lam("convert", *(argument.format(checkpoint=checkpoint) for argument in arguments))
    assert done.code == code
    assert message in done.err
    assert "Traceback" not in done.err


def test_without_the_extra_there_is_a_hint(
    edge_lam: Command, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("edge_lam_converters")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "gguf", None)
    done = edge_lam("convert", checkpoint, "-o", tmp_path / "out.gguf")
    assert done.code == 1
    assert "converting needs gguf, not installed here" in done.err
    assert 'pip install "edge-lam[convert]"' in done.err


def test_ctrl_c_ends_with_130_and_leaves_nothing(
    edge_lam_process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "large"
    write_checkpoint(folder, dtype="F32", hidden_size=512, intermediate_size=2048, num_hidden_layers=8)
    out = tmp_path / "models" / "out.gguf"
    out.parent.mkdir()
    process = edge_lam_process("convert", folder, "-o", out, "-q", "Q3_K_M", "--threads", 1, stderr=subprocess.PIPE)
    while not any(out.parent.glob(".out.gguf.f32.*.partial")):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == "edge-lam: interrupted\n"
    assert list(out.parent.iterdir()) == []

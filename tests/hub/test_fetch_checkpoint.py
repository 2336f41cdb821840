"""A checkpoint on the hub, downloaded and converted by a command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_lam.llama.gguf_file import GGUFHeader
from tests.hub.hub_server import COMMIT, Hub, Repo, run_hub

pytestmark = pytest.mark.slow

CONVERTERS = Path(__file__).resolve().parents[1] / "converters"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "checkpoint"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    module = "edge_lam_converters.random_checkpoint"
    subprocess.run([sys.executable, "-m", module, "tiny-qwen2", folder], check=True, env=environment)
    script = CONVERTERS / "random_adapter.py"
    subprocess.run([sys.executable, script, folder.parent / "lora", folder], check=True, env=environment)
    return folder


@pytest.fixture
def hub(checkpoint: Path) -> Iterator[Hub]:
    def files(folder: Path) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in folder.iterdir()}

    others = {
        "pytorch_model.bin": b"",
        "training_args.bin": b"",
        "onnx/model.safetensors": b"",
        "tf_model.h5": b"",
        ".gitattributes": b"",
    }
    repos = {
        "acme/Tiny-1B-ft": Repo(files(checkpoint) | others),
        "Salesforce/xLAM-2-1b-fc-r": Repo(files(checkpoint)),
        "acme/tiny-lora": Repo(files(checkpoint.parent / "lora")),
        "acme/only-gguf": Repo({"a-Q8_0.gguf": b"", "config.json": b"{}"}),
        "acme/gated": Repo(files(checkpoint), gated="good"),
    }
    with run_hub(repos) as running:
        yield running


def convert(hub: Hub, folder: Path, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "hf"), "HF_TOKEN": ""} | variables
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-m", "edge_lam.cli.main", "convert", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=folder
    )


def test_a_checkpoint_is_downloaded_converted_and_named_after_its_repository(hub: Hub, tmp_path: Path) -> None:
    done = convert(hub, tmp_path, "acme/Tiny-1B-ft", "--adapter", "acme/tiny-lora", "-q", "BF16")
    assert done.returncode == 0, done.stderr
    metadata = GGUFHeader.read(tmp_path / "Tiny-1B-ft-tiny-lora-BF16.gguf").metadata
    assert metadata["edge_lam.source"] == "acme/Tiny-1B-ft"
    assert metadata["edge_lam.source.commit"] == COMMIT
    assert metadata["edge_lam.adapter"] == "acme/tiny-lora"
    names = {path.rpartition("/")[2] for path in hub.downloads()}
    assert names == {
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "adapter_config.json",
        "adapter_model.safetensors",
    }


def test_the_cache_serves_without_the_hub(hub: Hub, tmp_path: Path) -> None:
    assert convert(hub, tmp_path, "acme/Tiny-1B-ft", "-q", "BF16").returncode == 0
    n_requests = len(hub.requests)
    done = convert(hub, tmp_path, "acme/Tiny-1B-ft", "-q", "F16", HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert len(hub.requests) == n_requests
    assert GGUFHeader.read(tmp_path / "Tiny-1B-ft-F16.gguf").metadata["edge_lam.source.commit"] == COMMIT


def test_an_alias_is_the_checkpoint(hub: Hub, tmp_path: Path) -> None:
    done = convert(hub, tmp_path, "xlam-2-1b", "-q", "BF16")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "xLAM-2-1b-fc-r-BF16.gguf").is_file()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("acme/nothing", "has no model repository acme/nothing"),
        ("acme/Tiny-1B-ft@v2", "acme/Tiny-1B-ft has no revision v2"),
        ("acme/only-gguf", "acme/only-gguf holds no checkpoint, only GGUF models"),
        ("acme/gated", "acme/gated is gated: its conditions must be accepted first"),
    ],
)
def test_refusals_are_one_line(source: str, message: str, hub: Hub, tmp_path: Path) -> None:
    done = convert(hub, tmp_path, source)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_type_is_refused_before_the_download(hub: Hub, tmp_path: Path) -> None:
    assert "there is no quantization Q9" in convert(hub, tmp_path, "acme/Tiny-1B-ft", "-q", "Q9").stderr
    assert hub.requests == []

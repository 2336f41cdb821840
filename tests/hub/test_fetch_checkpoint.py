"""A checkpoint on the hub, downloaded and converted by a command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from edge_lam.cli.main import run
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint
from tests.converters.random_adapter import shapes_of, write_adapter
from tests.hub.hub_server import COMMIT, Hub, Repo, run_hub

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "checkpoint"
    write_random_checkpoint(folder, SHAPES["tiny-qwen2"])
    write_adapter(folder.parent / "lora", shapes_of(folder))
    return folder


@pytest.fixture
def repos(checkpoint: Path) -> dict[str, Repo]:
    def files(folder: Path) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in folder.iterdir()}

    others = {
        "pytorch_model.bin": b"",
        "training_args.bin": b"",
        "onnx/model.safetensors": b"",
        "tf_model.h5": b"",
        ".gitattributes": b"",
    }
    return {
        "acme/Tiny-1B-ft": Repo(files(checkpoint) | others),
        "Salesforce/xLAM-2-1b-fc-r": Repo(files(checkpoint)),
        "acme/tiny-lora": Repo(files(checkpoint.parent / "lora")),
        "acme/only-gguf": Repo({"a-Q8_0.gguf": b"", "config.json": b"{}"}),
        "acme/gated": Repo(files(checkpoint), gated="good"),
    }


@pytest.fixture
def hub(repos: dict[str, Repo]) -> Iterator[Hub]:
    """A hub for other processes."""
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


Here = tuple[Hub, Callable[..., tuple[int, str]]]


@pytest.fixture
def here(
    serve: Callable[[dict[str, Repo]], AbstractContextManager[Hub]],
    repos: dict[str, Repo],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Here]:
    """A hub for this process, and `edge-lam convert` in it: the exit code and what it complains of."""

    def convert_here(*arguments: str) -> tuple[int, str]:
        return run(["convert", *arguments]), capsys.readouterr().err

    monkeypatch.chdir(tmp_path)
    with serve(repos) as running:
        yield running, convert_here


def test_an_alias_is_the_checkpoint(here: Here, tmp_path: Path) -> None:
    _, convert_here = here
    assert convert_here("xlam-2-1b", "-q", "BF16")[0] == 0
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
def test_refusals_are_one_line(source: str, message: str, here: Here) -> None:
    _, convert_here = here
    code, told = convert_here(source)
    assert code == 1
    assert message in told
    assert "Traceback" not in told


def test_a_wrong_type_is_refused_before_the_download(here: Here) -> None:
    hub, convert_here = here
    assert "there is no quantization Q9" in convert_here("acme/Tiny-1B-ft", "-q", "Q9")[1]
    assert hub.requests == []

"""Weight files of every kind: what is found, in which order it is believed, and what is refused."""

from __future__ import annotations

import importlib.util
import io
import itertools
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge_lam.errors import CheckpointError, InvalidRequest
from edge_lam_converters import convert
from edge_lam_converters.architectures import architecture_of
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.dtypes import all_finite, cast
from edge_lam_converters.random_checkpoint import random_values
from edge_lam_converters.weight_files import WeightFiles
from edge_lam_converters.weights import Weights
from tests.converters.random_checkpoint import write_checkpoint, write_safetensors

HAS_TORCH = importlib.util.find_spec("torch") is not None


class RunsCode:
    """What a hostile pickle looks like: loading it calls a function."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.marker,)


def hostile_bin(path: Path, marker: Path) -> None:
    """Write a file laid out as torch.save's, whose pickle runs code."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"model.norm.weight": RunsCode(marker)}))
        archive.writestr("archive/version", "3\n")


def test_safetensors_are_believed_before_torch_files(checkpoint: Path) -> None:
    (checkpoint / "pytorch_model.bin").write_bytes(b"never opened")
    assert [path.name for path in WeightFiles.find(checkpoint).paths] == ["model.safetensors"]


def test_pieces_are_whole_heads_and_bounded(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_lam_converters.source_tensor.PIECE_BYTES", 4096)
    tensor = Checkpoint.open(original).tensors["model.layers.0.self_attn.q_proj.weight"]
    sizes = [piece.size for piece in tensor.pieces(multiple=16 * 64)]
    assert sizes == [2048, 2048]
    assert [piece.size for piece in tensor.pieces(multiple=3 * 64)][:2] == [1920, 1920]
    assert [piece.size for piece in tensor.pieces(multiple=4096)] == [4096], "as large as the multiple asks for"


def test_a_file_cut_short_under_the_run_is_an_error(checkpoint: Path) -> None:
    opened = Checkpoint.open(checkpoint)
    weights = Weights.match(opened, architecture_of(opened.config))
    with (checkpoint / "model.safetensors").open("r+b") as file:
        file.truncate(200_000)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: the file ends in the middle of tensor model\."):
        list(itertools.chain.from_iterable(output.pieces for output in weights.outputs(None)))


def test_a_missing_torch_shard_is_named(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    shard = "pytorch_model-00001-of-00001.bin"
    (checkpoint / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(CheckpointError, match=r"00001\.bin is missing: pytorch_model\.bin\.index\.json names it"):
        Checkpoint.open(checkpoint)


@pytest.mark.parametrize("shard", ["../model.bin", "model.safetensors", "/etc/passwd", "..\\pytorch_model.bin"])
def test_a_torch_index_stays_in_the_folder(shard: str, checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "kept")
    (checkpoint / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(CheckpointError, match="which is no torch file name"):
        Checkpoint.open(checkpoint)


@pytest.mark.skipif(HAS_TORCH, reason="torch is installed")
def test_without_torch_the_error_says_what_to_do(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").rename(checkpoint / "pytorch_model.bin")
    with pytest.raises(InvalidRequest, match=r"reading pytorch_model\.bin needs torch") as caught:
        Checkpoint.open(checkpoint)
    assert "safetensors" in caught.value.hint


def test_a_pickle_with_code_is_not_run(checkpoint: Path, tmp_path: Path) -> None:
    """With torch it is refused; without, nothing is loaded at all."""
    (checkpoint / "model.safetensors").unlink()
    hostile_bin(checkpoint / "pytorch_model.bin", tmp_path / "marker")
    with pytest.raises((CheckpointError, InvalidRequest), match=r"holds more than tensors|needs torch"):
        convert(checkpoint, tmp_path / "out.gguf")
    assert not (tmp_path / "marker").exists()
    pickle.load(io.BytesIO(pickle.dumps(RunsCode(tmp_path / "marker"))))  # noqa: S301  # it would have
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
def test_non_finite_values_are_written_when_forced(dtype: str, checkpoint: Path, tmp_path: Path) -> None:
    tensors = write_checkpoint(checkpoint, dtype="F32")
    tensors["model.layers.0.mlp.up_proj.weight"][0, :2] = np.nan, -np.inf
    write_safetensors(checkpoint / "model.safetensors", tensors, "F32")
    with pytest.raises(CheckpointError, match=r"layers\.0\.mlp\.up_proj\.weight holds NaN or infinite values"):
        convert(checkpoint, tmp_path / "out.gguf", quant=dtype)
    convert(checkpoint, tmp_path / "out.gguf", quant=dtype, allow_non_finite=True)
    opened = Checkpoint.open(checkpoint)
    weights = Weights.match(opened, architecture_of(opened.config))
    outputs = {output.name: output for output in weights.outputs(dtype, allow_non_finite=True)}
    first = cast(next(iter(outputs["blk.0.ffn_up.weight"].pieces)), dtype, "F32")[:3]
    assert np.isnan(first[0])
    assert first[1] == -np.inf
    assert np.isfinite(first[2])


def test_every_nan_stays_one_when_rounded_to_bfloat16() -> None:
    bits = np.array([0x7F800001, 0x7FFFFFFF, 0xFFFFFFFF, 0xFF800001, 0x7FC00000], np.uint32)
    rounded = cast(bits.view(np.float32), "F32", "BF16")
    assert np.isnan(cast(rounded, "BF16", "F32")).all()
    assert not all_finite(rounded, "BF16")


def test_random_weights_depend_on_name_and_seed_only() -> None:
    def values(*arguments: object) -> bytes:
        return b"".join(piece.tobytes() for piece in random_values(*arguments))

    assert values("a.weight", (8, 4)) == values("a.weight", (8, 4))
    assert len({values("a.weight", (8, 4)), values("b.weight", (8, 4)), values("a.weight", (8, 4), 1)}) == 3

"""llama.cpp's quantizer: every type by its name, and its refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_lam.errors import BackendError, InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.library import library
from edge_lam_converters.quantize import FILE_TYPE_NUMBERS, Recipe, check_file_type, quantize_file

gguf = pytest.importorskip("gguf")

NEED_IMATRIX = {"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "IQ3_XS", "Q2_K_S"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers of a Qwen2 with random BF16 weights of few rows; the quantizer needs neither vocabulary nor shapes."""
    path = tmp_path_factory.mktemp("quantize") / "source.gguf"
    writer = gguf.GGUFWriter(str(path), "qwen2")
    n_embd, n_ff, n_layers, n_rows = 256, 512, 2, 32
    writer.add_block_count(n_layers)
    writer.add_context_length(128)
    writer.add_embedding_length(n_embd)
    writer.add_feed_forward_length(n_ff)
    writer.add_head_count(4)
    writer.add_head_count_kv(4)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_file_type(FILE_TYPE_NUMBERS["BF16"])
    random = np.random.default_rng(0)

    def matrix(name: str, rows: int, columns: int) -> None:
        values = gguf.quants.quantize(
            random.standard_normal((rows, columns), np.float32), gguf.GGMLQuantizationType.BF16
        )
        writer.add_tensor(name, values, raw_dtype=gguf.GGMLQuantizationType.BF16)

    matrix("token_embd.weight", n_rows, n_embd)
    writer.add_tensor("output_norm.weight", np.ones(n_embd, np.float32))
    for layer in range(n_layers):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(f"blk.{layer}.{name}.weight", n_rows, n_embd)
        matrix(f"blk.{layer}.ffn_gate.weight", n_rows, n_embd)
        matrix(f"blk.{layer}.ffn_up.weight", n_rows, n_embd)
        matrix(f"blk.{layer}.ffn_down.weight", n_rows, n_ff)
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(n_embd, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_the_numbers_are_llama_cpps_own() -> None:
    constants = {
        name.removeprefix("LLAMA_FTYPE_").removeprefix("MOSTLY_").removeprefix("ALL_"): value
        for name, value in vars(library()).items()
        if name.startswith("LLAMA_FTYPE_")
    }
    assert constants == {**FILE_TYPE_NUMBERS, "NVFP4": 39, "GUESSED": 1024}


@pytest.mark.parametrize("name", sorted(FILE_TYPE_NUMBERS.keys() - NEED_IMATRIX))
def test_every_type_can_be_written(name: str, source: Path, tmp_path: Path) -> None:
    quantize_file(source, tmp_path / "out.gguf", name, n_threads=1)
    header = GGUFHeader.read(tmp_path / "out.gguf")
    assert header.file_type == name
    assert [tensor.name for tensor in header.tensors].count("token_embd.weight") == 1
    if name not in ("F32", "F16", "BF16"):
        assert header.bits_per_weight < 9


@pytest.mark.parametrize("name", sorted(NEED_IMATRIX))
def test_types_that_need_an_imatrix_are_refused_before_llama_cpp_does(
    name: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidRequest, match=f"{name} needs an importance matrix"):
        quantize_file(source, tmp_path / "out.gguf", name)
    assert not (tmp_path / "out.gguf").exists()
    monkeypatch.setattr("edge_lam_converters.quantize.NEED_IMATRIX", frozenset())
    with pytest.raises(BackendError, match=f"could not quantize to {name}: this quantization requires an imatrix"):
        quantize_file(source, tmp_path / "out.gguf", name)


@pytest.mark.parametrize("name", ["IQ3_XS", "Q2_K_S"])
def test_types_that_need_an_imatrix_can_be_written_with_one(name: str, source: Path, tmp_path: Path) -> None:
    tensors = [tensor for tensor in GGUFHeader.read(source).tensors if len(tensor.shape) > 1]
    imatrix = {tensor.name: np.linspace(0.1, 1, tensor.shape[0], dtype=np.float32) for tensor in tensors}
    quantize_file(source, tmp_path / "out.gguf", Recipe(name, imatrix=imatrix), n_threads=1)
    header = GGUFHeader.read(tmp_path / "out.gguf")
    assert header.file_type == name
    assert header.bits_per_weight < 5


@pytest.mark.parametrize("name", ["Q9_9", "q8_0", "", "NVFP4"])
def test_an_unknown_type_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"there is no quantization {name}") as caught:
        check_file_type(name)
    assert "Q4_K_M" in caught.value.hint


def test_what_is_quantized_already_is_refused(source: Path, tmp_path: Path) -> None:
    quantize_file(source, tmp_path / "once.gguf", "Q8_0", n_threads=1)
    with pytest.raises(BackendError, match="requantizing from type q8_0 is disabled"):
        quantize_file(tmp_path / "once.gguf", tmp_path / "twice.gguf", "Q4_0", n_threads=1)


def test_a_missing_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"could not quantize to Q8_0: .*nothing\.gguf"):
        quantize_file(tmp_path / "nothing.gguf", tmp_path / "out.gguf", "Q8_0")


def test_the_caller_is_told_while_it_works(source: Path, tmp_path: Path) -> None:
    calls: list[int] = []
    quantize_file(source, tmp_path / "out.gguf", "Q8_0", n_threads=1, on_wait=lambda: calls.append(1))
    assert calls

"""Several files in one run, GGUF sources, plans, types of single tensors, and where results go."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader

from edge_lam.errors import BackendError, CheckpointError, InvalidModelFile, InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam_converters import convert, convert_all, plan
from tests.converters.random_adapter import shapes_of, write_adapter
from tests.converters.random_checkpoint import write_checkpoint

WIDE = {"hidden_size": 256, "intermediate_size": 352, "num_hidden_layers": 2}  # 352 is no multiple of 256, as 5504


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose rows divide into K-quants' blocks, but for those of ffn_down."""
    folder = tmp_path_factory.mktemp("pipeline") / "wide"
    write_checkpoint(folder, **WIDE)
    return folder


def types(path: Path) -> dict[str, str]:
    return {tensor.name: tensor.type for tensor in GGUFHeader.read(path).tensors}


def values(path: Path) -> dict[str, object]:
    return {key: field.contents() for key, field in GGUFReader(path).fields.items()}


def test_several_types_are_what_single_runs_make(wide: Path, tmp_path: Path) -> None:
    (tmp_path / "together").mkdir()
    reports = convert_all(wide, tmp_path / "together", quants=["Q4_K_M", "bf16", "Q8_0", "q8_0"])
    assert [Path(report.path).name for report in reports] == ["wide-Q4_K_M.gguf", "wide-BF16.gguf", "wide-Q8_0.gguf"]
    assert len(list((tmp_path / "together").iterdir())) == 3
    for report in reports:
        convert(wide, tmp_path / "alone.gguf", quant=report.quant, force=True)
        assert Path(report.path).read_bytes() == (tmp_path / "alone.gguf").read_bytes()


def test_a_float_gguf_quantizes_as_its_checkpoint_does(wide: Path, tmp_path: Path) -> None:
    convert(wide, tmp_path / "wide-BF16.gguf", quant="BF16")
    report = convert(tmp_path / "wide-BF16.gguf", quant="Q4_K_M")
    assert Path(report.path) == tmp_path / "wide-Q4_K_M.gguf"
    convert(wide, tmp_path / "direct.gguf", quant="Q4_K_M")
    ours, direct = (GGUFReader(path) for path in (report.path, tmp_path / "direct.gguf"))
    assert [t.data.tobytes() for t in ours.tensors] == [t.data.tobytes() for t in direct.tensors]
    metadata = values(Path(report.path))
    assert metadata["edge_lam.quant.source"] == "wide-BF16.gguf"
    assert len(metadata["edge_lam.quant.source.sha256"]) == 64
    assert metadata["edge_lam.quant"].startswith("Q4_K_M from BF16 by llama-cpp-python ")
    assert metadata["edge_lam.source"] == "wide", "where the checkpoint came from is kept"


def test_a_float_gguf_becomes_another_float_gguf(wide: Path, tmp_path: Path) -> None:
    convert(wide, tmp_path / "wide-BF16.gguf", quant="BF16")
    convert(tmp_path / "wide-BF16.gguf", tmp_path / "out.gguf", quant="F32")
    convert(wide, tmp_path / "direct.gguf", quant="F32")
    ours, direct = (
        {t.name: t.data.tobytes() for t in GGUFReader(tmp_path / name).tensors} for name in ("out.gguf", "direct.gguf")
    )
    assert ours == direct


@pytest.mark.parametrize("adapter", [False, True])
def test_a_plan_says_what_is_then_written(adapter: bool, wide: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "lora", shapes_of(wide))
    options = {"adapter": tmp_path / "lora"} if adapter else {}
    quants = ["Q4_K_M", "Q8_0", "IQ4_XS", "BF16", "F32"]
    overrides = [("attn_v", "Q6_K"), ("ffn_down", "Q5_1")]
    plans = plan(wide, tmp_path, quants=quants, tensor_types=overrides, **options)
    assert not list(tmp_path.glob("*.gguf*"))
    reports = convert_all(wide, tmp_path, quants=quants, tensor_types=overrides, **options)
    for expected, report in zip(plans, reports, strict=True):
        assert (expected.quant, expected.size) == (report.quant, Path(report.path).stat().st_size)
        assert {name: kind for name, kind, _ in expected.tensors} == types(Path(report.path))
        assert (expected.bits_per_weight, expected.tensor_types) == (report.bits_per_weight, report.tensor_types)


def test_the_plan_of_a_gguf_source_is_at_most_its_padding_off(wide: Path, tmp_path: Path) -> None:
    convert(wide, tmp_path / "wide-BF16.gguf")
    [expected] = plan(tmp_path / "wide-BF16.gguf", quants=["Q4_K_M"])
    report = convert(tmp_path / "wide-BF16.gguf", quant="Q4_K_M")
    assert abs(expected.size - report.size) < 256


def test_rows_that_don_t_divide_fall_back_and_are_reported(wide: Path, tmp_path: Path) -> None:
    report = convert(wide, tmp_path / "out.gguf", quant="Q4_K_M")
    written = types(tmp_path / "out.gguf")
    assert {fallback.tensor for fallback in report.fallbacks} == {f"blk.{i}.ffn_down.weight" for i in range(2)}
    for fallback in report.fallbacks:
        assert fallback.n_columns == 352
        assert written[fallback.tensor] == fallback.used
        assert (fallback.wanted, fallback.used) in {("Q6_K", "Q8_0"), ("Q4_K", "Q5_0")}
    assert convert(wide, tmp_path / "out.gguf", quant="Q8_0", force=True).fallbacks == ()


def test_single_tensors_get_the_type_asked_for(wide: Path, tmp_path: Path) -> None:
    overrides = [(r"blk\.0\.ffn_up", "Q8_0"), ("ffn_up", "Q5_K"), ("token_embd", "F16")]
    convert(wide, tmp_path / "out.gguf", quant="Q4_K_M", tensor_types=overrides)
    written = types(tmp_path / "out.gguf")
    assert written["blk.0.ffn_up.weight"] == "Q8_0"
    assert written["blk.1.ffn_up.weight"] == "Q5_K"
    assert written["token_embd.weight"] == "F16"
    metadata = values(tmp_path / "out.gguf")
    assert metadata["edge_lam.quant.override.0"] == r"blk\.0\.ffn_up=Q8_0"
    assert metadata["edge_lam.quant.override.2"] == "token_embd=F16"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (("ffn_up", "Q9"), "there is no tensor type Q9"),
        (("ffn_up", "Q8_K"), "there is no tensor type Q8_K"),
        (("(", "Q8_0"), "is no regular expression"),
        (("experts", "Q8_0"), "no tensor is called anything like experts"),
        (("token_embd", "IQ2_XXS"), "token_embd.weight would be IQ2_XXS, for which it needs an importance matrix"),
    ],
)
def test_types_that_can_t_be_are_refused(override: tuple[str, str], message: str, wide: Path, tmp_path: Path) -> None:
    with pytest.raises((InvalidRequest, BackendError), match=message):
        convert(wide, tmp_path / "out.gguf", quant="Q4_K_M", tensor_types=[override])
    assert list(tmp_path.iterdir()) == []


def test_types_of_tensors_without_a_quantization_are_refused(wide: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="need a quantization"):
        convert(wide, tmp_path / "out.gguf", quant="BF16", tensor_types=[("ffn_up", "Q8_0")])


def test_an_importance_matrix_decides_and_is_recorded(wide: Path, tmp_path: Path) -> None:
    imatrix = {name: np.ones(shape[1], np.float32) for name, shape in gguf_shapes(wide, tmp_path).items()}
    first = next(iter(imatrix))
    imatrix[first] = np.linspace(0, 100, imatrix[first].size, dtype=np.float32)
    calibration: dict[str, str | int] = {"quantize.imatrix.dataset": "calls.jsonl", "quantize.imatrix.entries_count": 9}
    options = {"imatrix": imatrix, "calibration": calibration}
    [expected] = plan(wide, tmp_path, quants=["Q2_K_S"], **options)
    report = convert(wide, tmp_path / "out.gguf", quant="Q2_K_S", **options)
    assert report.size == expected.size
    metadata = values(tmp_path / "out.gguf")
    assert {key: metadata[key] for key in calibration} == calibration
    convert(wide, tmp_path / "plain.gguf", quant="Q4_K_M")
    convert(wide, tmp_path / "weighed.gguf", quant="Q4_K_M", **options)
    plain, weighed = (
        {t.name: t.data.tobytes() for t in GGUFReader(tmp_path / f"{name}.gguf").tensors}
        for name in ("plain", "weighed")
    )
    assert plain[first] != weighed[first]


def gguf_shapes(checkpoint: Path, folder: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the matrices in the blocks of the GGUF, rows first."""
    convert(checkpoint, folder / "shapes.gguf", quant="F32")
    tensors = GGUFHeader.read(folder / "shapes.gguf").tensors
    return {t.name: t.shape[::-1] for t in tensors if len(t.shape) == 2 and t.name.startswith("blk")}


def test_non_finite_weights_are_written_when_forced(checkpoint: Path, tmp_path: Path) -> None:
    content = bytearray((checkpoint / "model.safetensors").read_bytes())
    content[-2:] = b"\xc0\x7f"  # a NaN in BF16
    (checkpoint / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="holds NaN or infinite values"):
        convert(checkpoint, tmp_path / "out.gguf")
    convert(checkpoint, tmp_path / "out.gguf", allow_non_finite=True)
    with pytest.raises(BackendError, match=r"blk\.2\.ffn_down\.weight' has invalid data"):
        convert(checkpoint, tmp_path / "quantized.gguf", quant="Q8_0", allow_non_finite=True)
    assert not (tmp_path / "quantized.gguf").exists()


def test_several_types_for_one_file_are_refused(wide: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="Q8_0 and BF16 can't both be"):
        convert_all(wide, tmp_path / "out.gguf", quants=["Q8_0", "BF16"])
    with pytest.raises(InvalidRequest, match="no quantization is asked for"):
        convert_all(wide, tmp_path, quants=[])


@pytest.mark.parametrize(("out", "quants"), [("new/", ["BF16"]), ("new/deep/", ["BF16"]), ("new", ["BF16", "Q8_0"])])
def test_a_folder_is_made_where_one_is_meant(out: str, quants: list[str], wide: Path, tmp_path: Path) -> None:
    planned = plan(wide, f"{tmp_path}/{out}", quants=quants)
    assert not list(tmp_path.iterdir())
    reports = convert_all(wide, f"{tmp_path}/{out}", quants=quants)
    assert [report.path for report in reports] == [str(file.path) for file in planned]
    assert {Path(report.path).parent for report in reports} == {tmp_path / out}


def test_if_one_of_several_exists_none_is_written(wide: Path, tmp_path: Path) -> None:
    (tmp_path / "wide-Q8_0.gguf").write_bytes(b"old")
    with pytest.raises(InvalidRequest, match="exists"):
        convert_all(wide, tmp_path, quants=["BF16", "Q8_0"])
    assert [file.name for file in tmp_path.iterdir()] == ["wide-Q8_0.gguf"]


def test_a_quantized_gguf_is_no_source(wide: Path, tmp_path: Path) -> None:
    convert(wide, tmp_path / "wide.gguf", quant="Q8_0")
    with pytest.raises(CheckpointError, match="is quantized already: it holds Q8_0"):
        convert(tmp_path / "wide.gguf", quant="Q4_K_M")


def test_a_gguf_cut_off_is_no_source(wide: Path, tmp_path: Path) -> None:
    convert(wide, tmp_path / "wide.gguf")
    os.truncate(tmp_path / "wide.gguf", 300_000)
    with pytest.raises(InvalidModelFile, match="is cut off"):
        convert(tmp_path / "wide.gguf", quant="Q4_K_M")


def test_a_gguf_source_is_not_written_over(wide: Path, tmp_path: Path) -> None:
    convert(wide, tmp_path / "wide.gguf")
    with pytest.raises(InvalidRequest, match="is a file of the source itself"):
        convert(tmp_path / "wide.gguf", tmp_path / "wide.gguf", quant="Q8_0", force=True)


def test_the_hub_s_cache_says_which_repository_and_commit_a_checkpoint_is(tmp_path: Path, monkeypatch) -> None:
    snapshot = tmp_path / "models--someone--Tiny-1B-ft" / "snapshots" / ("ab12" * 10)
    write_checkpoint(snapshot)
    (snapshot / "README.md").write_text("no front matter")
    monkeypatch.chdir(tmp_path)
    report = convert(snapshot)
    assert Path(report.path) == tmp_path / "Tiny-1B-ft-BF16.gguf", "nothing is written into the hub's cache"
    metadata = values(Path(report.path))
    assert metadata["edge_lam.source"] == "someone/Tiny-1B-ft"
    assert metadata["edge_lam.source.commit"] == "ab12" * 10
    assert metadata["general.name"] == "Tiny 1B Ft"


def test_a_download_into_a_folder_tells_its_commit(checkpoint: Path, tmp_path: Path) -> None:
    note = checkpoint / ".cache" / "huggingface" / "download" / "config.json.metadata"
    note.parent.mkdir(parents=True)
    note.write_text("c0ffee" * 6 + "abcd\netag\n12.5\n")
    convert(checkpoint, tmp_path / "out.gguf")
    assert values(tmp_path / "out.gguf")["edge_lam.source.commit"] == "c0ffee" * 6 + "abcd"
    note.write_text("nonsense\n")
    convert(checkpoint, tmp_path / "out.gguf", force=True)
    assert "edge_lam.source.commit" not in values(tmp_path / "out.gguf")


def test_a_report_is_plain_json(wide: Path, tmp_path: Path) -> None:
    report = convert(wide, tmp_path / "out.gguf", quant="Q4_K_M")
    read = json.loads(json.dumps(report.to_dict()))
    assert read["fallbacks"][0]["used"] in ("Q8_0", "Q5_0")
    assert read["peak_memory"] > 10 * 2**20

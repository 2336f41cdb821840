"""The file of an importance matrix: written, read back, read by others, refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_lam.errors import InvalidModelFile, ModelNotFound
from edge_lam_converters.imatrix import Imatrix, Sums, read_imatrix
from tests.llama.gguf_builder import gguf as build

gguf = pytest.importorskip("gguf")


@pytest.fixture
def imatrix() -> Imatrix:
    dense = Sums(np.array([[4.0, 8.0, 0.5]]), np.array([2]))
    experts = Sums(np.array([[1.0, 2.0], [0.0, 0.0], [9.0, 3.0]]), np.array([1, 0, 3]))
    notes = {"edge_lam.calibration.calls": "calls.jsonl", "edge_lam.calibration.tokens": 1500}
    return Imatrix({"blk.0.ffn_up_exps.weight": experts, "blk.0.attn_q.weight": dense}, ("calls.jsonl",), notes=notes)


def test_a_file_reads_back(imatrix: Imatrix, tmp_path: Path) -> None:
    imatrix.write(tmp_path / "i.gguf")
    read = read_imatrix(tmp_path / "i.gguf")
    assert read.datasets == imatrix.datasets
    assert read.notes == imatrix.notes
    assert read.sums.keys() == imatrix.sums.keys()
    for name, (squares, counts) in imatrix.sums.items():
        np.testing.assert_array_equal(read.sums[name].squares, squares)
        np.testing.assert_array_equal(read.sums[name].counts, counts)


def test_the_file_is_the_standard_one(imatrix: Imatrix, tmp_path: Path) -> None:
    imatrix.write(tmp_path / "i.gguf")
    reader = gguf.GGUFReader(tmp_path / "i.gguf")
    values = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    assert values == {
        "general.type": "imatrix",
        "imatrix.datasets": ["calls.jsonl"],
        "imatrix.chunk_count": 1,
        "imatrix.chunk_size": 512,
        "edge_lam.calibration.calls": "calls.jsonl",
        "edge_lam.calibration.tokens": 1500,
    }
    shapes = {tensor.name: tensor.shape.tolist() for tensor in reader.tensors}
    assert shapes == {
        "blk.0.attn_q.weight.in_sum2": [3, 1],
        "blk.0.attn_q.weight.counts": [1, 1],
        "blk.0.ffn_up_exps.weight.in_sum2": [2, 3],
        "blk.0.ffn_up_exps.weight.counts": [1, 3],
    }
    by_name = {tensor.name: tensor.data for tensor in reader.tensors}
    assert by_name["blk.0.ffn_up_exps.weight.in_sum2"].tolist() == [[1.0, 2.0], [0.0, 0.0], [9.0, 3.0]]


def test_importance_is_the_mean_and_one_for_experts_that_saw_nothing(imatrix: Imatrix) -> None:
    importance = imatrix.importance()
    assert importance["blk.0.attn_q.weight"].tolist() == [2.0, 4.0, 0.25]
    assert importance["blk.0.ffn_up_exps.weight"].tolist() == [1.0, 2.0, 1.0, 1.0, 3.0, 1.0]


def test_metadata_of_a_quantized_file(imatrix: Imatrix) -> None:
    assert imatrix.metadata("i.gguf") == {
        "quantize.imatrix.file": "i.gguf",
        "quantize.imatrix.dataset": "calls.jsonl",
        "quantize.imatrix.entries_count": 2,
        "quantize.imatrix.chunks_count": 1,
        "edge_lam.calibration.calls": "calls.jsonl",
        "edge_lam.calibration.tokens": 1500,
    }
    assert "quantize.imatrix.file" not in imatrix.metadata("")


def test_a_failed_write_leaves_the_old_file(imatrix: Imatrix, tmp_path: Path) -> None:
    path = tmp_path / "i.gguf"
    path.write_bytes(b"old")
    broken = Imatrix(imatrix.sums, notes={"edge_lam.calibration.tokens": 2**40})  # does not fit 32 bits
    with pytest.raises(Exception, match="format"):
        broken.write(path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["i.gguf"]


KIND = {"general.type": "imatrix"}
SUMS, COUNTS = ("a.in_sum2", (4, 1), "F32"), ("a.counts", (1, 1), "F32")
REFUSED = {
    "a model": (build({"general.architecture": "qwen2"}, [SUMS, COUNTS]), "is no importance matrix, but 'a model'"),
    "an adapter": (build({"general.type": "adapter"}, [SUMS, COUNTS]), "but 'adapter'"),
    "nothing": (build(KIND), "holds no sums"),
    "no counts": (build(KIND, [SUMS]), "sums without counts"),
    "counts of another": (build(KIND, [SUMS, ("b.counts", (1, 1), "F32")]), "no counts for a"),
    "a stray tensor": (build(KIND, [SUMS, COUNTS, ("output.weight", (4, 1), "F32")]), "the tensor 'output.weight'"),
    "half floats": (build(KIND, [("a.in_sum2", (4, 1), "F16"), COUNTS]), "as F16, not F32"),
    "counts that don't divide": (build(KIND, [SUMS, ("a.counts", (1, 3), "F32")]), "3 counts for 4 sums"),
    "cut off": (build(KIND, [SUMS, COUNTS])[:-30], "is cut off"),
    "text": (b"not a gguf, but long enough to be looked at", "is not a GGUF file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_importance_matrix_is_refused(case: str, tmp_path: Path) -> None:
    data, message = REFUSED[case]
    (tmp_path / "i.gguf").write_bytes(data)
    with pytest.raises(InvalidModelFile, match=message):
        read_imatrix(tmp_path / "i.gguf")


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_sums_that_can_not_be_are_refused(value: float, imatrix: Imatrix, tmp_path: Path) -> None:
    imatrix.sums["blk.0.attn_q.weight"].squares[0, 1] = value
    imatrix.write(tmp_path / "i.gguf")
    with pytest.raises(InvalidModelFile, match=r"blk\.0\.attn_q\.weight that are negative or not finite"):
        read_imatrix(tmp_path / "i.gguf")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="there is no file"):
        read_imatrix(tmp_path / "i.gguf")

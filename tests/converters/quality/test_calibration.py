"""An importance matrix from function calls, and what quantizing with it changes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from edge_lam.errors import InvalidRequest
from edge_lam.formats import detect
from edge_lam.formats.examples import read_examples
from edge_lam.llama import GGUFHeader, Model
from edge_lam_converters.imatrix import Imatrix, read_imatrix
from edge_lam_converters.quality import calibrate
from edge_lam_converters.quality.passages import TEXT_TOKENS, call_passages, text_passages

CHECKPOINT = Path(__file__).resolve().parents[3] / "models" / "tiny-lam" / "checkpoint"

convert = pytest.importorskip("edge_lam_converters").convert


@pytest.fixture(scope="module")
def imatrix(converted: dict[str, Path], calls_path: Path) -> Imatrix:
    return calibrate(converted["BF16"], calls=calls_path, n_threads=1)


def test_every_matrix_of_every_layer_is_weighed(imatrix: Imatrix, converted: dict[str, Path]) -> None:
    tensors = GGUFHeader.read(converted["BF16"]).tensors
    matrices = {tensor.name for tensor in tensors if tensor.name.startswith("blk.") and len(tensor.shape) > 1}
    assert imatrix.sums.keys() == matrices
    for squares, counts in imatrix.sums.values():
        assert counts.tolist() == [imatrix.notes["edge_lam.calibration.tokens"]]
        assert (squares > 0).all()


def test_the_file_says_what_it_was_made_from(imatrix: Imatrix, calls_path: Path) -> None:
    assert imatrix.datasets == ("calls.jsonl",)
    examples = read_examples(calls_path)
    assert (
        imatrix.notes.items()
        >= {
            "edge_lam.calibration.calls": "calls.jsonl",
            "edge_lam.calibration.calls.sha256": hashlib.sha256(calls_path.read_bytes()).hexdigest(),
            "edge_lam.calibration.conversations": len(examples),
            "edge_lam.calibration.expected_calls": sum(len(example.calls) for example in examples),
            "edge_lam.calibration.format": "xlam-2-qwen",
            "edge_lam.calibration.model": "tiny-lam",
        }.items()
    )


def test_the_expected_calls_are_part_of_what_is_read(
    converted: dict[str, Path], tmp_path: Path, calls_path: Path
) -> None:
    line = json.loads(calls_path.read_text(encoding="utf-8").splitlines()[0])
    n_tokens = {}
    for name, expected in {"one": line["calls"], "none": []}.items():
        path = tmp_path / f"{name}.jsonl"
        path.write_text(json.dumps(line | {"calls": expected}))
        n_tokens[name] = calibrate(converted["BF16"], calls=path, n_threads=1).notes["edge_lam.calibration.tokens"]
    with Model(converted["BF16"], device="cpu") as model:
        [passage] = call_passages(model, detect(model.metadata), read_examples(tmp_path / "one.jsonl"))
        reply = model.detokenize(passage.tokens[passage.start :]).decode()
    assert reply == '[{"name": "get_time", "arguments": {"city": "Madrid"}}]<|im_end|>'
    assert n_tokens["one"] == n_tokens["none"] + len(passage.tokens) - passage.start


def test_quantizing_with_it_changes_the_weights(imatrix: Imatrix, converted: dict[str, Path], tmp_path: Path) -> None:
    imatrix.write(tmp_path / "imatrix.gguf")
    read = read_imatrix(tmp_path / "imatrix.gguf")
    with_it = tmp_path / "with.gguf"
    options = {"imatrix": read.importance(), "calibration": read.metadata("imatrix.gguf")}
    convert(converted["BF16"], with_it, quant="Q4_0", n_threads=1, **options)
    metadata = GGUFHeader.read(with_it).metadata
    assert metadata["quantize.imatrix.file"] == "imatrix.gguf"
    assert metadata["edge_lam.calibration.calls.sha256"] == imatrix.notes["edge_lam.calibration.calls.sha256"]
    with Model(with_it, device="cpu") as model:
        assert model.header.file_type == "Q4_0"
    ours, plain = (tensor_bytes(path) for path in (with_it, converted["Q4_0"]))
    changed = {name for name in ours if ours[name] != plain[name]}
    assert changed == imatrix.sums.keys()


def tensor_bytes(path: Path) -> dict[str, bytes]:
    data = np.fromfile(path, np.uint8)
    tensors = GGUFHeader.read(path).tensors
    return {tensor.name: data[tensor.offset :][: tensor.n_bytes].tobytes() for tensor in tensors}


def test_calibrating_within_a_conversion_gives_the_same(
    imatrix: Imatrix, converted: dict[str, Path], calls_path: Path, tmp_path: Path
) -> None:
    def run(model: Path) -> tuple[object, object]:
        made = calibrate(model, calls=calls_path, n_threads=1)
        return made.importance(), made.metadata("")

    convert(CHECKPOINT, tmp_path / "one.gguf", quant="Q4_0", calibrate=run, n_threads=1)
    convert(converted["BF16"], tmp_path / "two.gguf", quant="Q4_0", imatrix=imatrix.importance(), n_threads=1)
    assert tensor_bytes(tmp_path / "one.gguf") == tensor_bytes(tmp_path / "two.gguf")
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".gguf"] == []


def test_a_matrix_of_another_model_is_refused(imatrix: Imatrix, converted: dict[str, Path], tmp_path: Path) -> None:
    importance = imatrix.importance()
    name, values = next(iter(importance.items()))
    for wrong in (importance | {"blk.99.attn_q.weight": values}, importance | {name: values[:-1]}):
        with pytest.raises(InvalidRequest, match="importance matrix is of another model"):
            convert(converted["BF16"], tmp_path / "out.gguf", quant="Q4_0", imatrix=wrong)
    with pytest.raises(InvalidRequest, match="needs a quantization"):
        convert(CHECKPOINT, tmp_path / "out.gguf", quant="BF16", imatrix=importance)
    assert not list(tmp_path.iterdir())


def test_text_is_cut_as_llama_cpp_cuts_it(converted: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("All work and no play makes Jack a dull boy. <|im_end|> " * 40)
    with Model(converted["BF16"], device="cpu") as model:
        tokens = model.tokenize((tmp_path / "text.txt").read_text(), parse_special=False)
        passages = text_passages(model, (tmp_path / "text.txt").read_text(), "text.txt")
    assert [passage.tokens for passage in passages] == [
        tokens[start : start + TEXT_TOKENS] for start in range(0, len(tokens) - TEXT_TOKENS + 1, TEXT_TOKENS)
    ]
    assert len(passages) >= 2
    made = calibrate(converted["BF16"], text=tmp_path / "text.txt", n_threads=1)
    assert made.notes["edge_lam.calibration.tokens"] == TEXT_TOKENS * len(passages)
    assert made.chunk_count == len(passages)


def test_what_can_not_be_read_is_refused(converted: dict[str, Path], calls_path: Path, tmp_path: Path) -> None:
    model = converted["BF16"]
    with pytest.raises(InvalidRequest, match="nothing to calibrate with"):
        calibrate(model)
    (tmp_path / "short.txt").write_text("too short")
    with pytest.raises(InvalidRequest, match=r"short\.txt has \d+ tokens, fewer than 512"):
        calibrate(model, text=tmp_path / "short.txt")
    line = json.loads(calls_path.read_text(encoding="utf-8").splitlines()[0])
    line |= {"id": "the long one", "messages": "word " * 5000}
    (tmp_path / "long.jsonl").write_text(json.dumps(line))
    with pytest.raises(InvalidRequest, match=r"the long one has \d+ tokens, more than the"):
        calibrate(model, calls=tmp_path / "long.jsonl")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidRequest, match="not UTF-8"):
        calibrate(model, text=tmp_path / "bytes.txt")

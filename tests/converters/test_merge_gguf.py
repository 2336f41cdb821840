"""A merged model is the base with its adapter, as llama.cpp computes them."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from edge_lam.errors import CheckpointError, EdgeLamError, InvalidModelFile
from edge_lam.formats import XLam2Qwen, detect
from edge_lam.llama.context import Context
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.model import Model
from edge_lam_converters import convert
from edge_lam_converters.merge_gguf import merge_gguf
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint
from tests.adapters import write_lora

ADAPTED = ("blk.0.attn_q.weight", "blk.1.ffn_up.weight", "blk.2.ffn_down.weight")
IDS = [5, 17, 300, 44, 210, 99]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    write_random_checkpoint(folder / "checkpoint", SHAPES["tiny-smollm"])
    convert(folder / "checkpoint", folder / "base.gguf", quant="F16")
    return folder / "base.gguf"


def last_logits(model: Model, *adapters: tuple[Path, float]) -> np.ndarray:
    with Context(model, n_ctx=64, adapters=adapters, kv_type="f16") as context:
        context.decode(IDS, start=0)
        return context.logits().copy()


def test_it_computes_what_base_and_adapter_do(base, tmp_path):
    adapter = write_lora(tmp_path / "adapter.gguf", base, ADAPTED)
    template = XLam2Qwen.own_template()
    merge_gguf(base, adapter, tmp_path / "merged.gguf", name="two-in-one", template=template)
    with Model(base, device="cpu") as model:
        plain, expected = last_logits(model), last_logits(model, (adapter, 1.0))
    with Model(tmp_path / "merged.gguf", device="cpu") as model:
        assert model.name == "two-in-one"
        assert detect(model.header.metadata).name == "xlam-2-qwen"
        assert model.tokenize("1234 tools") == Model(base, device="cpu").tokenize("1234 tools")
        found = last_logits(model)
    assert np.abs(found - expected).max() < 0.1 * np.abs(plain - expected).max()


def test_a_float_one_can_be_quantized(base, tmp_path):
    adapter = write_lora(tmp_path / "adapter.gguf", base, ADAPTED)
    merge_gguf(base, adapter, tmp_path / "merged.gguf", name="two-in-one", as_float=True)
    assert {tensor.type for tensor in GGUFHeader.read(tmp_path / "merged.gguf").tensors} == {"F16", "F32"}
    convert(tmp_path / "merged.gguf", tmp_path / "small.gguf", quant="Q4_0")
    with Model(base, device="cpu") as model:
        expected = last_logits(model, (adapter, 1.0))
    with Model(tmp_path / "merged.gguf", device="cpu") as model:
        assert np.abs(last_logits(model) - expected).max() < 0.01 * np.abs(expected).max()
    with Model(tmp_path / "small.gguf", device="cpu") as model:
        assert model.name == "two-in-one"


def test_an_adapter_of_another_base_is_refused(base, tmp_path):
    adapter = write_lora(tmp_path / "adapter.gguf", base, ["blk.0.attn_q.weight"])
    adapter.write_bytes(adapter.read_bytes().replace(b"blk.0.attn_q", b"blk.7.attn_q"))
    with pytest.raises(CheckpointError, match=r"adapts blk\.7\.attn_q\.weight, which .* does not have"):
        merge_gguf(base, adapter, tmp_path / "merged.gguf", name="none")
    assert not list(tmp_path.glob("*merged*"))


Q = "blk.0.attn_q.weight"
A, B = np.ones((4, 64), np.float32), np.ones((64, 4), np.float32)
PAIR = {f"{Q}.lora_a": A, f"{Q}.lora_b": B}


def write_hostile(
    path: Path, tensors: dict[str, np.ndarray], *, alpha: object = 8.0, architecture: str = "llama", kind: str = "lora"
) -> Path:
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", kind)
    if isinstance(alpha, float):
        writer.add_float32("adapter.lora.alpha", alpha)
    elif alpha is not None:
        writer.add_key_value("adapter.lora.alpha", alpha, gguf.GGUFValueType.get_type(alpha))
    for name, values in tensors.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.mark.parametrize(
    ("tensors", "options", "reason"),
    [
        (PAIR, {"alpha": None}, "has no sound adapter.lora.alpha"),
        (PAIR, {"alpha": "8"}, "has no sound adapter.lora.alpha"),
        (PAIR, {"alpha": float("nan")}, "has no sound adapter.lora.alpha"),
        (PAIR, {"alpha": float("inf")}, "has no sound adapter.lora.alpha"),
        (PAIR, {"kind": "control"}, "is no LoRA adapter"),
        (PAIR, {"architecture": "qwen2"}, "adapts a qwen2, but"),
        ({}, {}, "adapts nothing"),
        (PAIR | {f"{Q}.lora_a": A * np.nan}, {}, "would hold NaN, or numbers that are too large"),
        (PAIR | {f"{Q}.lora_b": B * np.inf}, {}, "would hold NaN, or numbers that are too large"),
        (PAIR | {f"{Q}.lora_a": A * 1e8}, {}, "would hold NaN, or numbers that are too large"),
        (PAIR | {f"{Q}.lora_b": np.ones((64, 5), np.float32)}, {}, "of another shape"),
        ({f"{Q}.lora_a": A[0], f"{Q}.lora_b": B[:, 0]}, {}, "of another shape"),
        ({f"{Q}.lora_a": np.stack([A, A]), f"{Q}.lora_b": np.stack([B, B])}, {}, "of another shape"),
        ({f"{Q}.lora_a": A.astype(np.int32), f"{Q}.lora_b": B}, {}, "not yet implemented"),
        ({f"{Q}.lora_a": A}, {}, "has no pair of factors"),
        ({f"{Q}.dora": A}, {}, "has no pair of factors"),
        (
            {"token_embd.weight.lora_a": B, "token_embd.weight.lora_b": B},
            {},
            "adapts (token_embd.weight|the embedding)",
        ),
    ],
)
def test_adapters_that_can_not_be_merged_are_refused_in_a_line(base, tmp_path, tensors, options, reason):
    adapter = write_hostile(tmp_path / "adapter.gguf", tensors, **options)
    with pytest.raises(EdgeLamError, match=reason):
        merge_gguf(base, adapter, tmp_path / "merged.gguf", name="none")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter.gguf"]


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: b"hello" * 99, lambda data: data[:300]])
def test_files_that_are_no_whole_gguf_are_refused_in_a_line(base, tmp_path, damage):
    adapter = write_hostile(tmp_path / "adapter.gguf", PAIR)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(damage(adapter.read_bytes()))
    for pair in ((base, broken), (broken, adapter)):
        with pytest.raises(InvalidModelFile):
            merge_gguf(*pair, tmp_path / "merged.gguf", name="none")
    assert not list(tmp_path.glob("*merged*"))

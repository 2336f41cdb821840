"""A merged model is the base with its adapter, as llama.cpp computes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_lam.errors import CheckpointError
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
    with pytest.raises(CheckpointError, match=r"adapts blk\.7\.attn_q\.weight, which it does not have"):
        merge_gguf(base, adapter, tmp_path / "merged.gguf", name="none")
    assert not list(tmp_path.glob("*merged*"))

"""A merged model is the base with its adapter, as llama.cpp computes them."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from edge_lam.formats import detect
from edge_lam.llama.context import Context
from edge_lam.llama.model import Model
from edge_lam_converters import convert
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint
from smol_lam.merge import NAME, merge

ADAPTED = {"blk.0.attn_q.weight": (64, 64), "blk.1.ffn_up.weight": (160, 64), "blk.2.ffn_down.weight": (64, 160)}
IDS = [5, 17, 300, 44, 210, 99]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    write_random_checkpoint(folder / "checkpoint", SHAPES["tiny-smollm"])
    convert(folder / "checkpoint", folder / "base.gguf", quant="F16")
    return folder / "base.gguf"


def write_adapter(path: Path, names: dict[str, tuple[int, int]]) -> Path:
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, 8.0)  # of rank 4: the product counts twice
    for name, (rows, columns) in names.items():
        writer.add_tensor(f"{name}.lora_a", rng.normal(0, 0.2, (4, columns)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", rng.normal(0, 0.2, (rows, 4)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def last_logits(model: Model, *adapters: tuple[Path, float]) -> np.ndarray:
    with Context(model, n_ctx=64, adapters=adapters, kv_type="f16") as context:
        context.decode(IDS, start=0)
        return context.logits().copy()


def test_it_computes_what_base_and_adapter_do(base, tmp_path):
    adapter = write_adapter(tmp_path / "adapter.gguf", ADAPTED)
    merge(base, adapter, tmp_path / "merged.gguf")
    with Model(base, device="cpu") as model:
        plain, expected = last_logits(model), last_logits(model, (adapter, 1.0))
    with Model(tmp_path / "merged.gguf", device="cpu") as model:
        assert model.name == NAME
        assert detect(model.header.metadata).name == "xlam-2-qwen"
        assert model.tokenize("1234 tools") == Model(base, device="cpu").tokenize("1234 tools")
        found = last_logits(model)
    assert np.abs(found - expected).max() < 0.1 * np.abs(plain - expected).max()


def test_an_adapter_of_another_base_is_refused(base, tmp_path):
    adapter = write_adapter(tmp_path / "adapter.gguf", {"blk.7.attn_q.weight": (64, 64)})
    with pytest.raises(ValueError, match=r"adapts blk\.7\.attn_q\.weight, which"):
        merge(base, adapter, tmp_path / "merged.gguf")

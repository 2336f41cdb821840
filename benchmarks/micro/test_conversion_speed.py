"""Converting and quantizing, per megabyte of the checkpoint."""

from __future__ import annotations

import pytest

from edge_lam_converters import convert
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint

SIZES = {"hidden_size": 512, "intermediate_size": 1536, "num_attention_heads": 8, "num_key_value_heads": 2}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    write_random_checkpoint(folder, SHAPES["tiny-qwen2"], num_hidden_layers=8, **SIZES)
    return folder


@pytest.fixture(scope="module")
def float_gguf(checkpoint):
    convert(checkpoint, checkpoint / "model.gguf", quant="BF16")
    return checkpoint / "model.gguf"


def test_convert(benchmark, note, checkpoint, tmp_path):
    benchmark.pedantic(convert, (checkpoint, tmp_path / "a.gguf"), {"quant": "BF16", "force": True}, rounds=5)
    note("milliseconds per MB", 1e3, (checkpoint / "model.safetensors").stat().st_size / 1e6)


@pytest.mark.parametrize("quant", ["Q8_0", "Q4_K_M", "Q4_0"])
def test_quantize(benchmark, note, float_gguf, tmp_path, quant):
    options = {"quant": quant, "force": True}
    benchmark.pedantic(convert, (float_gguf, tmp_path / "a.gguf"), options, rounds=5)
    note("milliseconds per MB", 1e3, float_gguf.stat().st_size / 1e6)

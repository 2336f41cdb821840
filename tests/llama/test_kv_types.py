"""Keys and values in fewer bits: their memory, their states, and where they can't be."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edge_lam.cli.model_options import KV_TYPE
from edge_lam.errors import BackendError, InvalidRequest
from edge_lam.llama import DEFAULT_KV_TYPE, KV_TYPES, Context, Model, ModelFile
from edge_lam.llama.kv_types import kv_type_of
from tests.llama.shape_files import write_shape


@pytest.fixture(scope="module")
def tokens(model: Model) -> list[int]:
    return model.tokenize("You are a helpful assistant that can use tools, and the tools are these. " * 12)[:200]


@pytest.mark.parametrize("kv_type", KV_TYPES)
def test_memory_is_what_llama_cpp_prints(model: Model, kv_type: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG", "edge_lam.llama"), Context(model, n_ctx=1024, kv_type=kv_type) as context:
        (line,) = [line for line in caplog.messages if re.search(r"K \(\w+\): .* V \(\w+\):", line)]
    assert f"K ({kv_type})" in line
    assert f"V ({kv_type})" in line
    printed = float(line.split("size =")[1].split()[0]) * 2**20
    assert context.kv_bytes == pytest.approx(printed, abs=0.01 * 2**20)


@pytest.mark.parametrize("kv_type", KV_TYPES)
def test_logits_stay_close_to_those_of_f16(model: Model, tokens: list[int], kv_type: str) -> None:
    logits = []
    for kind in ("f16", kv_type):
        with Context(model, n_ctx=256, kv_type=kind) as context:
            context.decode(tokens, start=0)
            logits.append(context.logits().copy())
    assert np.corrcoef(*logits)[0, 1] > (0.99 if KV_TYPES[kv_type].is_coarse else 0.999)


@pytest.mark.parametrize("kv_type", ["q8_0", "q4_0"])
def test_a_restored_state_gives_the_same_logits(model: Model, tokens: list[int], kv_type: str) -> None:
    with Context(model, n_ctx=512, n_batch=128, kv_type=kv_type) as context:
        context.decode(tokens[:150], start=0)
        state = context.state()
        context.decode(tokens[150:160], start=150)
        expected = context.logits().copy()
    with Context(model, n_ctx=256, n_batch=128, kv_type=kv_type) as other:
        assert other.restore(state) == 150
        other.decode(tokens[150:160], start=150)
        assert np.array_equal(other.logits(), expected)


@pytest.mark.parametrize(("written", "read"), [("f16", "q8_0"), ("q8_0", "f16"), ("q8_0", "q4_0")])
def test_a_state_of_another_type_is_refused(model: Model, tokens: list[int], written: str, read: str) -> None:
    with Context(model, n_ctx=256, kv_type=written) as context:
        context.decode(tokens[:100], start=0)
        state = context.state()
    with Context(model, n_ctx=256, kv_type=read) as other:
        with pytest.raises(BackendError, match="does not fit"):
            other.restore(state)
        assert other.length() == 0


def test_states_of_q8_0_are_half_as_large(model: Model, tokens: list[int]) -> None:
    sizes = []
    for kv_type in ("f16", "q8_0"):
        with Context(model, n_ctx=256, kv_type=kv_type) as context:
            context.decode(tokens, start=0)
            sizes.append(len(context.state()))
    assert 0.5 < sizes[1] / sizes[0] < 0.56


@pytest.mark.parametrize("kv_type", ["Q8_0", "int8", "", "f32", None, 8])
def test_other_types_are_refused_by_name(model: Model, kv_type: object) -> None:
    with pytest.raises(InvalidRequest, match=r"kv_type must be one of f16, q8_0, .*, not ") as refused:
        Context(model, kv_type=kv_type)
    assert refused.value.param == "kv_type"


def test_blocks_must_divide_the_heads(tmp_path: Path) -> None:
    path = write_shape(
        tmp_path / "odd.gguf", n_layer=1, n_embd=96, n_ff=64, n_head=2, n_head_kv=2, n_head_dim=48, n_vocab=300,
        kind="F16",
    )  # fmt: skip
    shape = ModelFile.read(path).shape
    assert kv_type_of("f16", shape.n_head_dim).bytes_of(48) == 96
    with pytest.raises(InvalidRequest, match="stores 32 values together, but heads of this model have 48"):
        kv_type_of("q8_0", shape.n_head_dim)
    with Model(path, device="cpu") as model, Context(model, n_ctx=64) as context:
        context.decode([1, 2, 3], start=0)


def test_the_command_line_knows_the_same_types() -> None:
    (option,) = KV_TYPE(lambda: None).__click_params__
    assert tuple(option.type.choices) == tuple(KV_TYPES)
    assert option.default == DEFAULT_KV_TYPE

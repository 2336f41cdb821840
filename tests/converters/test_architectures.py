"""Every architecture: llama.cpp computes from our GGUF what the checkpoint says, by our own numpy forward."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGUFReader

from edge_lam.errors import CheckpointError
from edge_lam.llama.context import Context
from edge_lam.llama.model import Model
from edge_lam_converters import convert
from edge_lam_converters.architectures import ARCHITECTURES, architecture_of
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.random_checkpoint import SHAPES
from edge_lam_converters.weights import Weights
from tests.converters import decoder_numpy
from tests.converters.tiny_checkpoint import TOKENS, tensors_of, write

TINY = [name for name in SHAPES if name.startswith("tiny-")]


def converted(folder: Path, **options: Any) -> dict[str, tuple[list[int], str, bytes]]:
    convert(folder, folder.with_suffix(".gguf"), force=True, **options)
    return {
        tensor.name: (tensor.shape.tolist(), tensor.tensor_type.name, tensor.data.tobytes())
        for tensor in GGUFReader(folder.with_suffix(".gguf")).tensors
    }


def model_logits(path: Path) -> np.ndarray:
    with Model(path, device="cpu") as model, Context(model, n_ctx=64, n_threads=1) as context:
        context.decode(TOKENS, start=0, logits="all")
        return np.stack([context.logits(i).copy() for i in range(len(TOKENS))])


def metadata(path: Path) -> dict[str, Any]:
    return {key: field.contents() for key, field in GGUFReader(path).fields.items()}


def test_every_architecture_has_a_tiny_shape() -> None:
    assert {SHAPES[name].config["architectures"][0] for name in TINY} == set(ARCHITECTURES)


@pytest.mark.parametrize("name", TINY)
def test_llama_cpp_computes_what_the_checkpoint_says(name: str, tmp_path: Path) -> None:
    write(tmp_path / "checkpoint", name, dtype="F32", n_shards=4)
    assert len(list((tmp_path / "checkpoint").glob("*.safetensors"))) == 4
    convert(tmp_path / "checkpoint", tmp_path / "out.gguf", quant="F32")
    config = SHAPES[name].config
    expected = decoder_numpy.logits(tensors_of(config), config, TOKENS)
    # Keys and values are cached as F16, which costs about 0.002.
    np.testing.assert_allclose(model_logits(tmp_path / "out.gguf"), expected, atol=0.01)


@pytest.mark.parametrize("name", ["tiny-mixtral", "tiny-llama", "tiny-qwen2"])
def test_shards_give_the_same_tensors_as_one_file(name: str, tmp_path: Path) -> None:
    write(tmp_path / "one", name)
    write(tmp_path / "four", name, n_shards=4)
    assert converted(tmp_path / "one") == converted(tmp_path / "four")


def test_norms_biases_routers_and_rope_factors_are_float32(tmp_path: Path) -> None:
    kept = {"tiny-mixtral": "blk.1.ffn_gate_inp.weight", "tiny-llama3": "rope_freqs.weight"}
    kept["tiny-llama-bias"] = "blk.1.attn_q.bias"
    for name, tensor in kept.items():
        write(tmp_path / name, name)
        tensors = converted(tmp_path / name)
        assert tensors[tensor][1] == "F32", tensor
        assert {kind for _, kind, _ in tensors.values()} == {"F32", "BF16"}


def test_rope_factors_are_those_of_llama_3_1() -> None:
    """Frequencies that turn more than 4 times in 8,192 tokens stay; those that turn less than once are divided by 8."""
    config = SHAPES["xlam-2-8b"].config
    plan = next(plan for plan in architecture_of(config).tensors() if plan.name == "rope_freqs.weight")
    assert plan.values is not None
    assert plan.shape == plan.values.shape == (64,)
    assert plan.values.dtype == np.float32
    plain = 500000.0 ** (-np.arange(64) / 64)
    np.testing.assert_allclose(plain / plan.values, decoder_numpy.frequencies(config, 128), rtol=1e-5)
    assert plan.values[0] == 1
    assert plan.values[-1] == 8
    assert ((plan.values > 1) & (plan.values < 8)).sum() == 6


def test_the_metadata_of_a_mixture_of_experts(tmp_path: Path) -> None:
    write(tmp_path / "checkpoint", "tiny-mixtral")
    convert(tmp_path / "checkpoint", tmp_path / "out.gguf")
    values = metadata(tmp_path / "out.gguf")
    assert values["general.architecture"] == "llama"
    assert (values["llama.expert_count"], values["llama.expert_used_count"]) == (4, 2)
    assert values["llama.vocab_size"] == 640
    assert values["llama.rope.dimension_count"] == 16
    shapes = {tensor.name: tensor.shape.tolist() for tensor in GGUFReader(tmp_path / "out.gguf").tensors}
    assert shapes["blk.0.ffn_gate_exps.weight"] == shapes["blk.0.ffn_up_exps.weight"] == [64, 160, 4]
    assert shapes["blk.0.ffn_down_exps.weight"] == [160, 64, 4]


def test_a_head_dimension_of_its_own(tmp_path: Path) -> None:
    write(tmp_path / "checkpoint", "tiny-llama-bias")
    convert(tmp_path / "checkpoint", tmp_path / "out.gguf")
    values = metadata(tmp_path / "out.gguf")
    assert values["llama.attention.key_length"] == values["llama.attention.value_length"] == 32
    assert values["llama.rope.dimension_count"] == 32


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("tiny-llama", {"head_dim": 15}, "a head dimension of 15 is odd"),
        ("tiny-llama", {"num_key_value_heads": 3}, "4 attention heads are no multiple of 3 key-value heads"),
        ("tiny-llama", {"hidden_size": 2**30}, "hidden_size is 1073741824, not a whole number from 1 to"),
        ("tiny-llama", {"attention_bias": "yes"}, "attention_bias is 'yes', neither true nor false"),
        ("tiny-llama3", {"rope_scaling": {"rope_type": "llama3"}}, "has no factor"),
        (
            "tiny-llama3",
            {"rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4.0}},
            "low_freq_factor 4 is not below high_freq_factor 4",
        ),
        ("tiny-llama", {"rope_scaling": {"type": "dynamic", "factor": 2}}, "only linear and yarn and llama3"),
        ("tiny-qwen2", {"rope_scaling": {"rope_type": "llama3", "factor": 8}}, "'llama3' is not supported"),
        ("tiny-mistral", {"sliding_window": 256}, r"turns the sliding window on \(256 tokens\)"),
        ("tiny-mixtral", {"num_local_experts": 10**6}, "num_local_experts is 1000000"),
        ("tiny-mixtral", {"num_experts_per_tok": 5}, "num_experts_per_tok is 5, not a whole number from 1 to 4"),
    ],
)
def test_impossible_settings_are_refused(name: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        list(architecture_of(SHAPES[name].config | config).tensors())
    assert "\n" not in caught.value.message


def test_a_mistral_that_says_nothing_of_its_window_has_the_default_one() -> None:
    config = {key: value for key, value in SHAPES["tiny-mistral"].config.items() if key != "sliding_window"}
    architecture_of(config)
    with pytest.raises(CheckpointError, match=r"sliding window on \(4096 tokens\)"):
        architecture_of(config | {"max_position_embeddings": 32768})


def test_a_missing_expert_is_named(tmp_path: Path) -> None:
    write(tmp_path / "checkpoint", "tiny-mixtral")
    checkpoint = Checkpoint.open(tmp_path / "checkpoint")
    config = checkpoint.config | {"num_local_experts": 5}
    with pytest.raises(CheckpointError, match=r"lacks the tensor \S+\.experts\.4\.w1\.weight and 8 more"):
        Weights.match(checkpoint, architecture_of(config))


def test_large_matrices_are_reordered_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pieces of two heads the bytes are those of one piece."""
    write(tmp_path / "checkpoint", "tiny-llama")
    whole = converted(tmp_path / "checkpoint")
    monkeypatch.setattr("edge_lam_converters.source_tensor.PIECE_BYTES", 2 * 16 * 64 * 2)
    assert converted(tmp_path / "checkpoint") == whole

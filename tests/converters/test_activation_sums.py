"""What goes into the weight matrices, against the same layers in numpy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_lam.errors import BackendError, InvalidModelFile, InvalidRequest
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.model import Model
from edge_lam_converters import convert
from edge_lam_converters.activations import ActivationSums
from edge_lam_converters.random_checkpoint import SHAPES
from tests.converters import decoder_numpy
from tests.converters.tiny_checkpoint import TOKENS, tensors_of, write


@pytest.fixture(scope="module", params=["tiny-qwen2", "tiny-llama3", "tiny-mixtral"])
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    with Model(converted(tmp_path_factory.mktemp("activations"), name), device="cpu") as model:
        yield model


def converted(folder: Path, name: str) -> Path:
    write(folder / "checkpoint", name, dtype="F32")
    convert(folder / "checkpoint", folder / "out.gguf", quant="F32")
    return folder / "out.gguf"


def layer_inputs(name: str, tokens: list[int]) -> dict[str, np.ndarray]:
    """Return what goes into the matrices of each layer, by their names in a GGUF, shape (n_tokens, n_columns)."""
    config = SHAPES[name].config
    tensors = tensors_of(config)
    inputs = {}
    x = tensors["model.embed_tokens.weight"][tokens]
    for layer in range(config["num_hidden_layers"]):
        block = {key.split(f".layers.{layer}.")[-1]: value for key, value in tensors.items()}
        normed = decoder_numpy.norm(x, block["input_layernorm.weight"], config["rms_norm_eps"])
        inputs |= {f"blk.{layer}.attn_{kind}.weight": normed for kind in "qkv"}
        x = x + decoder_numpy.attention(normed, block, config)
        normed = decoder_numpy.norm(x, block["post_attention_layernorm.weight"], config["rms_norm_eps"])
        if "num_local_experts" in config:
            inputs[f"blk.{layer}.ffn_gate_inp.weight"] = normed
            x = x + decoder_numpy.experts(normed, block, config)
        else:
            inputs |= {f"blk.{layer}.ffn_{kind}.weight": normed for kind in ("gate", "up")}
            gate, up = (normed @ block[f"mlp.{kind}_proj.weight"].T for kind in ("gate", "up"))
            inputs[f"blk.{layer}.ffn_down.weight"] = decoder_numpy.silu(gate) * up
            x = x + decoder_numpy.feed_forward(normed, block)
    return inputs


def test_the_sums_are_those_of_the_inputs(model: Model, name: str) -> None:
    sums = ActivationSums(model, n_ctx=64, n_threads=1)
    sums.read(TOKENS)
    assert sums.n_tokens == len(TOKENS)
    for matrix, inputs in layer_inputs(name, TOKENS).items():
        squares, counts = sums.sums[matrix]
        assert counts.tolist() == [len(TOKENS)]
        expected = np.square(inputs.astype(np.float64)).sum(axis=0)
        # Keys and values are cached as F16.
        assert np.linalg.norm(squares[0] - expected) < 0.005 * np.linalg.norm(expected), matrix


def test_every_matrix_of_a_layer_is_there(model: Model) -> None:
    sums = ActivationSums(model, n_ctx=64, n_threads=1)
    sums.read(TOKENS)
    matrices = {tensor.name: tensor for tensor in model.header.tensors if len(tensor.shape) > 1}
    assert sums.sums.keys() == {name for name in matrices if name.startswith("blk.")}
    for name, (squares, _) in sums.sums.items():
        assert squares.shape[1] == matrices[name].shape[0]
        assert squares.shape[0] == (matrices[name].shape[2:] or (1,))[0]


def test_experts_share_the_tokens_that_the_router_sees(tmp_path: Path) -> None:
    with Model(converted(tmp_path, "tiny-mixtral"), device="cpu") as model:
        sums = ActivationSums(model, n_ctx=64, n_threads=1)
        sums.read(TOKENS)
    n_used = SHAPES["tiny-mixtral"].config["num_experts_per_tok"]
    for layer in range(3):
        router = sums.sums[f"blk.{layer}.ffn_gate_inp.weight"].squares[0]
        for kind in ("gate", "up", "down"):
            experts = sums.sums[f"blk.{layer}.ffn_{kind}_exps.weight"]
            assert experts.counts.sum() == n_used * len(TOKENS)
            assert (experts.squares[experts.counts == 0] == 0).all()
            if kind != "down":
                np.testing.assert_allclose(experts.squares.sum(axis=0), n_used * router, rtol=1e-5)


def test_what_two_texts_begin_with_counts_once(model: Model) -> None:
    text = [token % 600 for token in range(5, 205)]
    whole, twice = (ActivationSums(model, n_ctx=256, n_threads=1) for _ in range(2))
    whole.read(text)
    twice.read([*text[:150], 7, 8, 9])
    twice.read(text)
    assert twice.n_tokens == 153 + 50
    for name, (squares, counts) in twice.sums.items():
        assert counts.sum() / len(counts) * len(whole.sums[name].counts) == whole.sums[name].counts.sum() / 200 * 203
        assert (squares.sum(axis=0) >= 0.99 * whole.sums[name].squares.sum(axis=0)).all()


def test_short_beginnings_are_read_again(model: Model) -> None:
    sums = ActivationSums(model, n_ctx=64, n_threads=1)
    sums.read(TOKENS)
    sums.read(TOKENS[:12])
    sums.read(TOKENS)
    assert sums.n_tokens == 2 * len(TOKENS) + 12


def test_what_can_not_be_read_is_refused(model: Model) -> None:
    sums = ActivationSums(model, n_ctx=64, n_threads=1)
    with pytest.raises(BackendError, match="full"):
        sums.read([5] * 65)
    with pytest.raises(InvalidRequest, match="outside the vocabulary"):
        sums.read([10**6])
    assert sums.n_tokens == 0
    sums.read(TOKENS)
    assert sums.n_tokens == len(TOKENS)


def test_a_model_with_nan_is_refused(tmp_path: Path) -> None:
    path = converted(tmp_path, "tiny-qwen2")
    tensors = {tensor.name: tensor for tensor in GGUFHeader.read(path).tensors}
    with path.open("r+b") as file:
        file.seek(tensors["blk.1.attn_norm.weight"].offset)
        file.write(np.float32("nan").tobytes())
    with Model(path, device="cpu") as model:
        sums = ActivationSums(model, n_ctx=64, n_threads=1)
        with pytest.raises(InvalidModelFile, match=r"inputs of blk\.1\..* not finite"):
            sums.read(TOKENS)

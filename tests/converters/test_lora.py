"""LoRA adapters: merged into the weights, exported as GGUF, and refused where they don't fit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFReader

import edge_lam
from edge_lam.errors import (
    CheckpointError,
    InsufficientMemory,
    InvalidModelFile,
    InvalidRequest,
    ModelNotFound,
)
from edge_lam.llama.context import Context
from edge_lam.llama.model import Model
from edge_lam_converters import convert, export_adapter
from tests.converters.random_adapter import EMBEDDING, shapes_of, write_adapter
from tests.converters.random_checkpoint import Tensors, random_tensors, stored, write_checkpoint, write_json

TOKENS = [5, 99, 301, 42, 42, 7, 250, 598, 12]
ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
PREFIX = "base_model.model."
LAYER = "model.layers.1.self_attn.q_proj"


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    return {tensor.name: np.array(tensor.data) for tensor in GGUFReader(path).tensors}


def logits(path: Path, *adapters: tuple[Path, float]) -> np.ndarray:
    with Model(path, device="cpu") as model, Context(model, n_ctx=64, n_threads=1, adapters=adapters) as context:
        context.decode(TOKENS, start=0, logits="all")
        return np.stack([context.logits(i).copy() for i in range(len(TOKENS))])


def product(tensors: Tensors, module: str, scale: float) -> np.ndarray:
    a, b = tensors[f"{PREFIX}{module}.lora_A.weight"], tensors[f"{PREFIX}{module}.lora_B.weight"]
    return scale * (b.astype(np.float64) @ a.astype(np.float64))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A float32 checkpoint with an output matrix of its own, which no test may change."""
    folder = tmp_path_factory.mktemp("lora") / "base"
    write_checkpoint(folder, dtype="F32", tie_word_embeddings=False)
    return folder


@pytest.fixture(scope="module")
def base_tensors(base: Path) -> Tensors:
    return random_tensors(json.loads((base / "config.json").read_text()))


@pytest.mark.parametrize(
    ("config", "scale"),
    [
        ({}, 16 / 4),
        ({"use_rslora": True}, 16 / 2),
        ({"alpha_pattern": {"q_proj": 2}}, 2 / 4),
        ({"alpha_pattern": {"layers.1.self_attn.q_proj": 8, "q_proj": 2}}, 8 / 4),
        ({"fan_in_fan_out": True}, 16 / 4),  # PEFT turns it off for linear layers, which all of ours are
        ({"init_lora_weights": "gaussian"}, 16 / 4),
    ],
)
def test_weights_change_by_the_scaled_product(
    config: dict[str, object], scale: float, base: Path, base_tensors: Tensors, tmp_path: Path
) -> None:
    tensors = write_adapter(tmp_path / "lora", shapes_of(base), **config)
    report = convert(base, tmp_path / "out.gguf", quant="F32", adapter=tmp_path / "lora")
    expected = base_tensors[f"{LAYER}.weight"] + product(tensors, LAYER, scale)
    written = read_tensors(tmp_path / "out.gguf")
    np.testing.assert_allclose(written["blk.1.attn_q.weight"], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(
        written["blk.1.attn_k.weight"], base_tensors["model.layers.1.self_attn.k_proj.weight"]
    )
    assert report.adapter == "lora"


def test_ranks_may_differ_by_module(base: Path, base_tensors: Tensors, tmp_path: Path) -> None:
    ranks = {"layers.1.self_attn.q_proj": 8}
    tensors = write_adapter(tmp_path / "lora", shapes_of(base), ranks=ranks, rank_pattern=ranks)
    convert(base, tmp_path / "out.gguf", quant="F32", adapter=tmp_path / "lora")
    expected = base_tensors[f"{LAYER}.weight"] + product(tensors, LAYER, 16 / 8)
    np.testing.assert_allclose(read_tensors(tmp_path / "out.gguf")["blk.1.attn_q.weight"], expected, atol=1e-5)


@pytest.mark.parametrize("target", ["BF16", "F16"])
def test_merged_weights_are_rounded_once(target: str, tmp_path: Path) -> None:
    """The BF16 base and change are added in float32; only the sum is rounded."""
    base_tensors = write_checkpoint(tmp_path / "base", dtype="BF16")
    tensors = write_adapter(tmp_path / "lora", shapes_of(tmp_path / "base"), dtype="F32")
    convert(tmp_path / "base", tmp_path / "wide.gguf", quant="F32", adapter=tmp_path / "lora")
    convert(tmp_path / "base", tmp_path / "out.gguf", quant=target, adapter=tmp_path / "lora")
    wide = (base_tensors[f"{LAYER}.weight"].astype(np.uint32) << 16).view(np.float32)
    merged = read_tensors(tmp_path / "wide.gguf")["blk.1.attn_q.weight"]
    np.testing.assert_allclose(merged, wide + product(tensors, LAYER, 4), rtol=1e-5, atol=1e-6)
    written = read_tensors(tmp_path / "out.gguf")["blk.1.attn_q.weight"]
    if target == "F16":
        np.testing.assert_array_equal(written, merged.astype(np.float16))
    else:
        values = (written.view(np.uint16).astype(np.uint32) << 16).view(np.float32).reshape(merged.shape)
        assert (np.abs(values - merged) <= np.abs(merged) * 2.0**-8).all()


def test_an_embedding_of_a_tied_model_is_changed_and_the_output_is_not(tmp_path: Path) -> None:
    """PEFT looks tokens up in the changed matrix and computes logits with the one as it was."""
    base_tensors = write_checkpoint(tmp_path / "base", dtype="F32", tie_word_embeddings=True)
    tensors = write_adapter(tmp_path / "lora", shapes_of(tmp_path / "base"), modules=("embed_tokens",))
    convert(tmp_path / "base", tmp_path / "out.gguf", quant="F32", adapter=tmp_path / "lora")
    a, b = (tensors[f"{PREFIX}{EMBEDDING}.lora_embedding_{part}"] for part in "AB")
    written = read_tensors(tmp_path / "out.gguf")
    embedding = base_tensors[f"{EMBEDDING}.weight"]
    np.testing.assert_allclose(written["token_embd.weight"], embedding + 4 * (b @ a).T, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(written["output.weight"], embedding)


def test_modules_to_save_replace_the_base_s(base: Path, tmp_path: Path) -> None:
    head = np.random.default_rng(3).standard_normal((640, 64), dtype=np.float32)
    norm = np.linspace(0.5, 1.5, 64, dtype=np.float32)
    whole = {"lm_head.weight": head, "model.norm.weight": norm}
    write_adapter(tmp_path / "lora", shapes_of(base), whole=whole, modules_to_save=["lm_head", "norm"])
    convert(base, tmp_path / "out.gguf", quant="F32", adapter=tmp_path / "lora")
    written = read_tensors(tmp_path / "out.gguf")
    np.testing.assert_array_equal(written["output.weight"], head)
    np.testing.assert_array_equal(written["output_norm.weight"], norm)


@pytest.mark.parametrize("scale", [1.0, 0.5, -1.0])
@pytest.mark.parametrize("config", [{}, {"use_rslora": True}, {"alpha_pattern": {"q_proj": 3, "down_proj": 40}}])
def test_an_exported_adapter_computes_what_merged_weights_do(
    config: dict[str, object], scale: float, base: Path, tmp_path: Path
) -> None:
    lora = tmp_path / "lora"
    write_adapter(lora, shapes_of(base), modules=(*ALL_LINEAR, "embed_tokens", "lm_head"), **config)
    export_adapter(base, lora, tmp_path / "lora.gguf")
    convert(base, tmp_path / "base.gguf", quant="F32")
    together = logits(tmp_path / "base.gguf", (tmp_path / "lora.gguf", scale))
    if scale != 1.0:  # merge the same change by another scale
        values = json.loads((lora / "adapter_config.json").read_text())
        values["lora_alpha"] *= abs(scale)
        values["alpha_pattern"] = {k: v * abs(scale) for k, v in values.get("alpha_pattern", {}).items()}
        write_adapter(lora, shapes_of(base), modules=(*ALL_LINEAR, "embed_tokens", "lm_head"), **config)
        write_json(lora / "adapter_config.json", values)
    if scale > 0:
        convert(base, tmp_path / "merged.gguf", quant="F32", adapter=lora)
        merged = logits(tmp_path / "merged.gguf")
        # Keys and values are cached as F16 in both.
        np.testing.assert_allclose(together, merged, atol=0.02 * np.abs(merged).max())
    assert np.abs(together - logits(tmp_path / "base.gguf")).max() > 0.1


def test_adapters_add_up(base: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "lora", shapes_of(base))
    export_adapter(base, tmp_path / "lora", tmp_path / "lora.gguf")
    convert(base, tmp_path / "base.gguf", quant="F32")
    adapter = tmp_path / "lora.gguf"
    twice = logits(tmp_path / "base.gguf", (adapter, 0.75), (adapter, 0.25))
    np.testing.assert_allclose(twice, logits(tmp_path / "base.gguf", (adapter, 1.0)), atol=1e-3)
    np.testing.assert_array_equal(logits(tmp_path / "base.gguf", (adapter, 0.0)), logits(tmp_path / "base.gguf"))


def test_the_metadata_of_a_merged_model_name_the_adapter(base: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "lora", shapes_of(base))
    convert(base, tmp_path / "out.gguf", quant="Q8_0", adapter=tmp_path / "lora")
    values = {key: field.contents() for key, field in GGUFReader(tmp_path / "out.gguf").fields.items()}
    assert values["edge_lam.adapter"] == "lora"
    names = {line.split("  ")[1] for line in values["edge_lam.adapter.sha256"]}
    assert names == {"adapter_config.json", "adapter_model.safetensors"}


def edit(**values: object) -> Callable[[Path], None]:
    def apply(lora: Path) -> None:
        config = json.loads((lora / "adapter_config.json").read_text())
        write_json(lora / "adapter_config.json", config | values)

    return apply


def weights(change: Callable[[Tensors], object], **options: object) -> Callable[[Path], None]:
    from tests.converters.random_checkpoint import write_safetensors

    def apply(lora: Path) -> None:
        base = shapes_of(lora.parent / "tiny-random")
        tensors = write_adapter(lora, base, **options)
        change(tensors)
        stored_tensors = {name: stored(values, "F32") for name, values in tensors.items()}
        write_safetensors(lora / "adapter_model.safetensors", stored_tensors, "F32")

    return apply


A, B = f"{PREFIX}{LAYER}.lora_A.weight", f"{PREFIX}{LAYER}.lora_B.weight"
REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "DoRA": (edit(use_dora=True), "use_dora 'True' is not supported"),
    "another kind": (edit(peft_type="IA3"), "peft_type 'IA3' is not supported"),
    "biases of B": (edit(lora_bias=True), "lora_bias 'True' is not supported"),
    "activated": (edit(alora_invocation_tokens=[1]), "alora_invocation_tokens"),
    "PiSSA": (edit(init_lora_weights="pissa_niter_4"), "'pissa_niter_4', which changes the base model's weights"),
    "no rank": (edit(r=None), "adapter_config.json has no r"),
    "another rank": (edit(r=8), r"lora_A\.weight has rank 4, but adapter_config\.json says 8"),
    "no alpha": (edit(lora_alpha=0), "lora_alpha is 0, not a positive number"),
    "patterns are a list": (edit(alpha_pattern=[1]), "alpha_pattern is no object"),
    "a pattern that is none": (edit(alpha_pattern={"(": 1}), "which is no pattern"),
    "a pattern that runs for hours": (edit(alpha_pattern={"(a+)+": 1}), "which is too involved"),
    "no B": (weights(lambda t: t.pop(B)), "q_proj has lora_A, not one A and one B"),
    "A and B of two ranks": (weights(lambda t: t.update({B: t[B][:, :3]})), "which is no pair"),
    "a wider base": (
        weights(lambda t: t.update({A: np.zeros((4, 128), np.float32)})),
        r"makes model\.layers\.1\.self_attn\.q_proj\.weight 64x128, but in the checkpoint it is 64x64",
    ),
    "a deeper base": (
        weights(lambda t: t.update({A.replace("s.1", "s.7"): t[A], B.replace("s.1", "s.7"): t[B]})),
        r"changes model\.layers\.7\.self_attn\.q_proj\.weight, which the checkpoint does not hold",
    ),
    "magnitudes": (
        weights(lambda t: t.update({f"{PREFIX}{LAYER}.lora_magnitude_vector": np.ones(64, np.float32)})),
        "is nothing that a LoRA adapter of a model holds",
    ),
    "a name outside the model": (weights(lambda t: t.update(x=np.ones(3, np.float32))), "tensor x is nothing"),
    "nothing": (weights(lambda t: t.clear()), "holds no tensors"),
    "a NaN": (weights(lambda t: t[A].__setitem__((0, 0), np.nan)), r"q_proj\.weight holds NaN or infinite values"),
    "cut off": (
        lambda lora: os.truncate(lora / "adapter_model.safetensors", 3000),
        "is not a sound safetensors file",
    ),
    "no weights": (lambda lora: (lora / "adapter_model.safetensors").unlink(), "there is no adapter_model.safetensors"),
    "no config": (lambda lora: (lora / "adapter_config.json").unlink(), "there is no adapter_config.json"),
    "config is no JSON": (
        lambda lora: (lora / "adapter_config.json").write_text("{") and None,
        "is not valid JSON",
    ),
}


@pytest.mark.parametrize(("damage", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_an_adapter_that_can_t_be_merged_is_refused(
    damage: Callable[[Path], None], message: str, checkpoint: Path, tmp_path: Path
) -> None:
    write_adapter(tmp_path / "lora", shapes_of(checkpoint))
    damage(tmp_path / "lora")
    with pytest.raises(CheckpointError, match=message) as caught:
        convert(checkpoint, tmp_path / "out.gguf", adapter=tmp_path / "lora")
    assert "\n" not in caught.value.message
    assert not list(tmp_path.glob("out.gguf*"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modules": ("embed_tokens",)}, "is the output matrix too"),
        ({"modules": ("lm_head",)}, "is the embedding too"),
        ({"modules": ("q_proj",), "whole": {"model.norm.weight": np.ones(64, np.float32)}}, "as a whole"),
    ],
)
def test_what_a_gguf_adapter_can_t_do_is_refused(
    options: dict[str, object], message: str, checkpoint: Path, tmp_path: Path
) -> None:
    shapes = shapes_of(checkpoint)
    shapes["lm_head.weight"] = shapes["model.embed_tokens.weight"]
    write_adapter(tmp_path / "lora", shapes, **options)
    with pytest.raises(CheckpointError, match=message) as caught:
        export_adapter(checkpoint, tmp_path / "lora", tmp_path / "lora.gguf")
    assert "merge it into the weights" in caught.value.hint
    assert not (tmp_path / "lora.gguf").exists()


def test_an_adapter_is_no_checkpoint_and_a_gguf_takes_none(original: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "lora", shapes_of(original))
    with pytest.raises(CheckpointError, match=r"is no checkpoint: there is no config\.json"):
        convert(tmp_path / "lora", tmp_path / "out.gguf")
    convert(original, tmp_path / "base.gguf")
    with pytest.raises(CheckpointError, match="is a GGUF, into which no adapter can be merged"):
        convert(tmp_path / "base.gguf", tmp_path / "out.gguf", quant="Q8_0", adapter=tmp_path / "lora")


def test_a_source_of_the_adapter_that_changes_under_the_run_is_refused(original: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "lora", shapes_of(original))

    def change(stage: str, done: int, total: int | None, item: str = "") -> None:
        if stage == "write":
            os.utime(tmp_path / "lora" / "adapter_config.json", ns=(0, done))

    with pytest.raises(CheckpointError, match=r"adapter_config\.json changed while it was converted"):
        convert(original, tmp_path / "out.gguf", adapter=tmp_path / "lora", on_progress=change)
    assert not list(tmp_path.glob("out.gguf*"))


def test_a_runtime_refuses_what_is_no_adapter_of_its_model(base: Path, original: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "lora", shapes_of(base), modules=("embed_tokens", "v_proj"))
    export_adapter(base, tmp_path / "lora", tmp_path / "lora.gguf")
    convert(base, tmp_path / "base.gguf", quant="F32")
    convert(original, tmp_path / "tied.gguf")
    write_checkpoint(tmp_path / "wide", hidden_size=128, tie_word_embeddings=False)
    convert(tmp_path / "wide", tmp_path / "wide.gguf")
    adapter = tmp_path / "lora.gguf"
    for path, adapters, kind, message in (
        ("base", (tmp_path / "base.gguf", 1.0), InvalidModelFile, "is no LoRA adapter, but a whole model"),
        ("base", (adapter, float("nan")), InvalidRequest, "the scale of .* is nan"),
        ("tied", (adapter, 1.0), InvalidRequest, "adapts the embedding, which is the output matrix"),
        ("wide", (adapter, 1.0), InvalidRequest, "adapts .* of another shape"),
    ):
        with pytest.raises(kind, match=message):
            logits(tmp_path / f"{path}.gguf", adapters)


def test_a_plan_counts_adapters(base: Path, tmp_path: Path) -> None:
    write_adapter(tmp_path / "lora", shapes_of(base))
    export_adapter(base, tmp_path / "lora", tmp_path / "lora.gguf")
    convert(base, tmp_path / "base.gguf", quant="F32")
    adapters = [(tmp_path / "lora.gguf", 1.0)]
    alone = edge_lam.plan(tmp_path / "base.gguf", n_ctx=256)
    plan = edge_lam.plan(tmp_path / "base.gguf", n_ctx=256, adapters=adapters * 2)
    factors = read_tensors(tmp_path / "lora.gguf").values()
    assert plan.total - alone.total == plan.adapters == 2 * sum(factor.nbytes for factor in factors) > 0
    with edge_lam.load(tmp_path / "base.gguf", n_ctx=256) as lam:
        taken = lam.info.size + lam.info.kv_bytes + lam.info.compute_bytes
    edge_lam.load(tmp_path / "base.gguf", n_ctx=256, memory_budget=taken).close()
    with pytest.raises(InsufficientMemory):
        edge_lam.load(tmp_path / "base.gguf", n_ctx=256, adapters=adapters, memory_budget=taken)
    with pytest.raises(ModelNotFound, match=r"none\.gguf"):
        edge_lam.plan(tmp_path / "base.gguf", adapters=[(tmp_path / "none.gguf", 1.0)])

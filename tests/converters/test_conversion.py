"""What a conversion writes: bytes, types, metadata, and a model that computes what the checkpoint says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, quants

from edge_lam import __version__
from edge_lam.llama.context import Context
from edge_lam.llama.gguf_file import GGUFHeader
from edge_lam.llama.model import Model
from edge_lam_converters import convert
from edge_lam_converters.architectures import ARCHITECTURES
from tests.converters import decoder_numpy
from tests.converters.random_checkpoint import (
    CONFIG,
    TEMPLATE,
    random_tensors,
    trained_tokenizer,
    write_checkpoint,
    write_json,
)

TOKENS = [5, 99, 301, 42, 42, 7, 250, 598, 12]


def gguf_names(**config: object) -> dict[str, str]:
    """Return the GGUF name of each tensor by its name in the checkpoint."""
    return {plan.sources[0]: plan.name for plan in ARCHITECTURES["Qwen2ForCausalLM"](CONFIG | config).tensors()}


def read_tensors(path: Path) -> dict[str, tuple[str, bytes]]:
    return {tensor.name: (tensor.tensor_type.name, tensor.data.tobytes()) for tensor in GGUFReader(path).tensors}


def metadata(path: Path) -> dict[str, object]:
    return {key: field.contents() for key, field in GGUFReader(path).fields.items() if not key.startswith("GGUF.")}


def model_logits(path: Path, tokens: list[int] = TOKENS) -> np.ndarray:
    with Model(path, device="cpu") as model, Context(model, n_ctx=64, n_threads=1) as context:
        context.decode(tokens, start=0, logits="all")
        return np.stack([context.logits(i).copy() for i in range(len(tokens))])


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
def test_matrices_keep_their_bytes_and_vectors_become_f32(dtype: str, tmp_path: Path) -> None:
    tensors = write_checkpoint(tmp_path / "checkpoint", dtype=dtype, tie_word_embeddings=False)
    report = convert(tmp_path / "checkpoint", tmp_path / "out.gguf", quant=dtype)
    written = read_tensors(tmp_path / "out.gguf")
    names = gguf_names(tie_word_embeddings=False)
    assert written.keys() == set(names.values())
    assert "output.weight" in written
    for name, values in tensors.items():
        if values.ndim == 2:
            assert written[names[name]] == (dtype, values.tobytes()), name
        else:
            wide = (values.astype(np.uint32) << 16).view(np.float32) if dtype == "BF16" else values.astype(np.float32)
            assert written[names[name]] == ("F32", wide.tobytes()), name
    assert report.n_parameters == sum(values.size for values in tensors.values())
    assert report.size == (tmp_path / "out.gguf").stat().st_size


@pytest.mark.parametrize("source", ["BF16", "F16", "F32"])
@pytest.mark.parametrize("target", ["BF16", "F16", "F32"])
def test_a_cast_rounds_as_the_gguf_package_does(source: str, target: str, tmp_path: Path) -> None:
    tensors = write_checkpoint(tmp_path / "checkpoint", dtype=source)
    convert(tmp_path / "checkpoint", tmp_path / "out.gguf", quant=target)
    name = "model.layers.1.mlp.up_proj.weight"
    wide = quants.dequantize(tensors[name].view(np.uint8), GGMLQuantizationType[source]) if source == "BF16" else None
    wide = tensors[name].astype(np.float32) if wide is None else wide
    expected = quants.quantize(wide, GGMLQuantizationType[target])
    assert read_tensors(tmp_path / "out.gguf")["blk.1.ffn_up.weight"] == (target, expected.tobytes())


def test_shards_give_the_same_tensors_as_one_file(original: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "sharded", n_shards=3)
    convert(original, tmp_path / "one.gguf")
    convert(tmp_path / "sharded", tmp_path / "three.gguf")
    assert read_tensors(tmp_path / "one.gguf") == read_tensors(tmp_path / "three.gguf")


def test_the_same_checkpoint_gives_the_same_file(original: Path, tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        convert(original, tmp_path / name, quant="Q8_0")
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()


def test_a_tied_output_matrix_is_left_out(checkpoint: Path, tmp_path: Path) -> None:
    tensors = write_checkpoint(checkpoint, tie_word_embeddings=False)
    write_json(checkpoint / "config.json", CONFIG)
    convert(checkpoint, tmp_path / "out.gguf")
    written = read_tensors(tmp_path / "out.gguf")
    assert "output.weight" not in written
    assert len(written) == len(tensors) - 1


def test_llama_cpp_computes_what_the_checkpoint_says(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoint", dtype="F32", tie_word_embeddings=False)
    convert(tmp_path / "checkpoint", tmp_path / "out.gguf", quant="F32")
    config = CONFIG | {"tie_word_embeddings": False}
    expected = decoder_numpy.logits(random_tensors(config), config, TOKENS)
    # Keys and values are cached as F16, which costs about 0.002.
    np.testing.assert_allclose(model_logits(tmp_path / "out.gguf"), expected, atol=0.01)


@pytest.mark.parametrize(("quant", "closeness"), [("Q8_0", 0.999), ("Q5_K_M", 0.98), ("Q4_K_M", 0.96)])
def test_a_quantized_file_answers_nearly_as_the_checkpoint(quant: str, closeness: float, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoint", hidden_size=256, intermediate_size=512, num_hidden_layers=2)
    exact = convert(tmp_path / "checkpoint", tmp_path / "exact.gguf", quant="BF16")
    report = convert(tmp_path / "checkpoint", tmp_path / "out.gguf", quant=quant.lower())
    header = GGUFHeader.read(tmp_path / "out.gguf")
    assert header.file_type == report.quant == quant
    assert report.bits_per_weight == header.bits_per_weight < 0.6 * exact.bits_per_weight
    assert sum(report.tensor_types.values()) == len(header.tensors)
    a, b = model_logits(tmp_path / "exact.gguf").ravel(), model_logits(tmp_path / "out.gguf").ravel()
    assert a @ b / np.sqrt((a @ a) * (b @ b)) > closeness
    assert not np.array_equal(a, b)


def test_the_metadata(original: Path, tmp_path: Path) -> None:
    report = convert(original, tmp_path / "out.gguf")
    values = metadata(tmp_path / "out.gguf")
    expected = {
        "general.architecture": "qwen2",
        "general.type": "model",
        "general.name": "Tiny Random",
        "general.license": "cc-by-nc-4.0",
        "general.size_label": "171K",
        "general.tags": ["function-calling"],
        "general.languages": ["en"],
        "general.base_model.0.repo_url": "https://huggingface.co/Qwen/Qwen2.5-1.5B-Instruct",
        "general.file_type": 32,
        "general.quantization_version": 2,
        "general.sampling.top_k": 20,
        "qwen2.block_count": 3,
        "qwen2.context_length": 512,
        "qwen2.embedding_length": 64,
        "qwen2.feed_forward_length": 160,
        "qwen2.attention.head_count": 4,
        "qwen2.attention.head_count_kv": 2,
        "qwen2.rope.freq_base": 1e6,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": TEMPLATE,
        "edge_lam.version": __version__,
        "edge_lam.source": "tiny-random",
        "edge_lam.quant": "BF16",
    }
    assert {key: values.get(key) for key in expected} == expected
    assert values["qwen2.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-6)
    assert report.license == "cc-by-nc-4.0"


def test_the_sources_are_recorded_by_their_sha256(original: Path, tmp_path: Path) -> None:
    convert(original, tmp_path / "out.gguf", quant="Q8_0")
    values = metadata(tmp_path / "out.gguf")
    lines = values["edge_lam.source.sha256"]
    assert {line.split("  ")[1] for line in lines} == {file.name for file in original.iterdir()}
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((original / name).read_bytes()).hexdigest() == digest
    assert values["edge_lam.quant"].startswith("Q8_0 from BF16 by llama-cpp-python ")
    assert str(original) not in str(values), "where the checkpoint lies is nobody's business"


def test_rows_past_the_tokenizer_are_unused_tokens(original: Path, tmp_path: Path) -> None:
    convert(original, tmp_path / "out.gguf")
    values = metadata(tmp_path / "out.gguf")
    tokens, types = values["tokenizer.ggml.tokens"], values["tokenizer.ggml.token_type"]
    n_tokens = trained_tokenizer().get_vocab_size()
    assert len(tokens) == len(types) == CONFIG["vocab_size"] > n_tokens
    assert tokens[n_tokens:] == [f"[PAD{i}]" for i in range(n_tokens, CONFIG["vocab_size"])]
    assert set(types[n_tokens:]) == {5}
    assert [tokens[i] for i, kind in enumerate(types) if kind == 3] == ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def test_every_eos_of_generation_config_ends_a_reply(original: Path, tmp_path: Path) -> None:
    convert(original, tmp_path / "out.gguf")
    values = metadata(tmp_path / "out.gguf")
    ids = json.loads((original / "generation_config.json").read_text())["eos_token_id"]
    assert values["edge_lam.eos_token_ids"] == ids
    assert values["tokenizer.ggml.eos_token_id"] == ids[0]
    assert values["tokenizer.ggml.padding_token_id"] == ids[1]
    with Model(tmp_path / "out.gguf", device="cpu") as model:
        assert set(ids) <= model.end_tokens


def test_an_eos_without_a_telling_name_ends_a_reply(checkpoint: Path, tmp_path: Path) -> None:
    file = checkpoint / "generation_config.json"
    write_json(file, {"eos_token_id": [trained_tokenizer().token_to_id("<|im_end|>"), 17]})
    convert(checkpoint, tmp_path / "out.gguf")
    with Model(tmp_path / "out.gguf", device="cpu") as model:
        assert 17 in model.end_tokens


@pytest.mark.parametrize("file", ["chat_template.jinja", "chat_template.json"])
def test_the_chat_template_may_lie_in_a_file_of_its_own(file: str, checkpoint: Path, tmp_path: Path) -> None:
    config = json.loads((checkpoint / "tokenizer_config.json").read_text())
    write_json(checkpoint / "tokenizer_config.json", {k: v for k, v in config.items() if k != "chat_template"})
    text = "{{ messages[0].content }}"
    (checkpoint / file).write_text(text if file.endswith("jinja") else json.dumps({"chat_template": text}))
    convert(checkpoint, tmp_path / "out.gguf")
    assert metadata(tmp_path / "out.gguf")["tokenizer.chat_template"] == text


@pytest.mark.parametrize(
    ("rope", "expected"),
    [
        ({"rope_theta": None, "rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}}, {"freq_base": 5e5}),
        (
            {"rope_scaling": {"type": "linear", "factor": 4.0}},
            {"scaling.type": "linear", "scaling.factor": 4.0, "freq_base": 1e6},
        ),
        (
            {"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}},
            {"scaling.type": "yarn", "scaling.factor": 4.0, "scaling.original_context_length": 128},
        ),
    ],
)
def test_rope_settings_old_and_new(rope: dict[str, object], expected: dict[str, object], tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "checkpoint", **rope)
    convert(tmp_path / "checkpoint", tmp_path / "out.gguf")
    values = metadata(tmp_path / "out.gguf")
    assert {key: values.get(f"qwen2.rope.{key}") for key in expected} == expected


def test_a_checkpoint_without_a_card_has_no_licence_and_the_folder_s_name(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "README.md").unlink()
    report = convert(checkpoint, tmp_path / "out.gguf")
    assert report.license == ""
    values = metadata(tmp_path / "out.gguf")
    assert "general.license" not in values
    assert values["general.name"] == "Tiny Random"


def test_card_values_of_odd_types_do_no_harm(checkpoint: Path, tmp_path: Path) -> None:
    card = "---\nlicense: [mit, apache-2.0]\nversion: 1.5\ntags: [a, 7, {b: c}]\nlanguage: 3\nname: {x: [y]}\n---\n"
    (checkpoint / "README.md").write_text(card)
    report = convert(checkpoint, tmp_path / "out.gguf")
    values = metadata(tmp_path / "out.gguf")
    assert report.license == values["general.license"] == "mit,apache-2.0"
    assert values["general.version"] == "1.5"


def test_by_default_the_file_goes_beside_the_folder(checkpoint: Path) -> None:
    report = convert(checkpoint, quant="Q4_0")
    assert Path(report.path) == checkpoint.parent / "tiny-random-Q4_0.gguf"
    assert Path(report.path).is_file()


def test_progress_reaches_the_end_of_every_stage(original: Path, tmp_path: Path) -> None:
    steps: dict[str, list[tuple[int, int | None]]] = {}
    convert(
        original,
        tmp_path / "out.gguf",
        quant="Q8_0",
        on_progress=lambda stage, done, total, item="": steps.setdefault(stage, []).append((done, total)),
    )
    assert list(steps) == ["hash", "write", "quantize"]
    for stage in ("hash", "write"):
        done, totals = zip(*steps[stage], strict=True)
        assert list(done) == sorted(done)
        assert done[-1] == totals[-1]

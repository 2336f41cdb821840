"""Impossible models are refused by name before llama.cpp, which would abort the process, sees them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_lam.errors import EdgeLamError, InvalidModelFile, UnsupportedModel
from edge_lam.llama import GGUFHeader, ModelShape, Tensor
from tests.amount import many
from tests.llama.gguf_builder import gguf


def test_reads_the_sizes(probe_header: GGUFHeader) -> None:
    shape = ModelShape.of(probe_header)
    assert shape == ModelShape(
        n_layer=1, n_embd=256, n_ff=256, n_head=4, n_head_kv=4, n_head_dim=64, n_ctx_train=512, n_vocab=288
    )


def test_kv_bytes_of_known_checkpoints() -> None:
    qwen_3b = ModelShape(36, 2048, 11008, 16, 2, 128, 32768, 151936)
    llama_8b = ModelShape(32, 4096, 14336, 32, 8, 128, 131072, 128256)
    assert (qwen_3b.kv_bytes(1), llama_8b.kv_bytes(1)) == (36_864, 131_072)


IMPOSSIBLE: list[tuple[dict[str, Any], type[EdgeLamError], str]] = [
    ({"general.type": "adapter"}, UnsupportedModel, "is an adapter, not a model"),
    ({"general.architecture": "gemma3"}, UnsupportedModel, "has the architecture gemma3"),
    ({"general.architecture": None}, UnsupportedModel, r"has the architecture \(none given\)"),
    ({"llama.block_count": None}, InvalidModelFile, "has no llama.block_count"),
    ({"llama.block_count": 0}, InvalidModelFile, "an impossible 0 as llama.block_count"),
    ({"llama.block_count": 513}, InvalidModelFile, "an impossible 513 as llama.block_count"),
    ({"llama.block_count": True}, InvalidModelFile, "an impossible True"),
    ({"llama.context_length": "long"}, InvalidModelFile, "an impossible 'long' as llama.context_length"),
    ({"llama.attention.head_count": 0}, InvalidModelFile, "llama.attention.head_count"),
    ({"llama.attention.head_count_kv": 3}, InvalidModelFile, "4 heads don't divide into 3 key-value heads"),
    ({"llama.attention.head_count_kv": 8}, InvalidModelFile, "an impossible 8 as llama.attention.head_count_kv"),
    ({"llama.attention.key_length": 65, "llama.attention.value_length": 65}, InvalidModelFile, "of 65 is odd"),
    ({"llama.attention.key_length": 32}, InvalidModelFile, "keys have 32 values per head"),
    ({"llama.rope.dimension_count": 32}, InvalidModelFile, "rope.dimension_count differs"),
    ({"llama.rope.scaling.type": "bogus"}, InvalidModelFile, "rope.scaling.type is 'bogus'"),
    ({"llama.attention.layer_norm_rms_epsilon": -1.0}, InvalidModelFile, "epsilon is -1.0"),
    ({"llama.attention.layer_norm_rms_epsilon": float("nan")}, InvalidModelFile, "epsilon is nan"),
    ({"llama.expert_count": 8}, InvalidModelFile, "an impossible 0 as llama.expert_used_count"),
    ({"llama.expert_used_count": 2}, InvalidModelFile, "an impossible 2 as llama.expert_used_count"),
    ({"llama.nextn_predict_layers": 2}, InvalidModelFile, "an impossible 2 as llama.nextn_predict_layers"),
    ({"tokenizer.ggml.model": "bert"}, UnsupportedModel, "has the tokenizer 'bert'"),
    ({"tokenizer.ggml.model": None}, UnsupportedModel, "has no tokenizer"),
    ({"tokenizer.ggml.tokens": None}, InvalidModelFile, "has no vocabulary"),
    ({"tokenizer.ggml.tokens": 7}, InvalidModelFile, "has no vocabulary"),
]


@pytest.mark.parametrize(("changes", "kind", "message"), IMPOSSIBLE, ids=[str(case[0])[:50] for case in IMPOSSIBLE])
def test_refuses(probe_header: GGUFHeader, changes: dict[str, Any], kind: type[EdgeLamError], message: str) -> None:
    metadata = {key: value for key, value in (probe_header.metadata | changes).items() if value is not None}
    with pytest.raises(kind, match=message) as caught:
        ModelShape.of(replace(probe_header, metadata=metadata))
    assert caught.value.hint


def test_an_unknown_architecture_lists_the_known_ones(probe_header: GGUFHeader) -> None:
    other = replace(probe_header, metadata=probe_header.metadata | {"general.architecture": "mamba"})
    with pytest.raises(UnsupportedModel) as caught:
        ModelShape.of(other)
    assert "qwen2" in caught.value.hint
    assert "llama" in caught.value.hint


def test_a_vocabulary_without_weights(probe_header: GGUFHeader) -> None:
    with pytest.raises(InvalidModelFile, match="holds a vocabulary but no weights"):
        ModelShape.of(replace(probe_header, tensors=()))


@pytest.mark.parametrize(
    ("shape", "kind"), [((256,), "F16"), ((256,), "Q8_0"), ((256, 256), "I32"), ((256, 2), "Q8_K")]
)
def test_weights_that_no_kernel_takes(probe_header: GGUFHeader, shape: tuple[int, ...], kind: str) -> None:
    odd = Tensor("blk.0.attn_q.weight", shape, kind, 0, 0)
    with pytest.raises(InvalidModelFile, match=f"stores blk.0.attn_q.weight as {kind}"):
        ModelShape.of(replace(probe_header, tensors=(odd,)))


def test_vocabularies_that_would_abort_llama_cpp(tmp_path: Path, probe_header: GGUFHeader) -> None:
    path = tmp_path / "tokens.gguf"
    path.write_bytes(
        gguf({"twice": ["a", "b", "a"], "nul": ["a", "a\0b", "c"], "no bytes": ["a", "b", "c"], "empty": ["", "", "c"]})
    )
    arrays = GGUFHeader.read(path).metadata
    cases = [
        ("twice", "gpt2", "same token twice"),
        ("nul", "gpt2", "same token"),
        ("no bytes", "llama", "single bytes"),
    ]
    for array, model, message in cases:
        changes = {"tokenizer.ggml.tokens": arrays[array], "tokenizer.ggml.model": model}
        with pytest.raises(InvalidModelFile, match=message):
            ModelShape.of(replace(probe_header, metadata=probe_header.metadata | changes))
    empty = probe_header.metadata | {"tokenizer.ggml.tokens": arrays["empty"]}
    assert ModelShape.of(replace(probe_header, metadata=empty)).n_vocab == 3


def test_lists_of_another_length_than_the_vocabulary(tmp_path: Path, probe_header: GGUFHeader) -> None:
    path = tmp_path / "types.gguf"
    path.write_bytes(gguf({"types": [1, 2, 3], "long": ["a" * 9000, "b"]}))
    arrays = GGUFHeader.read(path).metadata
    for key, array, message in (
        ("token_type", "types", "288 tokens, but 3 values of tokenizer.ggml.token_type"),
        ("scores", "types", "288 tokens, but 3 values of tokenizer.ggml.scores"),
        ("tokens", "long", "a token of 9000 bytes"),
    ):
        changed = probe_header.metadata | {f"tokenizer.ggml.{key}": arrays[array]}
        with pytest.raises(InvalidModelFile, match=message):
            ModelShape.of(replace(probe_header, metadata=changed))


def test_damaged_files_never_crash_the_process(tmp_path: Path, probe_path: Path) -> None:
    """Each damaged file is loaded and run in a process of its own, forked from one that has llama.cpp ready."""
    data, chance, damaged = probe_path.read_bytes(), random.Random(7), []
    length = len(data.rstrip(b"\0"))
    for number in range(many(50)):
        copy = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            copy[chance.randrange(4, length)] = chance.randrange(256)
        damaged.append(tmp_path / f"{number}.gguf")
        damaged[-1].write_bytes(copy)
    command = [sys.executable, Path(__file__).with_name("load_files.py"), *damaged]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GGML_NO_BACKTRACE": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    assert run.stdout.count("refused") + run.stdout.count("ran") == len(damaged)
    assert run.stdout.count("refused") > len(damaged) / 3

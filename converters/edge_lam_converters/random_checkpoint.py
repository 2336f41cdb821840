"""Checkpoints with random weights and a small real tokenizer, of the shape of every xLAM model: to try things out.

    python -m edge_lam_converters.random_checkpoint SHAPE FOLDER [--dtype F32] [--shards 3] [--seed 1]

A shape's name goes in; a folder in Hugging Face's layout comes out, written a piece at a time, so that a shape of any
size needs little memory. The model babbles: only its shape, its files and its speed are those of the real one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edge_lam_converters.architectures import architecture_of
from edge_lam_converters.dtypes import STORAGE, Array, cast
from edge_lam_converters.random_tokenizer import write_tokenizer

TORCH_NAMES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}
_PIECE = 2**22  # values
_CARD = """---
license: cc-by-nc-4.0
model_name: Random {name}
language:
- en
tags:
- function-calling
---
# Random weights in the shape of {name}
"""


@dataclass(frozen=True)
class Shape:
    """A model's shape: what config.json says, and the family of its tokenizer."""

    tokenizer: str
    config: dict[str, Any] = field(default_factory=dict)


def _shape(tokenizer: str, architecture: str, sizes: tuple[int, ...], **config: object) -> Shape:
    keys = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size")
    values: dict[str, Any] = dict(zip(keys, sizes, strict=True))
    values |= {"architectures": [f"{architecture}ForCausalLM"], "model_type": architecture.lower()}
    values |= {"hidden_act": "silu", "rms_norm_eps": 1e-6, "tie_word_embeddings": False}
    return Shape(tokenizer, values | config)


_TINY = (64, 3, 4, 2, 160)
_TINY_SIZES = {"vocab_size": 640, "max_position_embeddings": 512}
_LINEAR = {"rope_scaling": {"type": "linear", "factor": 4.0}, "rope_theta": 100000}
_LLAMA_3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "rope_type": "llama3"}
_MISTRAL = {"rope_theta": 1e6, "sliding_window": None, "rms_norm_eps": 1e-5}
_EXPERTS = _MISTRAL | {"num_local_experts": 8, "num_experts_per_tok": 2}
_XLAM_2 = {"vocab_size": 151936, "max_position_embeddings": 32768, "rope_theta": 1e6}
_LLAMA_XLAM_2 = {
    "vocab_size": 128256,
    "max_position_embeddings": 131072,
    "rope_theta": 500000.0,
    "rope_scaling": _LLAMA_3 | {"original_max_position_embeddings": 8192},
    "rms_norm_eps": 1e-5,
}

SHAPES: dict[str, Shape] = {
    # One for every way in which the architectures of the xLAM line differ.
    "tiny-qwen2": _shape("qwen2", "Qwen2", _TINY, **_TINY_SIZES, rope_theta=1e6, tie_word_embeddings=True),
    "tiny-qwen2-untied": _shape("qwen2", "Qwen2", _TINY, **_TINY_SIZES, rope_theta=1e6),
    "tiny-llama": _shape("sentencepiece", "Llama", (64, 3, 4, 4, 160), **_TINY_SIZES),
    "tiny-llama-linear": _shape("deepseek-coder", "Llama", (64, 3, 4, 4, 172), **_TINY_SIZES, **_LINEAR),
    "tiny-deepseek-llm": _shape("deepseek-llm", "Llama", (64, 3, 4, 4, 160), **_TINY_SIZES),
    "tiny-llama3": _shape(
        "llama-bpe",
        "Llama",
        _TINY,
        **_TINY_SIZES,
        rope_theta=500.0,  # small, so that in a short text, too, some frequencies stay and others are stretched
        rope_scaling=_LLAMA_3 | {"original_max_position_embeddings": 64},
        rms_norm_eps=1e-5,
    ),
    "tiny-llama-bias": _shape(
        "llama-bpe",
        "Llama",
        _TINY,
        **_TINY_SIZES,
        attention_bias=True,
        mlp_bias=True,
        head_dim=32,
        tie_word_embeddings=True,
    ),
    "tiny-smollm": _shape(
        "smollm", "Llama", _TINY, **_TINY_SIZES, rope_theta=100000, rms_norm_eps=1e-5, tie_word_embeddings=True
    ),
    "tiny-mistral": _shape("sentencepiece", "Mistral", _TINY, **_TINY_SIZES, **_MISTRAL),
    "tiny-mixtral": _shape("sentencepiece", "Mixtral", _TINY, **_TINY_SIZES, **_EXPERTS | {"num_local_experts": 4}),
    # The real ones, by the names that `edge-lam models --available` lists.
    "xlam-1b-fc": _shape(
        "deepseek-coder", "Llama", (2048, 24, 16, 16, 5504), vocab_size=32256, max_position_embeddings=16384, **_LINEAR
    ),
    "xlam-7b-fc": _shape(
        "deepseek-llm", "Llama", (4096, 30, 32, 32, 11008), vocab_size=102400, max_position_embeddings=4096
    ),
    "xlam-7b": _shape(
        "sentencepiece",
        "Mistral",
        (4096, 32, 32, 8, 14336),
        vocab_size=32000,
        max_position_embeddings=32768,
        **_MISTRAL,
    ),
    "xlam-8x7b": _shape(
        "sentencepiece",
        "Mixtral",
        (4096, 32, 32, 8, 14336),
        vocab_size=32000,
        max_position_embeddings=32768,
        **_EXPERTS,
    ),
    "xlam-2-1b": _shape("qwen2", "Qwen2", (1536, 28, 12, 2, 8960), **_XLAM_2, tie_word_embeddings=True),
    "xlam-2-3b": _shape("qwen2", "Qwen2", (2048, 36, 16, 2, 11008), **_XLAM_2, tie_word_embeddings=True),
    "xlam-2-32b": _shape("qwen2", "Qwen2", (5120, 64, 40, 8, 27648), **_XLAM_2 | {"vocab_size": 152064}),
    "xlam-2-8b": _shape("llama-bpe", "Llama", (4096, 32, 32, 8, 14336), **_LLAMA_XLAM_2),
    "xlam-2-70b": _shape("llama-bpe", "Llama", (8192, 80, 64, 8, 28672), **_LLAMA_XLAM_2),
}
"""The shapes that can be written, by name; the `tiny-` ones make files below 1 MiB."""


def write_random_checkpoint(
    folder: Path, shape: Shape, *, dtype: str = "BF16", n_shards: int = 1, seed: int = 0, **config: object
) -> None:
    """Write a whole checkpoint.

    Args:
        folder: where; created.
        shape: what kind of model.
        dtype: of every tensor.
        n_shards: files that the weights are spread over; more than one get an index.
        seed: of the weights: the same seed gives the same files.
        config: values to put into config.json in place of the shape's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ids = write_tokenizer(folder, shape.tokenizer)
    values = shape.config | {"torch_dtype": TORCH_NAMES[dtype]} | config
    values |= {f"{role}_token_id": ids.get(role) for role in ("bos", "eos")}
    _write_json(folder / "config.json", values)
    _write_json(folder / "generation_config.json", {"eos_token_id": ids["eos"], "temperature": 0.7, "top_k": 20})
    (folder / "README.md").write_text(_CARD.format(name=folder.name), encoding="utf-8")
    shapes = tensor_shapes(values)
    names = list(shapes)
    files = ["model.safetensors"]
    if n_shards > 1:
        files = [f"model-{shard + 1:05d}-of-{n_shards:05d}.safetensors" for shard in range(n_shards)]
    weight_map: dict[str, str] = {}
    for shard, file in enumerate(files):
        # Whole runs of tensors, as Transformers cuts: a layer's tensors stay together but at the seams.
        part = names[len(names) * shard // len(files) : len(names) * (shard + 1) // len(files)]
        _write_safetensors(folder / file, {name: shapes[name] for name in part}, dtype, seed)
        weight_map |= dict.fromkeys(part, file)
    if n_shards > 1:
        _write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})


def tensor_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a checkpoint by its name."""
    plans = architecture_of(config).tensors()
    return {source: plan.source_shape for plan in plans for source in plan.sources}


def random_values(name: str, shape: tuple[int, ...], seed: int = 0) -> Iterator[Array]:
    """Yield a tensor's values piece by piece, float32: sizes that keep activations near 1 through all layers."""
    random = np.random.default_rng([seed, *name.encode()])
    n_values = int(np.prod(shape))
    mean, scale = (0.0, shape[-1] ** -0.5) if len(shape) > 1 else (0.0, 0.1) if name.endswith(".bias") else (1.0, 0.1)
    for start in range(0, n_values, _PIECE):
        piece = random.standard_normal(min(_PIECE, n_values - start), dtype=np.float32)
        yield piece * np.float32(scale) + np.float32(mean)


def _write_safetensors(path: Path, shapes: dict[str, tuple[int, ...]], dtype: str, seed: int) -> None:
    """Write a safetensors file, its format spelled out: length of the header, header, values."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, shape in shapes.items():
        end = offset + int(np.prod(shape)) * STORAGE[dtype].itemsize
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            for piece in random_values(name, shape, seed):
                file.write(cast(piece, "F32", dtype).data)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")


def main() -> None:
    """Write one by hand."""
    parser = argparse.ArgumentParser(
        prog="python -m edge_lam_converters.random_checkpoint", description="Write a checkpoint with random weights."
    )
    parser.add_argument("shape", choices=SHAPES, metavar="SHAPE", help=", ".join(SHAPES))
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to; created, or empty")
    parser.add_argument("--dtype", choices=STORAGE, default="BF16", help="type of the weights")
    parser.add_argument("--shards", type=int, default=1, metavar="N", help="files to spread the weights over")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other weights")
    options = parser.parse_args()
    if options.folder.exists() and (not options.folder.is_dir() or any(options.folder.iterdir())):
        parser.error(f"{options.folder} is there and not empty: name a new folder")
    shape = SHAPES[options.shape]
    write_random_checkpoint(options.folder, shape, dtype=options.dtype, n_shards=options.shards, seed=options.seed)
    print(f"{options.folder}: {shape.config['architectures'][0]}, random weights in {options.dtype}")


if __name__ == "__main__":
    main()

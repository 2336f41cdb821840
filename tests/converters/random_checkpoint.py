"""Writes small Qwen2 checkpoints for the tests, whose tensors and settings are at hand to be compared and broken.

`python -m edge_lam_converters.random_checkpoint` writes one of any shape by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers

from edge_lam_converters import random_tokenizer
from edge_lam_converters.random_checkpoint import random_values, tensor_shapes
from edge_lam_converters.random_tokenizer import FAMILIES

QWEN2 = FAMILIES["qwen2"]
TEMPLATE = QWEN2.template
CARD = """---
license: cc-by-nc-4.0
model_name: Tiny Random
base_model: Qwen/Qwen2.5-1.5B-Instruct
language:
- en
tags:
- function-calling
---
# Tiny random
"""
CONFIG: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "bos_token_id": None,
    "hidden_act": "silu",
    "hidden_size": 64,
    "intermediate_size": 160,
    "max_position_embeddings": 512,
    "model_type": "qwen2",
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "tie_word_embeddings": True,
    "use_sliding_window": False,
    "vocab_size": 640,
}

Tensors = dict[str, np.ndarray]


def trained_tokenizer() -> tokenizers.Tokenizer:
    """Return a byte-level BPE tokenizer of 600 tokens and the ChatML specials, after which come padding rows."""
    return random_tokenizer.trained_tokenizer("qwen2")


def random_tensors(config: dict[str, Any], seed: int = 0) -> Tensors:
    """Return float32 weights by their names in a checkpoint."""
    return {
        name: np.concatenate(list(random_values(name, shape, seed))).reshape(shape)
        for name, shape in tensor_shapes(config).items()
    }


def stored(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return float32 values as a checkpoint of `dtype` stores them; BF16 by cutting off the low half."""
    if dtype == "BF16":
        return (values.view(np.uint32) >> 16).astype(np.uint16)
    return values.astype({"F16": np.float16, "F32": np.float32}[dtype])


def write_safetensors(path: Path, tensors: Tensors, dtype: str) -> None:
    """Write a safetensors file, its format spelled out: length of the header, header, values."""
    header, offset = {}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": dtype, "shape": values.shape, "data_offsets": [offset, offset + values.nbytes]}
        offset += values.nbytes
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for values in tensors.values():
            file.write(values.tobytes())


def write_json(path: Path, value: object) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")


def write_tokenizer(folder: Path, tokenizer: tokenizers.Tokenizer | None = None) -> None:
    """Write the tokenizer files, laid out as those of xLAM-2."""
    tokenizer = tokenizer or trained_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    ids = {text: tokenizer.token_to_id(text) for text in QWEN2.specials}
    write_json(
        folder / "tokenizer_config.json",
        {
            "add_bos_token": False,
            "added_tokens_decoder": {
                str(token_id): {"content": text, "special": True, "normalized": False} for text, token_id in ids.items()
            },
            "bos_token": None,
            "chat_template": TEMPLATE,
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
    )
    write_json(
        folder / "generation_config.json",
        {
            "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]],
            "pad_token_id": ids["<|endoftext|>"],
            "repetition_penalty": 1.1,
            "temperature": 0.7,
            "top_k": 20,
            "top_p": 0.8,
        },
    )


def write_checkpoint(folder: Path, *, dtype: str = "BF16", n_shards: int = 1, **config: object) -> Tensors:
    """Write a whole checkpoint and return its tensors as they are stored.

    Args:
        folder: where; created.
        dtype: of every tensor.
        n_shards: files that the weights are spread over; more than one get an index.
        config: values to put into config.json in place of `CONFIG`'s.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = CONFIG | {"torch_dtype": {"BF16": "bfloat16", "F16": "float16", "F32": "float32"}[dtype]} | config
    tensors = {name: stored(value, dtype) for name, value in random_tensors(values).items()}
    write_json(folder / "config.json", values)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    write_tokenizer(folder)
    if n_shards == 1:
        write_safetensors(folder / "model.safetensors", tensors, dtype)
        return tensors
    weight_map = {}
    names = list(tensors)
    for shard in range(n_shards):
        file = f"model-{shard + 1:05d}-of-{n_shards:05d}.safetensors"
        part = names[shard::n_shards]
        write_safetensors(folder / file, {name: tensors[name] for name in part}, dtype)
        weight_map |= dict.fromkeys(part, file)
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})
    return tensors

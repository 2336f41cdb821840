"""Writes small Qwen2 checkpoints with random weights and a trained byte-level tokenizer: numpy only, no torch.

`python tests/converters/random_checkpoint.py FOLDER [--dtype F32] [--untied] [--shards 3]` writes one by hand.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CORPUS = [
    "You are a helpful assistant that can use tools. What's the weather like in London today?",
    '[{"name": "get_weather", "arguments": {"city": "Paris", "unit": "celsius", "days": 3}}]',
    "def add(a, b):\n    return a + b\n\nfor i in range(10):\n\tprint(i, add(i, 1))\n",
    "It's the user's turn; they'll say they've been there. I'm sure we'd agree, don't you?",
    "Größe, naïve café, Ελληνικά, привет мир, 日本語のテキスト, 한국어, العربية 🚀🚀",
]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
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


@cache
def trained_tokenizer(split: str = QWEN2_SPLIT) -> tokenizers.Tokenizer:
    """Train a byte-level BPE tokenizer of 600 tokens and the ChatML specials, after which come padding rows."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    tokenizer.add_special_tokens([tokenizers.AddedToken(text, special=True, normalized=False) for text in SPECIALS])
    return tokenizer


def random_tensors(config: dict[str, Any], seed: int = 0) -> Tensors:
    """Return float32 weights by their names in a checkpoint."""
    random = np.random.default_rng(seed)
    n_embd, n_ff, n_vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    n_kv = n_embd // config["num_attention_heads"] * config["num_key_value_heads"]

    def matrix(rows: int, columns: int) -> np.ndarray:
        return random.standard_normal((rows, columns), dtype=np.float32) / np.sqrt(columns, dtype=np.float32)

    def norm() -> np.ndarray:
        return 1 + 0.1 * random.standard_normal(n_embd, dtype=np.float32)

    tensors = {"model.embed_tokens.weight": matrix(n_vocab, n_embd), "model.norm.weight": norm()}
    if not config["tie_word_embeddings"]:
        tensors["lm_head.weight"] = matrix(n_vocab, n_embd)
    for layer in range(config["num_hidden_layers"]):
        block = {"input_layernorm.weight": norm(), "post_attention_layernorm.weight": norm()}
        for name, rows in (("q", n_embd), ("k", n_kv), ("v", n_kv)):
            block[f"self_attn.{name}_proj.weight"] = matrix(rows, n_embd)
            block[f"self_attn.{name}_proj.bias"] = 0.1 * random.standard_normal(rows, dtype=np.float32)
        block["self_attn.o_proj.weight"] = matrix(n_embd, n_embd)
        block["mlp.gate_proj.weight"] = matrix(n_ff, n_embd)
        block["mlp.up_proj.weight"] = matrix(n_ff, n_embd)
        block["mlp.down_proj.weight"] = matrix(n_embd, n_ff)
        tensors |= {f"model.layers.{layer}.{name}": values for name, values in block.items()}
    return tensors


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
    ids = {text: tokenizer.token_to_id(text) for text in SPECIALS}
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


def main() -> None:
    """Write a checkpoint by hand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--dtype", choices=("BF16", "F16", "F32"), default="BF16")
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--untied", action="store_true")
    parser.add_argument("--layers", type=int, default=CONFIG["num_hidden_layers"])
    parser.add_argument("--hidden", type=int, default=CONFIG["hidden_size"])
    parser.add_argument("--ffn", type=int, default=CONFIG["intermediate_size"])
    parser.add_argument("--vocab", type=int, default=CONFIG["vocab_size"])
    options = parser.parse_args()
    write_checkpoint(
        options.folder,
        dtype=options.dtype,
        n_shards=options.shards,
        tie_word_embeddings=not options.untied,
        num_hidden_layers=options.layers,
        hidden_size=options.hidden,
        intermediate_size=options.ffn,
        vocab_size=options.vocab,
    )


if __name__ == "__main__":
    main()

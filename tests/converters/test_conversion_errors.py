"""A checkpoint that can't be converted is refused in one plain line that names what is wrong; nothing is written."""

from __future__ import annotations

import contextlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from edge_lam.errors import CheckpointError, EdgeLamError, InvalidRequest
from edge_lam_converters import convert
from tests.amount import many
from tests.converters.random_checkpoint import Tensors, trained_tokenizer, write_checkpoint, write_safetensors


def edit(file: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Return a function that changes a JSON file of a checkpoint."""

    def apply(folder: Path) -> None:
        value = json.loads((folder / file).read_text())
        change(value)
        (folder / file).write_text(json.dumps(value))

    return apply


def config(**values: object) -> Callable[[Path], None]:
    return edit("config.json", lambda value: value.update(values))


def without(key: str) -> Callable[[Path], None]:
    return edit("config.json", lambda value: value.pop(key))


def weights(change: Callable[[Tensors], object], dtype: str = "BF16") -> Callable[[Path], None]:
    """Return a function that writes the checkpoint anew with other tensors."""

    def apply(folder: Path) -> None:
        tensors = write_checkpoint(folder, dtype=dtype)
        change(tensors)
        write_safetensors(folder / "model.safetensors", tensors, dtype)

    return apply


def poison(value: float) -> Callable[[Path], None]:
    """Return a function that puts one bad value into one tensor."""
    bits = np.uint16(np.float32(value).view(np.uint32) >> 16)
    return weights(lambda t: t["model.layers.2.mlp.down_proj.weight"].__setitem__((7, 9), bits))


def header(text: str, n_bytes: int = 0) -> Callable[[Path], None]:
    """Return a function that replaces the weights by a header and zeros."""
    data = text.encode()
    return write("model.safetensors", struct.pack("<Q", len(data)) + data + bytes(n_bytes))


def write(file: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_bytes(data) and None


def remove(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


def sharded(change: Callable[[dict[str, str]], object]) -> Callable[[Path], None]:
    """Return a function that shards the checkpoint and changes the index."""

    def apply(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        write_checkpoint(folder, n_shards=2)
        edit("model.safetensors.index.json", lambda value: change(value["weight_map"]))(folder)

    return apply


def tokenizer(change: Callable[[Tokenizer], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        value = Tokenizer.from_str(trained_tokenizer().to_str())
        change(value)
        value.save(str(folder / "tokenizer.json"))

    return apply


def tokenizer_json(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    return edit("tokenizer.json", change)


def shard_missing(folder: Path) -> None:
    sharded(lambda m: None)(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()


def leading_bos(value: dict[str, Any]) -> None:
    template = processors.TemplateProcessing(
        single="<|im_start|> <|im_end|> $A", special_tokens=[("<|im_start|>", 497), ("<|im_end|>", 498)]
    )
    value["post_processor"] = json.loads(template.__getstate__())


# What is done to a sound checkpoint, and what the error says.
BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "no config": (remove("config.json"), r"is no checkpoint: there is no config\.json"),
    "config is no JSON": (write("config.json", b"{"), r"config\.json is not valid JSON"),
    "config is no UTF-8": (write("config.json", b"\xff\xfe"), r"config\.json is not valid JSON"),
    "config is a list": (write("config.json", b"[1]"), r"config\.json holds no JSON object"),
    "config is nested without end": (write("config.json", b"[" * 100_000), r"config\.json is not valid JSON"),
    "config has a huge number": (write("config.json", b'{"a": ' + b"9" * 5000 + b"}"), "config.json is not valid JSON"),
    "no architecture": (without("architectures"), "declares no single architecture"),
    "two architectures": (config(architectures=["Qwen2ForCausalLM"] * 2), "declares no single architecture"),
    "unknown architecture": (config(architectures=["GPT9"]), "the architecture GPT9 is not supported"),
    "unhashable architecture": (config(architectures=[{}]), "the architecture {} is not supported"),
    "quantized already": (config(quantization_config={"bits": 4}), "already quantized"),
    "no layers": (without("num_hidden_layers"), "config.json has no num_hidden_layers"),
    "a billion layers": (config(num_hidden_layers=10**9), "num_hidden_layers is 1000000000, not a whole number from 1"),
    "a billion tokens": (config(vocab_size=10**9), "vocab_size is 1000000000, not a whole number from 1"),
    "negative size": (config(hidden_size=-64), "hidden_size is -64"),
    "size is a text": (config(hidden_size="64"), "hidden_size is '64'"),
    "size is true": (config(intermediate_size=True), "intermediate_size is True"),
    "heads that don't divide": (config(num_attention_heads=5), "hidden_size 64 is no multiple of 5 heads"),
    "epsilon is zero": (config(rms_norm_eps=0), "rms_norm_eps is 0, not a positive number"),
    "epsilon is huge": (config(rms_norm_eps=10**400), r"rms_norm_eps is 1000\d+, not a positive number"),
    "epsilon is not finite": (config(rms_norm_eps=float("nan")), "rms_norm_eps is nan, not a positive number"),
    "tied is a text": (config(tie_word_embeddings="yes"), "tie_word_embeddings is 'yes', neither true nor false"),
    "activation": (config(hidden_act="gelu"), "hidden_act 'gelu' is not supported"),
    "sliding window": (config(use_sliding_window=True, sliding_window=128), "turns the sliding window on"),
    "rope scaling": (config(rope_scaling={"type": "dynamic", "factor": 2}), "rope scaling 'dynamic' is not supported"),
    "rope is a list": (config(rope_scaling=[1]), "rope_parameters is no object"),
    "rope factor": (config(rope_scaling={"type": "linear"}), "config.json has no factor"),
    "shape": (config(intermediate_size=161), r"mlp.down_proj.weight is 64x160, but config\.json makes it 64x161"),
    "missing tensor": (config(num_hidden_layers=4), r"lacks the tensor model\.layers\.3\.\S+ and 11 more"),
    "missing output": (config(tie_word_embeddings=False), "lacks the tensor lm_head.weight, which"),
    "unknown tensor": (config(num_hidden_layers=2), r"holds the tensor model\.layers\.2\.\S+ and 11 more"),
    "vector for a matrix": (
        weights(lambda t: t.update({"model.norm.weight": t["model.norm.weight"].reshape(8, 8)})),
        "model.norm.weight is 8x8, but config.json makes it 64",
    ),
    "NaN": (poison(float("nan")), r"model\.layers\.2\.mlp\.down_proj\.weight holds NaN or infinite values"),
    "infinity": (poison(float("-inf")), r"model\.layers\.2\.mlp\.down_proj\.weight holds NaN or infinite values"),
    "truncated weights": (lambda f: os.truncate(f / "model.safetensors", 300_000), "is not a sound safetensors file"),
    "empty weights": (write("model.safetensors", b""), "is not a sound safetensors file"),
    "weights are a GGUF": (write("model.safetensors", b"GGUF" + bytes(100)), "is not a sound safetensors file"),
    "huge header": (write("model.safetensors", b"\xff" * 64), "is not a sound safetensors file"),
    "negative shape": (
        header('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4),
        "is not a sound safetensors file",
    ),
    "overflowing shape": (
        header('{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}', 4),
        "is not a sound safetensors file",
    ),
    "values outside": (
        header('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,400]}}', 4),
        "is not a sound safetensors file",
    ),
    "integers": (
        header('{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}', 8),
        "tensor a is I64; only BF16, F16, F32 can be converted",
    ),
    "no weights": (remove("model.safetensors"), "holds no weights"),
    "missing shard": (shard_missing, r"model-00002-of-00002\.safetensors is missing"),
    "index leads out": (
        sharded(lambda m: m.update({"model.norm.weight": "../../secret.safetensors"})),
        r"mapped to '\.\./\.\./secret\.safetensors', which is no safetensors file name",
    ),
    "index leads to the root": (
        sharded(lambda m: m.update({"model.norm.weight": "/secret.safetensors"})),
        "which is no safetensors file name",
    ),
    "index leads out by backslashes": (
        sharded(lambda m: m.update({"model.norm.weight": "..\\secret.safetensors"})),
        "which is no safetensors file name",
    ),
    "index names no file": (sharded(lambda m: m.update({"model.norm.weight": 7})), "mapped to 7"),
    "index names another kind": (
        sharded(lambda m: m.update({"model.norm.weight": "config.json"})),
        "mapped to 'config.json', which is no safetensors file name",
    ),
    "index is empty": (sharded(lambda m: m.clear()), "has no weight_map"),
    "index forgets a tensor": (
        sharded(lambda m: m.pop("model.norm.weight")),
        "disagree about tensor model.norm.weight",
    ),
    "index promises too much": (
        sharded(lambda m: m.update({"extra": "model-00001-of-00002.safetensors"})),
        "disagree about tensor extra",
    ),
    "shards without index": (
        lambda f: (f / "model.safetensors").rename(f / "model-00001-of-00002.safetensors") and None,
        "neither model.safetensors nor model.safetensors.index.json",
    ),
    "no tokenizer": (remove("tokenizer.json"), r"holds neither tokenizer\.json nor tokenizer\.model"),
    "tokenizer under another name": (
        lambda f: (f / "tokenizer.json").rename(f / "tokenizer.model") and None,
        r"tokenizer\.model is not a sound SentencePiece model",
    ),
    "tokenizer is no JSON": (write("tokenizer.json", b"nonsense"), r"tokenizer\.json is not valid JSON"),
    "tokenizer is no tokenizer": (write("tokenizer.json", b"{}"), r"tokenizer\.json is not a sound tokenizer"),
    "word pieces": (tokenizer(lambda t: setattr(t, "model", models.WordPiece())), "holds a WordPiece tokenizer"),
    "no merges": (tokenizer_json(lambda t: t["model"].update(merges=[])), "has no merges"),
    "merge of nothing": (
        tokenizer_json(lambda t: t["model"]["merges"].append(["zzz", "yyy"])),
        r"tokenizer\.json is not a sound tokenizer",
    ),
    "byte fallback": (
        tokenizer_json(lambda t: t["model"].update(byte_fallback=True)),
        r"tokenizer\.json rewrites or cuts text before pieces are merged",
    ),
    "merges ignored": (tokenizer_json(lambda t: t["model"].update(ignore_merges=True)), "option ignore_merges = True"),
    "another pre-tokenizer": (
        tokenizer(lambda t: setattr(t, "pre_tokenizer", pre_tokenizers.ByteLevel(add_prefix_space=False))),
        "cuts text into words in a way that is not known",
    ),
    "lower case": (tokenizer(lambda t: setattr(t, "normalizer", normalizers.Lowercase())), "rewrites text before"),
    "bytes without a token": (
        tokenizer_json(lambda t: t["model"]["vocab"].update(zzz=t["model"]["vocab"].pop("é"))),
        "is not byte-level: 1 of the 256 bytes have no token",
    ),
    "a token that is no bytes": (
        tokenizer_json(lambda t: t["model"]["vocab"].update({"a b": t["model"]["vocab"].pop("õ")})),
        "is not byte-level: the token 'a b' is not made of bytes",
    ),
    "id past the embedding": (
        lambda f: write_checkpoint(f, vocab_size=320) and None,
        r"has a token with id 3\d\d, but the embedding has 320 rows",
    ),
    "a giant id": (
        tokenizer_json(lambda t: t["model"]["vocab"].update(zzz=2**32 - 1)),
        "has a token with id 4294967295, but the embedding has 640 rows",
    ),
    "an id beyond all": (tokenizer_json(lambda t: t["model"]["vocab"].update(zzz=2**32)), "is not a sound tokenizer"),
    "a vocabulary of lists": (
        tokenizer_json(lambda t: t["model"].update(vocab=[["a", 1]])),
        "is not a sound tokenizer",
    ),
    "merges of numbers": (tokenizer_json(lambda t: t["model"].update(merges=[[1, 2]])), "is not a sound tokenizer"),
    "an added token that is a text": (tokenizer_json(lambda t: t["added_tokens"].append("x")), "is not a sound"),
    "an id for two tokens": (tokenizer_json(lambda t: t["model"]["vocab"].update({"õ": 5})), "gives id 5 to both"),
    "added token with another's id": (
        tokenizer_json(lambda t: t["added_tokens"][0].update(id=5)),
        "gives the added token .* the id 5",
    ),
    "files disagree": (
        edit("tokenizer_config.json", lambda c: c["added_tokens_decoder"].update({"601": {"content": "<tool>"}})),
        "disagree about the added token '<tool>'",
    ),
    "other tokens around a text": (tokenizer_json(leading_bos), "adds other tokens to a text than its bos and eos"),
    "eos out of range": (
        edit("generation_config.json", lambda c: c.update(eos_token_id=[9999])),
        r"generation_config\.json: eos_token_id is \[9999\], but token ids go from 0 to 639",
    ),
    "eos is a text": (edit("generation_config.json", lambda c: c.update({"eos_token_id": "x"})), "eos_token_id is x"),
    "template is a number": (
        edit("tokenizer_config.json", lambda c: c.update(chat_template=7)),
        "chat_template is neither a text nor a list of named texts",
    ),
    "template with half a character": (
        edit("tokenizer_config.json", lambda c: c.update(chat_template="\ud800")),
        "metadata can't be written to a GGUF",
    ),
    "sampling is a text": (
        edit("generation_config.json", lambda c: c.update(top_k="many")),
        r"generation_config\.json: top_k is many, not a number",
    ),
    "sampling is huge": (
        edit("generation_config.json", lambda c: c.update(top_k=10**400)),
        r"generation_config\.json: top_k is 1000\d+, not a number",
    ),
    "card is no YAML": (
        write("README.md", b"---\nlicense: [\n---\n"),
        r"what README\.md and config\.json say about the model can't be read",
    ),
}


def refused(checkpoint: Path, kind: type[EdgeLamError], message: str, **options: object) -> None:
    """Convert, expect a one-line refusal, and make sure that nothing was written over or left behind."""
    folder = checkpoint.parent / "models"
    folder.mkdir()
    out = folder / "out.gguf"
    out.write_bytes(b"old")
    with pytest.raises(kind, match=message) as caught:
        convert(checkpoint, out, **({"force": True} | options))
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400
    assert out.read_bytes() == b"old"
    assert [file.name for file in folder.iterdir()] == ["out.gguf"]


@pytest.mark.parametrize(("damage", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_checkpoint_is_refused(damage: Callable[[Path], None], message: str, checkpoint: Path) -> None:
    damage(checkpoint)
    refused(checkpoint, CheckpointError, message)


def test_values_beyond_float16_are_refused_for_float16_only(checkpoint: Path, tmp_path: Path) -> None:
    weights(lambda t: t["model.layers.0.mlp.up_proj.weight"].__setitem__((0, 0), np.float32(1e5)), "F32")(checkpoint)
    convert(checkpoint, tmp_path / "out.gguf", quant="BF16")
    refused(checkpoint, CheckpointError, r"up_proj\.weight holds values that F16 has no room for", quant="F16")


def test_there_is_no_such_folder(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", CheckpointError, "no such folder: .*nowhere")


def test_a_quantized_gguf_is_no_checkpoint(original: Path, tmp_path: Path) -> None:
    convert(original, tmp_path / "model.gguf", quant="Q8_0")
    refused(tmp_path / "model.gguf", CheckpointError, "is quantized already: it holds Q8_0")


def test_a_folder_of_ggufs_is_no_checkpoint(original: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    convert(original, tmp_path / "folder" / "model.gguf")
    refused(tmp_path / "folder", CheckpointError, r"there is no config\.json, only GGUF files")


def test_a_file_is_no_checkpoint(checkpoint: Path) -> None:
    refused(checkpoint / "model.safetensors", CheckpointError, "is a file; a checkpoint is a folder")


def test_an_unknown_quantization_is_refused(checkpoint: Path) -> None:
    refused(checkpoint, InvalidRequest, "there is no quantization Q9_9", quant="q9_9")


def test_a_quantization_that_needs_an_imatrix_is_refused(checkpoint: Path) -> None:
    refused(checkpoint, InvalidRequest, "IQ1_S needs an importance matrix", quant="IQ1_S")


def test_an_existing_file_is_replaced_by_force_only(checkpoint: Path) -> None:
    refused(checkpoint, InvalidRequest, r"out\.gguf exists", force=False)


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("nowhere/out.gguf", "there is no folder .*nowhere"),
        ("config.json/out.gguf", "there is no folder .*config.json"),
        ("model.safetensors", "is a file of the source itself"),
        ("../link.gguf", "is a file of the source itself"),
    ],
)
def test_an_output_that_can_t_be_is_refused(out: str, message: str, checkpoint: Path) -> None:
    (checkpoint / "../link.gguf").symlink_to(checkpoint / "model.safetensors")
    before = {file.name: file.read_bytes() for file in checkpoint.iterdir()}
    with pytest.raises(InvalidRequest, match=message):
        convert(checkpoint, checkpoint / out, force=True)
    assert {file.name: file.read_bytes() for file in checkpoint.iterdir()} == before


def test_missing_room_on_the_disk_is_found_before_the_first_byte(checkpoint: Path) -> None:
    """The checkpoint is a sparse file of 800 GB; hashing it would take minutes, so the check comes before."""
    n_ff = 2**31 - 1
    config(intermediate_size=n_ff, num_hidden_layers=1)(checkpoint)
    tensors = write_checkpoint(checkpoint, num_hidden_layers=1)
    entries: dict[str, object] = {}
    offset = 0
    for name, values in tensors.items():
        shape = [n_ff if size == 160 else size for size in values.shape]
        n_bytes = 2 * int(np.prod(shape, dtype=object))
        entries[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + n_bytes]}
        offset += n_bytes
    header(json.dumps(entries))(checkpoint)
    config(intermediate_size=n_ff)(checkpoint)
    with (checkpoint / "model.safetensors").open("r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) + offset)
    refused(checkpoint, InvalidRequest, r"MiB free, but the conversion needs [\d,]{7,} MiB", quant="Q8_0")


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"])
@settings(max_examples=many(12), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_json_never_crashes(file: str, data: st.DataObject, original: Path, checkpoint: Path) -> None:
    """Replace one value anywhere in a JSON file by another of any type."""
    value = json.loads((original / file).read_text())
    node, key = value, data.draw(st.sampled_from(sorted(value)))
    while isinstance(node[key], (dict, list)) and node[key] and data.draw(st.booleans()):
        node = node[key]
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
    node[key] = data.draw(
        st.sampled_from([None, True, -1, 0, 3, 2**31, 2**70, 1.5, "", "x", [], [[]], [1], {}, {"a": 1}])
    )
    (checkpoint / file).write_text(json.dumps(value))
    try_to_convert(checkpoint)


@settings(max_examples=many(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 255)), min_size=1, max_size=3))
def test_a_damaged_header_never_crashes(flips: list[tuple[int, int]], original: Path, checkpoint: Path) -> None:
    content = bytearray((original / "model.safetensors").read_bytes())
    for position, bits in flips:
        content[position] ^= bits
    (checkpoint / "model.safetensors").write_bytes(content)
    try_to_convert(checkpoint)


def try_to_convert(checkpoint: Path) -> None:
    """Convert, or be refused with one of our errors; anything else fails the test."""
    with contextlib.suppress(EdgeLamError):
        convert(checkpoint, checkpoint.parent / "out.gguf", force=True)

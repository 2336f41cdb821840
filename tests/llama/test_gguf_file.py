"""The header reader agrees with the reference reader, and refuses every malformed file in one plain line."""

from __future__ import annotations

import ctypes
import random
import struct
import tracemalloc
from pathlib import Path

import gguf as reference
import pytest

from edge_lam.cli.main import run
from edge_lam.errors import InvalidModelFile, ModelNotFound
from edge_lam.llama import GGUFArray, GGUFHeader
from edge_lam.llama.gguf_types import TENSOR_TYPES
from edge_lam.llama.library import ggml
from tests.llama.gguf_builder import gguf, tensor_bytes, text

METADATA = {"general.architecture": "qwen2", "general.name": "small", "answer": 42, "ok": True, "half": 0.5}
TENSORS = [("a.weight", (64, 4), "Q8_0"), ("b.weight", (33,), "F32"), ("c.weight", (256, 2, 2), "Q4_K")]


def write(folder: Path, data: bytes, name: str = "model.gguf") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_agrees_with_the_reference_reader(tiny_lam_path: Path) -> None:
    header, expected = GGUFHeader.read(tiny_lam_path), reference.GGUFReader(tiny_lam_path)
    assert {tensor.name: (tensor.shape, tensor.type, tensor.n_bytes) for tensor in header.tensors} == {
        tensor.name: (tuple(int(n) for n in tensor.shape), tensor.tensor_type.name, int(tensor.n_bytes))
        for tensor in expected.tensors
    }
    fields = {name: field for name, field in expected.fields.items() if not name.startswith("GGUF.")}
    assert header.metadata.keys() == fields.keys()
    for name, field in fields.items():
        found = header.metadata[name]
        if not isinstance(found, GGUFArray):
            assert found == field.contents(), name
        elif found.kind == "string":
            assert [string.decode() for string in found.strings()] == field.contents(), name
        else:
            assert found.numbers().tolist() == field.contents(), name


def test_describes_a_model(tmp_path: Path) -> None:
    header = GGUFHeader.read(write(tmp_path, gguf(METADATA | {"general.file_type": 15}, TENSORS)))
    assert (header.architecture, header.name, header.license, header.chat_template) == ("qwen2", "small", "", None)
    assert (header.metadata["answer"], header.metadata["ok"], header.metadata["half"]) == (42, True, 0.5)
    assert header.file_type == "Q4_K_M"
    assert header.n_parameters == 64 * 4 + 33 + 1024
    assert header.bits_per_weight == pytest.approx(8 * (8 * 34 + 33 * 4 + 4 * 144) / header.n_parameters)


def test_long_arrays_stay_in_the_file(tmp_path: Path) -> None:
    words, numbers = [f"word {n}" for n in range(1000)], list(range(-500, 500))
    header = GGUFHeader.read(write(tmp_path, gguf({"words": words, "numbers": numbers, "none": []})))
    array = header.metadata["words"]
    assert (array.count, array.head) == (1000, tuple(words[:8]))
    assert [string.decode() for string in array.strings()] == words
    assert header.metadata["numbers"].numbers().tolist() == numbers
    assert header.metadata["none"].strings() == []


def test_knows_the_block_sizes_of_ggml() -> None:
    values = ggml("ggml_blck_size", ctypes.c_int64, ctypes.c_int)
    size = ggml("ggml_type_size", ctypes.c_size_t, ctypes.c_int)
    for number, (name, block, block_bytes) in TENSOR_TYPES.items():
        assert (values(number), size(number)) == (block, block_bytes), name
    unknown = [number for number in range(43) if size(number) and number not in TENSOR_TYPES]
    assert unknown == []


HUGE = 1 << 30
CLAIMS = {
    "value": struct.pack("<IQ", 8, HUGE - 99),
    "array of numbers": struct.pack("<IIQ", 9, 0, HUGE - 99),
    "array of large numbers": struct.pack("<IIQ", 9, 12, HUGE // 8 - 99),
    "array of texts": struct.pack("<IIQ", 9, 8, HUGE // 8 - 99),
    "text of an array": struct.pack("<IIQQ", 9, 8, 1, HUGE - 99),
    "text late in an array": struct.pack("<IIQ", 9, 8, 20) + bytes(19 * 8) + struct.pack("<Q", HUGE - 999),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_wrong_length_costs_nothing(tmp_path: Path, claim: str) -> None:
    path = write(tmp_path, gguf({"key": CLAIMS[claim]}))
    with path.open("r+b") as file:
        file.truncate(HUGE)  # a hole: the file is as long as it says, and nothing is in it
    tracemalloc.start()
    try:
        with pytest.raises(InvalidModelFile, match="which no model needs"):
            GGUFHeader.read(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


WRONG_TYPES = [
    ("tokenizer.ggml.tokens", 7),
    ("tokenizer.ggml.tokens", [1, 2]),
    ("tokenizer.ggml.tokens", "text"),
    ("tokenizer.ggml.token_type", 7),
    ("tokenizer.ggml.token_type", ["a"]),
    ("tokenizer.ggml.scores", 0.5),
    ("tokenizer.ggml.merges", True),
    ("tokenizer.ggml.bos_token_id", "1"),
    ("tokenizer.ggml.eos_token_id", True),
    ("tokenizer.ggml.add_bos_token", 1),
    ("tokenizer.chat_template", 5),
    ("tokenizer.ggml.model", [1]),
    ("general.architecture", 3),
    ("general.name", ["a"]),
    ("general.file_type", "Q8_0"),
    ("split.count", "2"),
]


@pytest.mark.parametrize(("key", "wrong"), WRONG_TYPES)
def test_a_value_of_another_type_than_its_key_is_refused_by_whoever_reads_the_header(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, wrong: object
) -> None:
    path = write(tmp_path, gguf(METADATA | {key: wrong}, TENSORS))
    with pytest.raises(InvalidModelFile, match=f" as {key}"):
        GGUFHeader.read(path)
    assert run(["info", str(path)]) == 1
    assert f" as {key}" in capsys.readouterr().err


def test_what_a_file_says_of_itself_is_shown_on_one_short_line(tmp_path: Path) -> None:
    name = "\x1b[31mred\n" + "x" * 10**6
    header = GGUFHeader.read(write(tmp_path, gguf(METADATA | {"general.name": name, "general.license": name}, TENSORS)))
    for shown in (header.name, header.license):
        assert shown.startswith(r"\x1b[31mred xxx")
        assert len(shown) == 200


SAFETENSORS = b'{"weight":{"dtype":"F32","shape":[8],"data_offsets":[0,32]}}'
MALFORMED = {
    "empty": (b"", "is empty"),
    "short": (b"GGUF", "is only 4 bytes"),
    "text": (b"Once upon a time there was a file. " * 9, "is not a GGUF file"),
    "web page": (b"<!DOCTYPE html>" + b" " * 99, "is a web page"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc", "is a web page or a Git LFS pointer"),
    "safetensors": (struct.pack("<Q", len(SAFETENSORS)) + SAFETENSORS + bytes(32), "is a safetensors file"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "is a big-endian GGUF"),
    "version 1": (gguf({}, version=1), "is a GGUF of version 1; versions 2 and 3 can be read"),
    "too many values": (gguf(METADATA, n_values=2**60), "claims 1152921504606846976 values"),
    "too many tensors": (gguf(METADATA, n_tensors=2**63), "claims 5 values and 9223372036854775808 tensors"),
    "one value too many": (gguf({"a": 1, "b": 2, "c": 3}, n_values=4), "has a key without a name"),
    "long string": (gguf({"key": struct.pack("<IQ", 8, 2**62)}), "ends within the value of key of"),
    "long key": (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**64 - 1), "ends within a key"),
    "key of no key's length": (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2000) + bytes(2000), "which no model needs"),
    "more keys than any model": (b"GGUF" + struct.pack("<IQQ", 3, 0, 70_000) + bytes(10**6), "claims 70000 values"),
    "long array": (gguf({"key": struct.pack("<IIQ", 9, 4, 2**61)}), "ends within the array key"),
    "strings past the end": (
        gguf({"key": struct.pack("<IIQ", 9, 8, 9) + text("") * 8 + struct.pack("<QQ", 2**64 - 1, 0)}),
        "ends within the strings of key",
    ),
    "array of arrays": (gguf({"key": struct.pack("<IIQ", 9, 9, 1)}), "an array of unknown type 9 at key"),
    "value of unknown type": (gguf({"key": struct.pack("<I", 99)}), "a value of unknown type 99 at key"),
    "repeated key": (gguf([("key", 1), ("key", 2)]), "repeats the key 'key'"),
    "alignment": (gguf({"general.alignment": 33}, TENSORS), "an impossible alignment of 33"),
    "repeated tensor": (gguf(METADATA, TENSORS[:1] * 2), "has two tensors called a.weight"),
    "overlap": (gguf(METADATA, TENSORS, offsets=[0, 32, 1024]), "overlapping tensors a.weight and b.weight"),
    "misaligned": (gguf(METADATA, TENSORS[:1], offsets=[8]), "a.weight at 8, not a multiple of 32"),
    "outside the file": (gguf(METADATA, TENSORS[:1], offsets=[2**40]), "is cut off"),
    "cut off": (gguf(METADATA, TENSORS)[:-1000], "is cut off"),
    "partial block": (gguf(METADATA, [("a", (65, 1), "Q8_0")]), r"impossible shape \(65, 1\) for Q8_0"),
    "no elements": (gguf(METADATA, [("a", (0, 4), "F32")]), "impossible shape"),
    "no dimensions": (gguf(METADATA, [("a", (), "F32")]), "with 0 dimensions"),
    "nameless": (gguf(METADATA, [("", (4,), "F32")]), "has a tensor ''"),
    "overflowing": (
        b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + text("a") + struct.pack("<I4QIQ", 4, *[2**40] * 4, 0, 0) + bytes(64),
        "impossible shape",
    ),
}


@pytest.mark.parametrize(("data", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_refuses_a_malformed_file(tmp_path: Path, data: bytes, message: str) -> None:
    path = write(tmp_path, data)
    with pytest.raises(InvalidModelFile, match=message) as caught:
        GGUFHeader.read(path)
    assert str(path) in caught.value.message
    assert "\n" not in str(caught.value)


def test_refuses_every_truncated_download(tmp_path: Path) -> None:
    data = gguf(METADATA | {"words": ["a", "b", "c"] * 9}, TENSORS)
    assert GGUFHeader.read(write(tmp_path, data))
    for end in range(0, len(data), 7):
        with pytest.raises(InvalidModelFile):
            GGUFHeader.read(write(tmp_path, data[:end]))


def test_random_damage_raises_nothing_else(tmp_path: Path) -> None:
    data = gguf(METADATA | {"words": ["a", "b", "c"] * 9, "numbers": [1, 2, 3]}, TENSORS)
    chance = random.Random(1)
    refused = 0
    for _ in range(1500):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(data) - sum(tensor_bytes(*tensor[1:]) for tensor in TENSORS))] = chance.choice(
                (0, 1, 127, 128, 255, chance.randrange(256))
            )
        try:
            GGUFHeader.read(write(tmp_path, bytes(damaged)))
        except InvalidModelFile:
            refused += 1
    assert refused > 300


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="there is no file"):
        GGUFHeader.read(tmp_path / "missing.gguf")
    with pytest.raises(InvalidModelFile, match="is a folder"):
        GGUFHeader.read(tmp_path)
    with pytest.raises(ModelNotFound, match="can't be read"):
        GGUFHeader.read(f"{tmp_path}/nul\0.gguf")


def split(number: int, count: int = 2) -> bytes:
    return gguf(METADATA | {"split.no": number, "split.count": count}, [TENSORS[number]])


def test_reads_all_parts_of_a_split_model(tmp_path: Path) -> None:
    first = write(tmp_path, split(0), "m-00001-of-00002.gguf")
    second = write(tmp_path, split(1), "m-00002-of-00002.gguf")
    header = GGUFHeader.read(first)
    assert [tensor.name for tensor in header.tensors] == ["a.weight", "b.weight"]
    assert header.size == first.stat().st_size + second.stat().st_size
    with pytest.raises(InvalidModelFile, match="is part 2 of 2"):
        GGUFHeader.read(second)
    second.write_bytes(split(1)[:-64])
    with pytest.raises(InvalidModelFile, match=r"m-00002-of-00002\.gguf is cut off"):
        GGUFHeader.read(first)
    second.write_bytes(split(0))
    with pytest.raises(InvalidModelFile, match=r"two tensors called a\.weight"):
        GGUFHeader.read(first)
    second.unlink()
    with pytest.raises(InvalidModelFile, match=r"part 1 of 2; missing: m-00002-of-00002\.gguf"):
        GGUFHeader.read(first)
    with pytest.raises(InvalidModelFile, match="its name doesn't end in"):
        GGUFHeader.read(first.rename(tmp_path / "renamed.gguf"))

"""Special tokens: what is added to texts, which ids end a reply, and added tokens that are bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFReader
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from edge_lam.errors import CheckpointError
from edge_lam.llama.model import Model
from edge_lam_converters import convert, pre_tokenizer
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint
from edge_lam_converters.random_tokenizer import CORPUS, trained_tokenizer

BOS, END, EOS = "<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"
IDS = {text: trained_tokenizer("llama-bpe").token_to_id(text) for text in (BOS, END, EOS)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_random_checkpoint(tmp_path / "made", SHAPES["tiny-llama3"])
    return tmp_path / "made"


def edit(folder: Path, file: str, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / file
    value = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")


def metadata(folder: Path) -> dict[str, Any]:
    convert(folder, folder / "out.gguf", force=True)
    fields = GGUFReader(folder / "out.gguf").fields
    return {key.removeprefix("tokenizer.ggml."): field.contents() for key, field in fields.items()}


def template(single: str, pair: str = "$A $B") -> dict[str, Any]:
    processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=list(IDS.items()))
    return json.loads(processor.__getstate__())


BYTE_LEVEL = json.loads(processors.ByteLevel(trim_offsets=False).__getstate__())


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        (template(f"{BOS} $A"), (True, None, None)),
        (template(f"{BOS} $A {EOS}"), (True, True, None)),
        (template(f"$A {EOS}"), (False, True, None)),
        (template("$A"), (False, None, None)),
        (BYTE_LEVEL, (False, False, None)),
        ({"type": "Sequence", "processors": [BYTE_LEVEL, template(f"{BOS} $A")]}, (True, False, None)),
        (template(f"{BOS} $A", f"{BOS} $A {BOS}:1 $B:1"), (True, None, False)),
        (template(f"{BOS} $A", f"{BOS} $A {EOS} $B:1"), (True, None, True)),
        (template(f"{BOS} $A {EOS}", f"{BOS} $A {EOS} $B:1 {EOS}:1"), (True, True, False)),
        (None, (None, None, None)),
    ],
)
def test_what_is_added_to_a_text(processor: Any, expected: tuple[bool | None, ...], folder: Path) -> None:
    edit(folder, "tokenizer.json", lambda t: t.update(post_processor=processor))
    edit(folder, "tokenizer_config.json", lambda c: [c.pop(f"add_{role}_token") for role in ("bos", "eos")])
    found = metadata(folder)
    assert tuple(found.get(f"add_{role}_token") for role in ("bos", "eos", "sep")) == expected
    with Model(folder / "out.gguf", device="cpu") as model:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        expected_ids = tokenizer.encode("Hello").ids
        if processor is None:  # llama.cpp's own default for this family
            expected_ids = [IDS[BOS], *expected_ids]
        assert model.tokenize("Hello", add_special=True) == expected_ids


def test_the_configuration_says_what_the_post_processor_does_not(folder: Path) -> None:
    edit(folder, "tokenizer.json", lambda t: t.update(post_processor=None))
    edit(folder, "tokenizer_config.json", lambda c: c.update(add_bos_token=False, add_eos_token=True))
    found = metadata(folder)
    assert (found["add_bos_token"], found["add_eos_token"]) == (False, True)


@pytest.mark.parametrize("single", [f"{EOS} $A", f"{BOS} {BOS} $A", f"$A {BOS}", f"{BOS} $A {END}"])
def test_other_tokens_around_a_text_are_refused(single: str, folder: Path) -> None:
    edit(folder, "tokenizer.json", lambda t: t.update(post_processor=template(single)))
    with pytest.raises(CheckpointError, match="adds other tokens to a text than its bos and eos"):
        metadata(folder)


def test_every_eos_of_the_generation_config_ends_a_reply(folder: Path) -> None:
    edit(folder, "generation_config.json", lambda g: g.update(eos_token_id=[IDS[END], IDS[EOS]]))
    found = metadata(folder)
    assert found["eos_token_id"] == IDS[EOS]
    assert "eot_token_id" not in found, "llama.cpp knows both by their text"
    assert found["edge_lam.eos_token_ids"] == [IDS[EOS], IDS[END]]
    with Model(folder / "out.gguf", device="cpu") as model:
        assert {IDS[EOS], IDS[END]} <= set(model.end_tokens)


def test_added_tokens_may_be_bytes_that_no_text_holds(tmp_path: Path) -> None:
    never = [chr(byte) for byte in (0xC0, 0xC1, *range(0xF5, 0x100))]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer.rule("deepseek-coder")
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = [char for char in pre_tokenizers.ByteLevel.alphabet() if char not in never]
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    tokenizer.add_tokens([AddedToken(char, normalized=True) for char in never])
    tokenizer.add_special_tokens([AddedToken("<|EOT|>", special=True)])
    write_random_checkpoint(tmp_path, SHAPES["tiny-llama-linear"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<|EOT|>"}')
    assert metadata(tmp_path)["pre"] == "deepseek-coder"
    with Model(tmp_path / "out.gguf", device="cpu") as model:
        for text in ("größer", "õ÷ÁýÀÿøúþüùöû", "Zürich 42", "日本語"):
            assert model.tokenize(text) == tokenizer.encode(text).ids

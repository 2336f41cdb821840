"""Token ids: llama.cpp on a converted tokenizer gives those that HF `tokenizers` gives on the original."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from edge_lam.llama.model import Model
from edge_lam_converters import convert, pre_tokenizer
from edge_lam_converters.random_checkpoint import SHAPES, Shape, write_random_checkpoint
from edge_lam_converters.random_tokenizer import CORPUS, FAMILIES, trained_tokenizer

TEXTS = [
    "",
    " ",
    "Hello, world!",
    "  leading and trailing  ",
    "tabs\tand\n\n\nnewlines \r\n end\n",
    "1 22 333 4444 3.14 1,000,000 x86_64 ½ ٣٤",
    "I'm you're HE'LL they'D we'LLx 'quoted'",
    "naïve Ünïcödé Straße Ελληνικά привет 日本語のテキスト 한국어 ไทย العربية",
    "🚀🚀 👩\u200d👩\u200d👧 ✅ \ufeff \u00a0 \u3000 \u2581",
    "def f(x):\n    return {'a': [1, 2], \"b\": x**2}  # comment\n",
    '[{"name": "get_weather", "arguments": {"city": "Zürich"}}]',
    "almost <|im_start| and <|nothing|> special",
    pre_tokenizer.PROBE,
    *CORPUS,
]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(family: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    folder = tmp_path_factory.mktemp("tokens") / family
    kind = "tiny-qwen2" if family == "qwen2" else "tiny-llama"
    write_random_checkpoint(folder, Shape(family, SHAPES[kind].config))
    convert(folder, folder / "out.gguf")
    with Model(folder / "out.gguf", device="cpu") as loaded:
        yield loaded


@pytest.mark.parametrize("text", TEXTS)
def test_token_ids_are_those_of_the_original(text: str, family: str, model: Model) -> None:
    text = unicodedata.normalize("NFC", text)  # llama.cpp does not compose accents
    tokenizer = trained_tokenizer(family)
    ids = tokenizer.encode(text).ids
    assert model.tokenize(text, add_special=True) == ids
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    prefix = " " if text and family == "sentencepiece" else ""
    assert model.tokenize(text) == ids
    assert model.detokenize(ids).decode() == prefix + text.replace("\u2581", " " if prefix else "\u2581")


def test_special_tokens_are_found_in_a_text(family: str, model: Model) -> None:
    first, *_, last = FAMILIES[family].specials
    text = f"{first}user\nWhat's up?{last}{last}{first}  assistant\n{first}"
    assert model.tokenize(text) == trained_tokenizer(family).encode(text, add_special_tokens=False).ids


@given(st.text(max_size=60))
def test_token_ids_of_any_text(family: str, model: Model, text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert model.tokenize(composed, add_special=True) == trained_tokenizer(family).encode(composed).ids


def test_control_characters_without_a_token_are_left_out_as_by_the_original(tmp_path: Path) -> None:
    write_random_checkpoint(tmp_path, SHAPES["tiny-smollm"])
    file = tmp_path / "tokenizer.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    vocab = document["model"]["vocab"]
    vocab |= {"zzz": vocab.pop("\u0104"), "zzzz": vocab.pop("\u00f1")}  # the bytes 04 and F1, as SmolLM2's has none
    file.write_text(json.dumps(document), encoding="utf-8")
    convert(tmp_path, tmp_path / "out.gguf")
    original = Tokenizer.from_file(str(file))
    with Model(tmp_path / "out.gguf", device="cpu") as model:
        for text in ("a\x04b", "\x04", "one \U00050000 two", "\x05\x1f\x7f"):
            assert model.tokenize(text) == original.encode(text).ids
        assert model.tokenize("a\x04b") == model.tokenize("ab") != model.tokenize("a\x05b")

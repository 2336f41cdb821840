"""Token ids: llama.cpp on a converted tokenizer gives those that HF `tokenizers` gives on the original."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_checkpoint import trained_tokenizer
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from edge_lam.errors import CheckpointError
from edge_lam.llama.model import Model
from edge_lam_converters import convert, pre_tokenizer
from edge_lam_converters.random_tokenizer import CORPUS

TEXTS = [
    "",
    " ",
    "Hello, world!",
    "  leading and trailing  ",
    "tabs\tand\n\n\nnewlines \r\n end\n",
    "1 22 333 4444 3.14 1,000,000 x86_64 ½ ٣٤",
    "I'm you're HE'LL they'D we'LLx 'quoted'",
    "naïve Ünïcödé Straße Ελληνικά привет 日本語のテキスト 한국어 ไทย العربية",
    "🚀🚀 👩\u200d👩\u200d👧 ✅ \ufeff \u00a0 \u3000",
    "def f(x):\n    return {'a': [1, 2], \"b\": x**2}  # comment\n",
    '[{"name": "get_weather", "arguments": {"city": "Zürich"}}]',
    "<|im_start|>user\nWhat's up?<|im_end|><|im_start|>assistant\n",
    "<|endoftext|><|im_end|>text<|im_start|>",
    "almost <|im_start| and <|nothing|> special",
    pre_tokenizer.PROBE,
    *CORPUS,
]


@pytest.fixture(scope="module")
def model(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    out = tmp_path_factory.mktemp("tokens") / "out.gguf"
    convert(original, out)
    with Model(out, device="cpu") as loaded:
        yield loaded


@pytest.mark.parametrize("text", TEXTS)
def test_token_ids_are_those_of_the_original(text: str, model: Model) -> None:
    composed = unicodedata.normalize("NFC", text)  # llama.cpp does not compose accents
    ids = trained_tokenizer().encode(composed).ids
    assert model.tokenize(composed) == ids
    assert model.detokenize(ids).decode() == composed


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60))
def test_token_ids_of_any_text(model: Model, text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert model.tokenize(composed) == trained_tokenizer().encode(composed).ids


def rule(split: str, *, use_regex: bool = False, add_prefix_space: bool = False) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=use_regex),
        ]
    )


QWEN2 = pre_tokenizer._SPLITS["qwen2"]
OTHERS = {
    "llama-3: digits by threes": rule(QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|")),
    "qwen3.5: marks belong to letters": rule(
        QWEN2.replace(r"\p{L}+", r"[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]")
    ),
    "contractions in lower case only": rule(QWEN2.replace("(?i:", "(?:")),
    "no line ends after punctuation": rule(QWEN2.replace(r"[^\s\p{L}\p{N}]+[\r\n]*", r"[^\s\p{L}\p{N}]+")),
    "no space kept for the next word": rule(QWEN2.replace(r"|\s+(?!\S)", "")),
    "no rule for line ends": rule(QWEN2.replace(r"|\s*[\r\n]+", "")),
    "a space before every text": rule(QWEN2, add_prefix_space=True),
    "gpt-2's rule after it": rule(QWEN2, use_regex=True),
    "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "starcoder": pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    ),
    "white space": pre_tokenizers.Whitespace(),
    "none": None,
}


def tokenizer_with(pre: pre_tokenizers.PreTokenizer | None) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    if pre is not None:
        tokenizer.pre_tokenizer = pre
    return tokenizer


def test_qwen2_is_recognised_by_what_it_does() -> None:
    assert pre_tokenizer.recognise(tokenizer_with(rule(QWEN2))) == "qwen2"
    spelled_otherwise = QWEN2.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "'(?i:[sdmt]|ll|ve|re)")
    assert pre_tokenizer.recognise(tokenizer_with(rule(spelled_otherwise))) == "qwen2"


@pytest.mark.parametrize("pre", OTHERS.values(), ids=OTHERS.keys())
def test_another_rule_is_refused(pre: pre_tokenizers.PreTokenizer | None) -> None:
    with pytest.raises(CheckpointError, match="cuts text into words in a way that is not known"):
        pre_tokenizer.recognise(tokenizer_with(pre))

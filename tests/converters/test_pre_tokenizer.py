"""Rules for cutting words: known ones are recognised however they are spelled, any other is refused."""

from __future__ import annotations

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from edge_lam.errors import CheckpointError
from edge_lam_converters import pre_tokenizer
from edge_lam_converters.pre_tokenizer import of_splits

QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA_3 = QWEN2.replace(r"\p{N}|", r"\p{N}{1,3}|")
CODER = ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+")
LLM = (
    "[\r\n]",
    r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-Ֆ]+",  # as far as the probe goes
    "\\s?[!-/:-~！-／：-～‘-‟　-。]+",
    r"\s+$",
    "[一-龥ࠀ-一가-퟿]+",
)


def with_digits(splits: tuple[str, ...], *, one_by_one: bool = True) -> pre_tokenizers.PreTokenizer:
    """Return DeepSeek's form of a rule: digits are cut by a step of their own."""
    return pre_tokenizers.Sequence(
        [
            *(pre_tokenizers.Split(Regex(split), behavior="isolated") for split in splits),
            pre_tokenizers.Digits(individual_digits=one_by_one),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def sequence(split: str, **byte_level: bool) -> pre_tokenizers.PreTokenizer:
    step = pre_tokenizers.Split(Regex(split), behavior="isolated")
    return pre_tokenizers.Sequence([step, pre_tokenizers.ByteLevel(**({"add_prefix_space": False} | byte_level))])


def digits_then_gpt_2(*, one_by_one: bool = True) -> pre_tokenizers.PreTokenizer:
    """Return SmolLM's form of its rule, which is StarCoder's too."""
    digits = pre_tokenizers.Digits(individual_digits=one_by_one)
    return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])


KNOWN = {
    "qwen2": (of_splits(QWEN2), "qwen2"),
    "qwen2, spelled otherwise": (
        of_splits(QWEN2.replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)", "'(?i:[sdmt]|ll|ve|re)")),
        "qwen2",
    ),
    "llama-3": (of_splits(LLAMA_3), "llama-bpe"),
    "deepseek-coder": (with_digits(CODER), "deepseek-coder"),
    "deepseek-llm": (with_digits(LLM), "deepseek-llm"),
    "smollm": (digits_then_gpt_2(), "smollm"),
}
OTHERS = {
    "qwen3.5: marks belong to letters": of_splits(
        QWEN2.replace(r"\p{L}+", r"[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]")
    ),
    "contractions in lower case only": of_splits(QWEN2.replace("(?i:", "(?:")),
    "no line ends after punctuation": of_splits(QWEN2.replace(r"[^\s\p{L}\p{N}]+[\r\n]*", r"[^\s\p{L}\p{N}]+")),
    "no space kept for the next word": of_splits(QWEN2.replace(r"|\s+(?!\S)", "")),
    "no rule for line ends": of_splits(QWEN2.replace(r"|\s*[\r\n]+", "")),
    "digits by twos": of_splits(QWEN2.replace(r"\p{N}|", r"\p{N}{1,2}|")),
    "a space before every text": sequence(QWEN2, add_prefix_space=True, use_regex=False),
    "gpt-2's rule after it": sequence(QWEN2),
    "llama-3 by gpt-2's rule": sequence(LLAMA_3),
    "gpt-2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "smollm, digits together": digits_then_gpt_2(one_by_one=False),
    "deepseek-v3": of_splits(
        r"\p{N}{1,3}",
        "[一-龥぀-ゟ゠-ヿ]+",
        r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
    "deepseek-coder, digits together": with_digits(CODER, one_by_one=False),
    "white space": pre_tokenizers.Whitespace(),
    "none": None,
}
OTHERS |= {f"deepseek-coder without {split!r}": with_digits(tuple(s for s in CODER if s != split)) for split in CODER}
OTHERS |= {f"deepseek-llm without {split!r}": with_digits(tuple(s for s in LLM if s != split)) for split in LLM}


def tokenizer_with(pre: pre_tokenizers.PreTokenizer | None) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    if pre is not None:
        tokenizer.pre_tokenizer = pre
    return tokenizer


@pytest.mark.parametrize(("pre", "name"), KNOWN.values(), ids=KNOWN.keys())
def test_a_known_rule_is_recognised_by_what_it_does(pre: pre_tokenizers.PreTokenizer, name: str) -> None:
    assert pre_tokenizer.recognise(tokenizer_with(pre)) == name


@pytest.mark.parametrize("pre", OTHERS.values(), ids=OTHERS.keys())
def test_another_rule_is_refused(pre: pre_tokenizers.PreTokenizer | None) -> None:
    with pytest.raises(CheckpointError, match="cuts text into words in a way that is not known"):
        pre_tokenizer.recognise(tokenizer_with(pre))

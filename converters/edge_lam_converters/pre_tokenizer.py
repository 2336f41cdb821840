"""Recognises how a tokenizer cuts text into words before it merges bytes.

llama.cpp knows these rules by name only (`tokenizer.ggml.pre`). They are recognised by what they do: the checkpoint's
own rule and ours cut the same probe text, and the cuts must be the same.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from edge_lam.errors import CheckpointError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.pre_tokenizers import PreTokenizer

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,DIGITS}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
# DeepSeek means Chinese, Japanese and Korean by it; the second range holds most other scripts of Asia as well.
_ASIAN = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"

# Each as the regular expressions that its models were trained with: one cuts what the one before it has left.
_SPLITS = {
    "qwen2": (_WORDS.replace("DIGITS", "1"),),
    "llama-bpe": (_WORDS.replace("DIGITS", "3"),),
    "deepseek-coder": ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _ASIAN, r"\p{N}"),
    "deepseek-llm": (
        "[\r\n]",
        # Letters with a case, but for those that the list in DeepSeek's own expression leaves out.
        r"\s?[\p{Lu}\p{Ll}\p{Lt}&&[^\x{560}-\x{588}\x{10c7}-\x{10ff}\x{1c80}-\x{1c8f}\x{2d00}-\x{2d2d}\x{a790}-\x{ab68}"
        r"\x{10570}-\x{105bc}\x{10d50}-\x{10d85}\x{16e40}-\x{1dfff}]]+",
        "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
        r"\s+$",
        _ASIAN,
        r"\p{N}",
    ),
    # GPT-2's rule after single digits. StarCoder's is the same, under another name: so are the token ids.
    "smollm": (
        r"\p{N}",
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    ),
}

# Everything that the rules in the field treat differently: runs of digits, contractions in both cases, letters with
# combining marks, scripts without spaces and beside Latin, the edges of the ranges above, punctuation and symbols
# before letters and line ends, every kind of white space, also at the end.
PROBE = (
    "Hello world  two   three\n\n \n\t \ttabs\r\nend \n  x\u00a0y\u3000z\u2028w "
    "1 22 333 4444 55555 666666 7777777 3.14 1,000,000 v2.0 x86_64 a1b22 ½ ² ٣٤٥ ४५६ "
    "I'm you're he's WE'LL they'D can't I'VE he'LLo We'Really 'tis 'twas ''quoted'' don\u2019t "
    "naïve Ünïcödé Straße ΑΒΓ αβγ нещо на Български 日本語のテキスト 中文字符\uff0c標點。 한국어 ไทยที่นี้ "
    "apple工作 2024年5月 用Python写 \u9fa5\u9fa6 \u07ff\u0800 x\ud7a3y。z「引用」 \uff21\uff22\uff23 \uff5e\uff5f "
    "हिन्दी में की ភាសាខ្មែរ العَرَبِيَّة עִבְרִית ªº ǅ ʰ "
    "🚀 👩\u200d👩\u200d👧 🏳\ufe0f\u200d🌈 ✅✅ e\u0308\u0301 ___ --- === ...... !!!??? ((a)) [b] {c} <d> "
    '"e" `f` #g $h %i &j *k /l \\m «n» \u2018o\u2019 \u201cp\u201d \u2013q\u2014r\u2026 §s ¿t? €5 ™u +v =w ^x ~y |z '
    "✅  \n🚀 \n\ndef f(x):\n    return x + 1\n\n\nif (a&&b) { c += d; }\n\t// end\n"
    '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}\n   '
)


def recognise(tokenizer: Tokenizer) -> str:
    """Return llama.cpp's name for the rule by which `tokenizer` cuts text.

    Raises:
        CheckpointError: none, or one that is not among ours; it is never guessed.
    """
    cuts = _cut(tokenizer.pre_tokenizer)
    for name in _SPLITS:
        if cuts == _cut(rule(name)):
            return name
    raise CheckpointError(
        "tokenizer.json cuts text into words in a way that is not known here, so that token ids would be wrong",
        hint=f"recognised: {', '.join(_SPLITS)}",
    )


@cache
def rule(name: str) -> PreTokenizer:
    """Return the rule that llama.cpp calls `name`."""
    return of_splits(*_SPLITS[name])


def of_splits(*patterns: str) -> PreTokenizer:
    """Return a byte-level rule that cuts by each regular expression in turn."""
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split

    splits = [Split(Regex(pattern), behavior="isolated", invert=False) for pattern in patterns]
    return Sequence([*splits, ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)])


def _cut(by: PreTokenizer | None) -> list[str] | None:
    return None if by is None else [word for word, _ in by.pre_tokenize_str(PROBE)]

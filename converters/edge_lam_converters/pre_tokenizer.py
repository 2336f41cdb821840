"""Recognises how a tokenizer cuts text into words before it merges bytes.

llama.cpp knows these rules by name only (`tokenizer.ggml.pre`). They are recognised by what they do: the checkpoint's
own rule and ours cut the same probe text, and the cuts must be the same. Knows nothing of vocabularies.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from edge_lam.errors import CheckpointError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from tokenizers.pre_tokenizers import PreTokenizer

# Each as the regular expression that its model was trained with.
_SPLITS = {
    "qwen2": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+"
    ),
}

# Everything that the rules in the field treat differently: runs of digits, contractions in both cases, letters with
# combining marks, scripts without spaces, punctuation before letters and line ends, every kind of white space.
PROBE = (
    "Hello world  two   three\n\n \n\t \ttabs\r\nend \n  x\u00a0y\u3000z\u2028w "
    "1 22 333 4444 55555 666666 7777777 3.14 1,000,000 v2.0 x86_64 ½ ² ٣٤٥ ४५६ "
    "I'm you're he's WE'LL they'D can't I'VE he'LLo We'Really 'tis 'twas ''quoted'' don\u2019t "
    "naïve Ünïcödé Straße ΑΒΓ αβγ нещо на Български 日本語のテキスト 中文字符\uff0c標點。 한국어 ไทยที่นี้ "
    "हिन्दी में की ភាសាខ្មែរ العَرَبِيَّة עִבְרִית "
    "🚀 👩\u200d👩\u200d👧 🏳\ufe0f\u200d🌈 ✅✅ e\u0308\u0301 ___ --- === ...... !!!??? ((a)) [b] {c} <d> "
    '"e" `f` #g $h %i &j *k /l \\m '
    "def f(x):\n    return x + 1\n\n\nif (a&&b) { c += d; }\n\t// end\n"
    '{"name": "get_weather", "arguments": {"city": "Paris", "days": 3}}\n   '
)


def recognise(tokenizer: Tokenizer) -> str:
    """Return llama.cpp's name for the rule by which `tokenizer` cuts text.

    Raises:
        CheckpointError: none, or one that is not among ours; it is never guessed.
    """
    cuts = _cut(tokenizer.pre_tokenizer)
    for name in _SPLITS:
        if cuts == _cut(_ours(name)):
            return name
    raise CheckpointError(
        "tokenizer.json cuts text into words in a way that is not known here, so that token ids would be wrong",
        hint=f"recognised: {', '.join(_SPLITS)}",
    )


@cache
def _ours(name: str) -> PreTokenizer:
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split

    split = Split(Regex(_SPLITS[name]), behavior="isolated", invert=False)
    return Sequence([split, ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)])


def _cut(rule: PreTokenizer | None) -> list[str] | None:
    return None if rule is None else [word for word, _ in rule.pre_tokenize_str(PROBE)]

"""Small real tokenizers of every family that xLAM checkpoints have, trained on a few lines: for random checkpoints.

A family's name goes in; tokenizer files in Hugging Face's layout come out, with the family's own way of cutting words,
special tokens and chat template. Knows nothing of weights.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam_converters import sentencepiece_file

if TYPE_CHECKING:
    import tokenizers
    from tokenizers.pre_tokenizers import PreTokenizer

N_TOKENS = 600
"""Tokens that are learned; the special ones come on top."""

CORPUS = (
    "You are a helpful assistant that can use tools. What's the weather like in London today?",
    '[{"name": "get_weather", "arguments": {"city": "Paris", "unit": "celsius", "days": 3}}]',
    "def add(a, b):\n    return a + b\n\nfor i in range(10):\n\tprint(i, add(i, 1))\n",
    "It's the user's turn; they'll say they've been there. I'm sure we'd agree, don't you?",
    "Größe, naïve café, Ελληνικά, привет мир, 日本語のテキスト, 한국어, العربية 🚀🚀",
)

_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|{digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CJK = "[一-龥ࠀ-一가-퟿]+"
_CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_LLAMA_3 = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message.role }}<|end_header_id|>\n\n"
    "{{ message.content }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
_DEEPSEEK = (
    "{% for message in messages %}{% if message.role == 'assistant' %}### Response:\n{{ message.content }}\n<|EOT|>\n"
    "{% else %}### Instruction:\n{{ message.content }}\n{% endif %}{% endfor %}### Response:\n"
)
_INST = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'assistant' %}{{ message.content }}</s>"
    "{% else %}[INST] {{ message.content }} [/INST]{% endif %}{% endfor %}"
)


@dataclass(frozen=True)
class Family:
    """What a family's tokenizers share.

    Attributes:
        specials: texts of the special tokens, in the order of their ids.
        roles: text of the token of each role, such as ``{"eos": "<|im_end|>"}``.
        template: the chat template.
        adds_bos: whether every text begins with bos.
        splits: how a byte-level family cuts text into words; None for SentencePiece.
        ignore_merges: whether a word that is a token is one whatever the merges say.
    """

    specials: tuple[str, ...]
    roles: dict[str, str]
    template: str
    adds_bos: bool
    splits: Callable[[], list[PreTokenizer]] | None
    ignore_merges: bool = False


def _split(*patterns: str) -> list[PreTokenizer]:
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import Split

    return [Split(Regex(pattern), behavior="isolated") for pattern in patterns]


def _deepseek_coder() -> list[PreTokenizer]:
    from tokenizers.pre_tokenizers import Digits

    return [*_split("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _CJK), Digits(individual_digits=True)]


FAMILIES: dict[str, Family] = {
    "qwen2": Family(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        {"eos": "<|im_end|>", "pad": "<|endoftext|>"},
        _CHATML,
        False,
        lambda: _split(_WORDS.replace("{digits}", r"\p{N}")),
    ),
    "llama-bpe": Family(
        ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        {"bos": "<|begin_of_text|>", "eos": "<|eot_id|>"},
        _LLAMA_3,
        True,
        lambda: _split(_WORDS.replace("{digits}", r"\p{N}{1,3}")),
        ignore_merges=True,
    ),
    "deepseek-coder": Family(
        ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<|EOT|>"),  # noqa: RUF001  # the family's own bars
        {"bos": "<｜begin▁of▁sentence｜>", "eos": "<|EOT|>", "pad": "<｜end▁of▁sentence｜>"},  # noqa: RUF001
        _DEEPSEEK,
        True,
        _deepseek_coder,
    ),
    "sentencepiece": Family(("<unk>", "<s>", "</s>"), {"bos": "<s>", "eos": "</s>", "unk": "<unk>"}, _INST, True, None),
}


def write_tokenizer(folder: Path, family: str) -> dict[str, int]:
    """Write the tokenizer files of a family and return the id of the token of each role.

    Args:
        folder: where; must be there.
        family: a key of `FAMILIES`.
    """
    kind = FAMILIES[family]
    tokenizer = trained_tokenizer(family)
    tokenizer.save(str(folder / "tokenizer.json"))
    if kind.splits is None:
        document = json.loads(tokenizer.to_str())
        sentencepiece_file.write(folder / "tokenizer.model", document["model"]["vocab"])
    config: dict[str, Any] = {
        "add_bos_token": kind.adds_bos,
        "add_eos_token": False,
        "added_tokens_decoder": {
            str(tokenizer.token_to_id(text)): {"content": text, "special": True, "normalized": False}
            for text in kind.specials
        },
        "bos_token": None,
        "chat_template": kind.template,
        "tokenizer_class": "LlamaTokenizer" if kind.splits is None else "PreTrainedTokenizerFast",
    }
    config |= {f"{role}_token": text for role, text in kind.roles.items()}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
    vocab = tokenizer.get_vocab()
    return {role: vocab[text] for role, text in kind.roles.items()}


@cache
def trained_tokenizer(family: str) -> tokenizers.Tokenizer:
    """Return a tokenizer of `N_TOKENS` tokens and the family's special ones."""
    kind = FAMILIES[family]
    return _sentencepiece(kind) if kind.splits is None else _byte_level(kind, kind.splits())


def _byte_level(family: Family, splits: list[PreTokenizer]) -> tokenizers.Tokenizer:
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(ignore_merges=family.ignore_merges))
    if not family.adds_bos:
        tokenizer.normalizer = normalizers.NFC()  # as Qwen's
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*splits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=N_TOKENS, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS * 3, trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in family.specials])
    tokenizer.post_processor = (
        _adding_bos(tokenizer, family.roles["bos"]) if family.adds_bos else processors.ByteLevel(trim_offsets=False)
    )
    return tokenizer


def _sentencepiece(family: Family) -> tokenizers.Tokenizer:
    """Return a BPE tokenizer laid out as Llama 2's: special tokens, 256 bytes, merged pieces, single characters."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    n_learned = N_TOKENS - 256
    learned.train_from_iterator(CORPUS * 3, trainers.BpeTrainer(vocab_size=n_learned, show_progress=False))
    model = json.loads(learned.to_str())["model"]
    merges = [tuple(pair) for pair in model["merges"]]
    characters = [text for text in model["vocab"] if len(text) == 1]
    texts = [*family.specials, *(f"<0x{byte:02X}>" for byte in range(256)), *map("".join, merges), *characters]
    vocab = {text: token_id for token_id, text in enumerate(texts)}
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token=family.roles["unk"], fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in family.specials])
    tokenizer.post_processor = _adding_bos(tokenizer, family.roles["bos"])
    return tokenizer


def _adding_bos(tokenizer: tokenizers.Tokenizer, bos: str) -> tokenizers.processors.TemplateProcessing:
    from tokenizers.processors import TemplateProcessing

    token_id = tokenizer.token_to_id(bos)
    return TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, token_id)])

"""Small real tokenizers of every family that xLAM checkpoints have, trained on a few lines: for random checkpoints.

A family's name goes in; tokenizer files in Hugging Face's layout come out, with the family's own way of cutting words,
special tokens and chat template.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_lam.formats import FORMATS
from edge_lam_converters import pre_tokenizer
from edge_lam_converters.sentencepiece_file import FILE, Piece, SentencePieceModel
from edge_lam_converters.vocabulary import TokenType

if TYPE_CHECKING:
    import tokenizers

N_TOKENS = 600
"""Tokens that are learned; the special ones come on top."""

CORPUS = (
    "You are a helpful assistant that can use tools. What's the weather like in London today?",
    '[{"name": "get_weather", "arguments": {"city": "Paris", "unit": "celsius", "days": 3}}]',
    "def add(a, b):\n    return a + b\n\nfor i in range(10):\n\tprint(i, add(i, 1))\n",
    "It's the user's turn; they'll say they've been there. I'm sure we'd agree, don't you?",
    "Größe, naïve café, Ελληνικά, привет мир, 日本語のテキスト, 한국어, العربية 🚀🚀",
)

_DEEPSEEK = (
    "{% for message in messages %}{% if message.role == 'assistant' %}### Response:\n{{ message.content }}\n<|EOT|>\n"
    "{% else %}### Instruction:\n{{ message.content }}\n{% endif %}{% endfor %}### Response:\n"
)
# With the family's own bars and blocks.
_DEEPSEEK_SPECIALS = ("<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>", "<|EOT|>")
_DEEPSEEK_ROLES = dict(zip(("bos", "pad", "eos"), _DEEPSEEK_SPECIALS, strict=True))
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
        pre: llama.cpp's name for how a byte-level family cuts text into words; "" for SentencePiece.
        ignore_merges: whether a word that is a token is one whatever the merges say.
    """

    specials: tuple[str, ...]
    roles: dict[str, str]
    template: str
    adds_bos: bool
    pre: str
    ignore_merges: bool = False


FAMILIES: dict[str, Family] = {
    "qwen2": Family(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        {"eos": "<|im_end|>", "pad": "<|endoftext|>"},
        FORMATS["xlam-2-qwen"].own_template(),
        False,
        "qwen2",
    ),
    "llama-bpe": Family(
        ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        {"bos": "<|begin_of_text|>", "eos": "<|eot_id|>"},
        FORMATS["xlam-2-llama"].own_template(),
        True,
        "llama-bpe",
        ignore_merges=True,
    ),
    "deepseek-coder": Family(_DEEPSEEK_SPECIALS, _DEEPSEEK_ROLES, _DEEPSEEK, True, "deepseek-coder"),
    "deepseek-llm": Family(_DEEPSEEK_SPECIALS, _DEEPSEEK_ROLES, _DEEPSEEK, True, "deepseek-llm"),
    "smollm": Family(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
        {"bos": "<|im_start|>", "eos": "<|im_end|>", "unk": "<|endoftext|>", "pad": "<|im_end|>"},
        FORMATS["xlam-2-qwen"].own_template(),
        False,
        "smollm",
    ),
    "sentencepiece": Family(("<unk>", "<s>", "</s>"), {"bos": "<s>", "eos": "</s>", "unk": "<unk>"}, _INST, True, ""),
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
    if not kind.pre:
        document = json.loads(tokenizer.to_str())
        _sentencepiece_model(document["model"]["vocab"]).write(folder / FILE)
    config: dict[str, Any] = {
        "add_bos_token": kind.adds_bos,
        "add_eos_token": False,
        "added_tokens_decoder": {
            str(tokenizer.token_to_id(text)): {"content": text, "special": True, "normalized": False}
            for text in kind.specials
        },
        "bos_token": None,
        "chat_template": kind.template,
        "tokenizer_class": "LlamaTokenizer" if not kind.pre else "PreTrainedTokenizerFast",
    }
    config |= {f"{role}_token": text for role, text in kind.roles.items()}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
    vocab = tokenizer.get_vocab()
    return {role: vocab[text] for role, text in kind.roles.items()}


@cache
def trained_tokenizer(family: str) -> tokenizers.Tokenizer:
    """Return a tokenizer of `N_TOKENS` tokens and the family's special ones."""
    kind = FAMILIES[family]
    return _byte_level(kind) if kind.pre else _sentencepiece(kind)


def _byte_level(family: Family) -> tokenizers.Tokenizer:
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(ignore_merges=family.ignore_merges))
    if family.pre == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizer.rule(family.pre)
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
    learned_texts = list(dict.fromkeys("".join(pair) for pair in model["merges"]))
    characters = [text for text in model["vocab"] if len(text) == 1]
    texts = [*family.specials, *(f"<0x{byte:02X}>" for byte in range(256)), *learned_texts, *characters]
    vocab = {text: token_id for token_id, text in enumerate(texts)}
    # SentencePiece merges whatever makes a piece, not only the pair that it was learned from.
    cuts = ((text[:i], text[i:]) for text in learned_texts for i in range(1, len(text)))
    merges = [pair for pair in cuts if all(half in vocab for half in pair)]
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token=family.roles["unk"], fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in family.specials])
    tokenizer.post_processor = _adding_bos(tokenizer, family.roles["bos"])
    return tokenizer


def _sentencepiece_model(vocab: dict[str, int]) -> SentencePieceModel:
    """Return the model that `_sentencepiece` is the Transformers' form of: pieces merge in the order of their ids."""
    pieces = []
    for text, token_id in sorted(vocab.items(), key=lambda entry: entry[1]):
        if token_id < 3:
            pieces.append(Piece(text, type=TokenType.UNKNOWN if text == "<unk>" else TokenType.CONTROL))
        elif token_id < 259:
            pieces.append(Piece(text, type=TokenType.BYTE))
        else:
            pieces.append(Piece(text, 259.0 - token_id))
    return SentencePieceModel(tuple(pieces))


def _adding_bos(tokenizer: tokenizers.Tokenizer, bos: str) -> tokenizers.processors.TemplateProcessing:
    from tokenizers.processors import TemplateProcessing

    token_id = tokenizer.token_to_id(bos)
    return TemplateProcessing(single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, token_id)])

"""A byte-level BPE tokenizer, from tokenizer.json to what llama.cpp's byte-level BPE makes the same tokens of.

The parsed file goes in, a `CheckpointVocabulary` comes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_lam.errors import CheckpointError
from edge_lam_converters import pre_tokenizer
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.tokenizer_json import FILE, TokenizerFile
from edge_lam_converters.vocabulary import CheckpointVocabulary, TokenType

if TYPE_CHECKING:
    import tokenizers

# Options of a BPE model that llama.cpp's byte-level BPE does not have, with the values that mean "off".
_UNSUPPORTED = {
    "continuing_subword_prefix": (None, ""),
    "dropout": (None, 0, 0.0),
    "end_of_word_suffix": (None, ""),
}
# Where llama.cpp takes a word that is a token as it is, whatever the merges make of it.
_WHOLE_WORDS = ("llama-bpe",)
# Bytes that no text in UTF-8 holds, for which DeepSeek's tokenizers have no tokens; and control characters and planes
# that Unicode has not assigned, for some of which SmolLM's have none: llama.cpp and `tokenizers` both leave them out.
_DISPENSABLE = {0xC0, 0xC1, 0xF1, 0xF2, *range(0xF5, 0x100)} | set(range(0x20)) - set(b"\t\n\r")


def read_byte_level(checkpoint: Checkpoint, file: TokenizerFile, vocab_size: int) -> CheckpointVocabulary:
    """Return the vocabulary of a byte-level tokenizer.

    Args:
        checkpoint: where the tokenizer is.
        file: its tokenizer.json.
        vocab_size: tokens of the model, those without a name included.

    Raises:
        CheckpointError: a tokenizer that llama.cpp would not reproduce, or files that contradict each other.
    """
    _check_options(file.model)
    vocabulary = CheckpointVocabulary.of_size(vocab_size)
    vocabulary.put_ordinary(
        ((token_id, text, TokenType.NORMAL, 0.0) for text, token_id in file.model["vocab"].items()), FILE
    )
    _check_added(checkpoint, file)
    for token in file.added:
        vocabulary.put_added(token["id"], token["content"], FILE, is_special=bool(token.get("special")))
    _check_byte_alphabet(vocabulary)
    _check_normalizer(file.tokenizer)
    vocabulary.merges = [" ".join(pair) for pair in file.merges]
    vocabulary.pre = pre_tokenizer.recognise(file.tokenizer)
    ignores = bool(file.model.get("ignore_merges"))
    if ignores != (vocabulary.pre in _WHOLE_WORDS):
        raise CheckpointError(
            f"{FILE}: the BPE option ignore_merges = {ignores} is not supported with the pre-tokenizer {vocabulary.pre}"
        )
    return vocabulary


def _check_options(model: dict[str, Any]) -> None:
    for option, off in _UNSUPPORTED.items():
        if model.get(option) not in off:
            raise CheckpointError(f"{FILE}: the BPE option {option} = {model[option]!r} is not supported")
    if not model.get("merges"):
        raise CheckpointError(
            f"{FILE} has no merges, so that text can't be tokenized", hint="save the fast tokenizer again"
        )


def _check_added(checkpoint: Checkpoint, file: TokenizerFile) -> None:
    """Refuse added tokens that Transformers would read from another file with other ids than ours."""
    ids = file.added_ids
    for text, token_id in ids.items():
        if file.tokenizer.token_to_id(text) != token_id:
            raise CheckpointError(f"{FILE} gives the added token {text!r} the id {token_id}, which another token has")
    others = checkpoint.optional_json("tokenizer_config.json").get("added_tokens_decoder")
    for other_id, token in others.items() if isinstance(others, dict) else ():
        if isinstance(token, dict) and str(ids.get(str(token.get("content")))) != other_id:
            raise CheckpointError(
                f"tokenizer_config.json and {FILE} disagree about the added token {token.get('content')!r}",
                hint="load and save the tokenizer with AutoTokenizer, then convert again",
            )


def _check_byte_alphabet(vocabulary: CheckpointVocabulary) -> None:
    from tokenizers.pre_tokenizers import ByteLevel

    alphabet = set(ByteLevel.alphabet())
    ordinary = {
        token for token, kind in zip(vocabulary.tokens, vocabulary.types, strict=True) if kind == TokenType.NORMAL
    }
    if strange := next((token for token in ordinary if not alphabet.issuperset(token)), None):
        raise CheckpointError(f"{FILE} is not byte-level: the token {strange[:60]!r} is not made of bytes")
    # The alphabet spells bytes that are printable in Latin-1 as themselves, control characters 256 higher.
    if missing := len(alphabet - ordinary - {chr(byte if byte > 0x20 else byte + 0x100) for byte in _DISPENSABLE}):
        raise CheckpointError(f"{FILE} is not byte-level: {missing} of the 256 bytes have no token")


def _check_normalizer(tokenizer: tokenizers.Tokenizer) -> None:
    """Refuse a tokenizer that rewrites text first; composing accents (NFC) leaves ordinary text as it is."""
    from tokenizers.normalizers import NFC

    probe = NFC().normalize_str(pre_tokenizer.PROBE)
    if tokenizer.normalizer is not None and tokenizer.normalizer.normalize_str(probe) != probe:
        raise CheckpointError(f"{FILE} rewrites text before it is cut into words, which llama.cpp does not do")

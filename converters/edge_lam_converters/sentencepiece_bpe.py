"""A SentencePiece tokenizer, from tokenizer.model or tokenizer.json to what llama.cpp makes the same tokens of.

The checkpoint goes in, a `CheckpointVocabulary` comes out, and whether a text gets a space in front. tokenizer.model is
believed where there is one; tokenizer.json must not contradict it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from edge_lam.errors import CheckpointError
from edge_lam_converters import pre_tokenizer, tokenizer_json
from edge_lam_converters.checkpoint import Checkpoint
from edge_lam_converters.sentencepiece_file import BPE, FILE, SentencePieceModel
from edge_lam_converters.tokenizer_json import TokenizerFile
from edge_lam_converters.vocabulary import CheckpointVocabulary, TokenType

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_BYTE_PIECES = {f"<0x{byte:02X}>" for byte in range(256)}
_LONGEST_PIECE = 512  # characters; in the field, runs of spaces up to 16
_OFF = ("continuing_subword_prefix", "dropout", "end_of_word_suffix", "ignore_merges")


def read_model(model: SentencePieceModel, checkpoint: Checkpoint, vocab_size: int) -> CheckpointVocabulary:
    """Return the vocabulary of a tokenizer.model, with the tokens that other files add to it.

    Raises:
        CheckpointError: a kind of model that llama.cpp would not reproduce, or a token past the embedding.
    """
    _check_rules(model)
    vocabulary = CheckpointVocabulary.of_size(vocab_size, scored=True)
    if len({piece.text for piece in model.pieces}) < len(model.pieces):
        raise CheckpointError(f"{FILE} has two pieces with the same text")
    vocabulary.put_ordinary(
        ((token_id, piece.text, piece.type, piece.score) for token_id, piece in enumerate(model.pieces)), FILE
    )
    _check_bytes(vocabulary, FILE)
    for text, token_id, file, is_special in _added_elsewhere(checkpoint):
        vocabulary.put_added(token_id, text, file, is_special=is_special)
    return vocabulary


def add_tokens(vocabulary: CheckpointVocabulary, file: TokenizerFile) -> None:
    """Add the tokens that only tokenizer.json names, and make sure that it names the others as `vocabulary` does.

    Raises:
        CheckpointError: it doesn't.
    """
    for token in file.added:
        token_id = token["id"]
        if token_id >= len(vocabulary.types) or vocabulary.types[token_id] == TokenType.UNUSED:
            is_special = bool(token.get("special"))
            vocabulary.put_added(token_id, token["content"], tokenizer_json.FILE, is_special=is_special)
    for text, token_id in chain(file.model["vocab"].items(), file.added_ids.items()):
        known = vocabulary.tokens[token_id] if token_id < len(vocabulary.tokens) else None
        if known not in (text, text.replace("\u2581", " ")):
            raise CheckpointError(
                f"{tokenizer_json.FILE} and {FILE} disagree about token {token_id}: {text[:60]!r}, {str(known)[:60]!r}",
                hint="they are of different tokenizers: take both from the same checkpoint",
            )


def read_json_only(file: TokenizerFile, vocab_size: int) -> tuple[CheckpointVocabulary, bool]:
    """Return the vocabulary of a tokenizer.json that was made of a tokenizer.model, and whether a text gets a space.

    llama.cpp knows scores, tokenizer.json the merges that Transformers made of them: a token's score is the place of
    its merges. That works only if all pairs that make one token are merged, and directly after each other.

    Args:
        file: the tokenizer.json.
        vocab_size: tokens of the model, those without a name included.

    Raises:
        CheckpointError: llama.cpp would not reproduce the tokenizer.
    """
    adds_prefix = _adds_prefix(file)
    for option in _OFF:
        if file.model.get(option):
            raise CheckpointError(f"{tokenizer_json.FILE}: the BPE option {option} is not supported")
    vocabulary = CheckpointVocabulary.of_size(vocab_size, scored=True)
    vocabulary.put_ordinary(_pieces(file), tokenizer_json.FILE)
    _check_bytes(vocabulary, tokenizer_json.FILE)
    for token in file.added:
        is_special = bool(token.get("special"))
        vocabulary.put_added(token["id"], token["content"], tokenizer_json.FILE, is_special=is_special)
    return vocabulary, adds_prefix


def _check_rules(model: SentencePieceModel) -> None:
    """Refuse what llama.cpp doesn't do; it adds a space in front or not."""
    wrong = {
        "is no BPE model": model.kind != BPE,
        "has no byte fallback": not model.byte_fallback,
        "rewrites characters (NFKC or another table)": model.rewrites_characters,
        "makes one space of several": model.collapses_spaces,
        "does not escape spaces": not model.escapes_spaces,
    }
    if reason := next((reason for reason, is_so in wrong.items() if is_so), None):
        raise CheckpointError(f"{FILE} {reason}, which llama.cpp would not reproduce")


def _check_bytes(vocabulary: CheckpointVocabulary, file: str) -> None:
    found = {text for text, kind in zip(vocabulary.tokens, vocabulary.types, strict=True) if kind == TokenType.BYTE}
    if missing := len(_BYTE_PIECES - found):
        raise CheckpointError(f"{file} falls back to bytes, but {missing} of the 256 have no token")


def _added_elsewhere(checkpoint: Checkpoint) -> Iterator[tuple[str, int, str, bool]]:
    """Yield text, id, file and whether it is special of each token that is added in the files of Transformers."""
    file = "added_tokens.json"
    for text, token_id in checkpoint.optional_json(file).items():
        if not isinstance(token_id, int) or isinstance(token_id, bool):
            raise CheckpointError(f"{file}: the id of {text[:60]!r} is {str(token_id)[:60]}, no number")
        yield text, token_id, file, False
    file = "tokenizer_config.json"
    decoder = checkpoint.optional_json(file).get("added_tokens_decoder")
    for key, token in decoder.items() if isinstance(decoder, dict) else ():
        content = token.get("content") if isinstance(token, dict) else None
        if not isinstance(content, str) or not re.fullmatch("[0-9]{1,9}", key):
            raise CheckpointError(f"{file}: the added token {key[:60]!r} is no token with an id")
        yield content, int(key), file, bool(token.get("special"))


def _adds_prefix(file: TokenizerFile) -> bool:
    """Tell from what the tokenizer does to a text whether it puts a space in front.

    Raises:
        CheckpointError: it does anything else but spelling spaces as "▁".
    """
    before, cut = file.tokenizer.normalizer, file.tokenizer.pre_tokenizer

    def pieces(text: str) -> list[str]:
        text = before.normalize_str(text) if before is not None else text
        return [word for word, _ in cut.pre_tokenize_str(text)] if cut is not None else [text]

    probes = (pre_tokenizer.PROBE, f" {pre_tokenizer.PROBE}")
    found = [pieces(probe) for probe in probes]
    for prefix in ("\u2581", ""):
        if found == [[prefix + probe.replace(" ", "\u2581")] for probe in probes]:
            return bool(prefix)
    raise CheckpointError(
        f"{tokenizer_json.FILE} rewrites or cuts text before pieces are merged, which llama.cpp does not do",
        hint=f"put the model's {FILE} beside it",
    )


def _pieces(file: TokenizerFile) -> Iterator[tuple[int, str, TokenType, float]]:
    vocab: dict[str, int] = file.model["vocab"]
    unknown = file.model.get("unk_token")
    ordinary = {text for text in vocab if text != unknown and not _BYTE.fullmatch(text)} - file.added_ids.keys()
    places = _places(file.merges, ordinary)
    for text, token_id in vocab.items():
        if text in ordinary:
            yield token_id, text, TokenType.NORMAL, -float(places.get(text, len(places)))
        else:
            yield token_id, text, TokenType.UNKNOWN if text == unknown else TokenType.BYTE, 0.0


def _places(merges: list[tuple[str, str]], ordinary: set[str]) -> dict[str, int]:
    """Return the place of each token among the merges."""
    places: dict[str, int] = {}
    last = ""
    for text in ("".join(pair) for pair in merges):
        if text != last and text in places:
            raise _no_scores(text)
        places.setdefault(text, len(places))
        last = text
    pairs: set[Any] = set(merges)
    for text in ordinary:
        if len(text) > _LONGEST_PIECE:
            raise CheckpointError(f"{tokenizer_json.FILE} has a token of {len(text)} characters")
        for cut in range(1, len(text)):
            pair = text[:cut], text[cut:]
            if pair[0] in ordinary and pair[1] in ordinary and pair not in pairs:
                raise _no_scores(text)
    return places


def _no_scores(text: str) -> CheckpointError:
    return CheckpointError(
        f"the merges of {tokenizer_json.FILE} that make {text[:60]!r} are not those of a SentencePiece model",
        hint=f"put the model's {FILE} beside it",
    )

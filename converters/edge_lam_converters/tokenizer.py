"""A byte-level BPE tokenizer, from tokenizer.json to GGUF.

A checkpoint goes in; tokens, their types and merges come out, as llama.cpp reads them. What begins and ends a text is
in `special_tokens.py`. Knows nothing of weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_lam.errors import CheckpointError
from edge_lam_converters import pre_tokenizer
from edge_lam_converters.checkpoint import Checkpoint, read_json
from edge_lam_converters.special_tokens import SpecialTokens

if TYPE_CHECKING:
    import tokenizers
    from gguf import GGUFWriter

_FILE = "tokenizer.json"

# Values of tokenizer.ggml.token_type.
NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5

# Options of a BPE model that llama.cpp's byte-level BPE does not have, with the values that mean "off".
_UNSUPPORTED = {
    "byte_fallback": (None, False),
    "continuing_subword_prefix": (None, ""),
    "dropout": (None, 0, 0.0),
    "end_of_word_suffix": (None, ""),
    "ignore_merges": (None, False),
}


@dataclass(frozen=True)
class Tokenizer:
    """A vocabulary, ready to be written.

    Attributes:
        tokens: text of each token by id; bytes of ordinary ones in GPT-2's byte alphabet.
        types: type of each token, `NORMAL` and so on.
        merges: pairs of tokens, "left right", the first to be merged first.
        pre: llama.cpp's name for how text is cut into words.
        special: the ids with a meaning and the chat template.
    """

    tokens: list[str]
    types: list[int]
    merges: list[str]
    pre: str
    special: SpecialTokens

    @classmethod
    def read(cls, checkpoint: Checkpoint, vocab_size: int) -> Tokenizer:
        """Read the tokenizer of a checkpoint.

        Args:
            checkpoint: the folder.
            vocab_size: rows of the embedding; those without a token get an unused one.

        Raises:
            CheckpointError: no tokenizer, or one that llama.cpp would not reproduce.
        """
        _check_is_there(checkpoint)
        document = read_json(checkpoint.path / _FILE)
        tokenizer = _load(checkpoint)
        model = _check_model(document)
        added = _added_tokens(checkpoint, document, tokenizer)
        tokens, types = _vocabulary(model["vocab"], added, vocab_size)
        _check_byte_alphabet(tokens, types)
        _check_normalizer(tokenizer)
        special = SpecialTokens.read(
            checkpoint, document, {token["content"]: token["id"] for token in added}, vocab_size
        )
        return cls(tokens, types, _merges(model), pre_tokenizer.recognise(tokenizer), special)

    def write(self, writer: GGUFWriter) -> None:
        """Write the vocabulary and the special tokens."""
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.types)
        writer.add_token_merges(self.merges)
        self.special.write(writer)


def _check_is_there(checkpoint: Checkpoint) -> None:
    if (checkpoint.path / _FILE).is_file():
        return
    if (checkpoint.path / "tokenizer.model").is_file():
        raise CheckpointError(
            "the tokenizer is SentencePiece (tokenizer.model), which is not supported yet",
            hint="only byte-level BPE in tokenizer.json can be converted",
        )
    raise CheckpointError(
        f"{checkpoint.path} holds no {_FILE}",
        hint="save the fast tokenizer: AutoTokenizer(...).save_pretrained(folder)",
    )


def _load(checkpoint: Checkpoint) -> tokenizers.Tokenizer:
    import tokenizers

    try:
        return tokenizers.Tokenizer.from_file(str(checkpoint.path / _FILE))
    except Exception as error:  # the library raises bare Exception for whatever is wrong with the file
        raise CheckpointError(f"{_FILE} is not a sound tokenizer: {str(error)[:200]}") from error


def _check_model(document: dict[str, Any]) -> dict[str, Any]:
    model: dict[str, Any] = document["model"]
    kind = model.get("type", "BPE")
    if kind != "BPE":
        raise CheckpointError(f"{_FILE} holds a {kind} tokenizer; only byte-level BPE can be converted")
    for option, off in _UNSUPPORTED.items():
        if model.get(option) not in off:
            raise CheckpointError(f"{_FILE}: the BPE option {option} = {model[option]!r} is not supported")
    if not model.get("merges"):
        raise CheckpointError(
            f"{_FILE} has no merges, so that text can't be tokenized", hint="save the fast tokenizer again"
        )
    return model


def _added_tokens(
    checkpoint: Checkpoint, document: dict[str, Any], tokenizer: tokenizers.Tokenizer
) -> list[dict[str, Any]]:
    """Return the tokens that are found in a text before it is cut into words, special or not."""
    added = [token for token in document.get("added_tokens") or [] if token["content"]]
    ids = {token["content"]: token["id"] for token in added}
    for text, token_id in ids.items():
        if tokenizer.token_to_id(text) != token_id:
            raise CheckpointError(f"{_FILE} gives the added token {text!r} the id {token_id}, which another token has")
    # Transformers adds what only the second file names, so that its ids would differ from ours.
    others = checkpoint.optional_json("tokenizer_config.json").get("added_tokens_decoder")
    for token_id, token in others.items() if isinstance(others, dict) else ():
        if isinstance(token, dict) and str(ids.get(str(token.get("content")))) != token_id:
            raise CheckpointError(
                f"tokenizer_config.json and {_FILE} disagree about the added token {token.get('content')!r}",
                hint="load and save the tokenizer with AutoTokenizer, then convert again",
            )
    return added


def _vocabulary(vocab: dict[str, int], added: list[dict[str, Any]], vocab_size: int) -> tuple[list[str], list[int]]:
    tokens = [f"[PAD{i}]" for i in range(vocab_size)]
    types = [UNUSED] * vocab_size
    added_ids = {token["id"]: token for token in added}
    largest = max([*vocab.values(), *added_ids], default=0)
    if largest >= vocab_size:
        raise CheckpointError(
            f"{_FILE} has a token with id {largest}, but the embedding has {vocab_size} rows",
            hint="the tokenizer is of another model, or was enlarged without the embedding",
        )
    for text, token_id in vocab.items():
        if types[token_id] != UNUSED:
            raise CheckpointError(f"{_FILE} gives id {token_id} to both {tokens[token_id]!r} and {text!r}")
        tokens[token_id], types[token_id] = text, NORMAL
    for token_id, token in added_ids.items():
        text, is_control = token["content"], token.get("special") or _looks_special(token["content"])
        # llama.cpp compares the text of user-defined tokens as it is: a space must be a space.
        tokens[token_id] = text if is_control else text.replace("\u2581", " ")
        types[token_id] = CONTROL if is_control else USER_DEFINED
    return tokens, types


def _looks_special(text: str) -> bool:
    """Tell whether a token is a control token by its look: some checkpoints forget to mark theirs."""
    pairs = (("<|", "|>"), ("<\uff5c", "\uff5c>"), ("<unused", ">"))
    return text == "<pad>" or any(text.startswith(first) and text.endswith(last) for first, last in pairs)


def _merges(model: dict[str, Any]) -> list[str]:
    """Return the merges in the old form, one string; the new form is a pair."""
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]


def _check_byte_alphabet(tokens: list[str], types: list[int]) -> None:
    from tokenizers.pre_tokenizers import ByteLevel

    alphabet = set(ByteLevel.alphabet())
    ordinary = {token for token, kind in zip(tokens, types, strict=True) if kind == NORMAL}
    if strange := next((token for token in ordinary if not alphabet.issuperset(token)), None):
        raise CheckpointError(f"{_FILE} is not byte-level: the token {strange[:60]!r} is not made of bytes")
    if missing := len(alphabet - ordinary):
        raise CheckpointError(f"{_FILE} is not byte-level: {missing} of the 256 bytes have no token")


def _check_normalizer(tokenizer: tokenizers.Tokenizer) -> None:
    """Refuse a tokenizer that rewrites text first; composing accents (NFC) leaves ordinary text as it is."""
    from tokenizers.normalizers import NFC

    probe = NFC().normalize_str(pre_tokenizer.PROBE)
    if tokenizer.normalizer is not None and tokenizer.normalizer.normalize_str(probe) != probe:
        raise CheckpointError(f"{_FILE} rewrites text before it is cut into words, which llama.cpp does not do")

"""SentencePiece tokenizers: from tokenizer.model, from tokenizer.json alone, and what is refused."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gguf import GGUFReader
from hypothesis import given
from hypothesis import strategies as st

from edge_lam.errors import CheckpointError
from edge_lam.llama.model import Model
from edge_lam_converters import convert
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint
from edge_lam_converters.random_tokenizer import CORPUS, trained_tokenizer
from edge_lam_converters.sentencepiece_file import Piece, SentencePieceModel
from edge_lam_converters.vocabulary import TokenType

TEXTS = (*CORPUS, "", " ", "  two  spaces  ", "\n", "Ω is new: 日本\u2581語 🚀🚀\tx", "aaaa aaa </s>")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_random_checkpoint(tmp_path / "made", SHAPES["tiny-llama"])
    return tmp_path / "made"


def edit_json(file: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / file
        value = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        change(value)
        path.write_text(json.dumps(value), encoding="utf-8")

    return apply


def edit_model(change: Callable[[SentencePieceModel], SentencePieceModel]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        change(SentencePieceModel.read(folder / "tokenizer.model")).write(folder / "tokenizer.model")

    return apply


def without(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


def both(*changes: Callable[[Path], None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        for change in changes:
            change(folder)

    return apply


def converted(folder: Path) -> Path:
    out = folder / "out.gguf"
    convert(folder, out, force=True)
    return out


def written(path: Path, key: str) -> Any:
    field = GGUFReader(path).fields.get(f"tokenizer.ggml.{key}")
    return None if field is None else field.contents()


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    pieces = (
        Piece("<unk>", 0.0, TokenType.UNKNOWN),
        Piece("</s>", 0.0, TokenType.CONTROL),
        Piece("<0x0A>", 0.0, TokenType.BYTE),
        Piece("\u2581日本", -1.5),
        Piece("[TOOL]", 0.0, TokenType.USER_DEFINED),
    )
    model = SentencePieceModel(pieces, 1, False, -1, 1, False, False, True, False)
    model.write(tmp_path / "tokenizer.model")
    assert SentencePieceModel.read(tmp_path / "tokenizer.model") == model


def test_tokens_scores_and_types_are_written_as_the_model_has_them(folder: Path) -> None:
    model = SentencePieceModel.read(folder / "tokenizer.model")
    path = converted(folder)
    tokens, scores, types = (written(path, key) for key in ("tokens", "scores", "token_type"))
    n_pieces = len(model.pieces)
    assert tokens[:n_pieces] == [piece.text for piece in model.pieces]
    assert scores[3:n_pieces] == [piece.score for piece in model.pieces[3:]]
    assert types[3:n_pieces] == [piece.type for piece in model.pieces[3:]]
    assert types[:3] == [TokenType.CONTROL] * 3, "tokenizer_config.json says so"
    assert tokens[n_pieces:] == [f"[PAD{i}]" for i in range(n_pieces, 640)]
    assert set(types[n_pieces:]) == {TokenType.UNUSED}
    assert (written(path, "model"), written(path, "pre")) == ("llama", "default")
    assert written(path, "merges") is None


@pytest.mark.parametrize("missing", ["tokenizer.json", "tokenizer.model"])
def test_one_file_is_enough(missing: str, folder: Path) -> None:
    (folder / missing).unlink()
    tokenizer = trained_tokenizer("sentencepiece")
    with Model(converted(folder), device="cpu") as model:
        for text in TEXTS:
            assert model.tokenize(text, add_special=True) == tokenizer.encode(text).ids
        assert model.eos_token == tokenizer.token_to_id("</s>")


def test_a_model_alone_says_what_ends_a_text(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    edit_json("config.json", lambda c: [c.pop(key, None) for key in ("bos_token_id", "eos_token_id")])(folder)
    path = converted(folder)
    assert (written(path, "bos_token_id"), written(path, "eos_token_id")) == (1, 2)


def test_tokens_that_other_files_add(folder: Path) -> None:
    first = len(SentencePieceModel.read(folder / "tokenizer.model").pieces)
    edit_json("added_tokens.json", lambda a: a.update({"<pad>": first, "one": first + 1}))(folder)
    token = {"content": "\u2581two", "special": False}
    edit_json("tokenizer_config.json", lambda c: c["added_tokens_decoder"].update({str(first + 2): token}))(folder)
    added = {"id": first + 3, "content": "<three>", "special": True, "normalized": False}
    added |= {"single_word": False, "lstrip": False, "rstrip": False}
    edit_json("tokenizer.json", lambda t: t["added_tokens"].append(added))(folder)
    path = converted(folder)
    place = slice(first, first + 5)
    assert written(path, "tokens")[place] == ["<pad>", "one", " two", "<three>", f"[PAD{first + 4}]"]
    kinds = [TokenType.CONTROL, TokenType.USER_DEFINED, TokenType.USER_DEFINED, TokenType.CONTROL, TokenType.UNUSED]
    assert written(path, "token_type")[place] == kinds
    assert written(path, "scores")[place] == [-1000.0] * 4 + [-10000.0]


def test_a_piece_that_users_defined_is_found_whole(folder: Path) -> None:
    def define(model: SentencePieceModel) -> SentencePieceModel:
        pieces = list(model.pieces)
        pieces[-1] = Piece("[TOOL_CALLS]", 0.0, TokenType.USER_DEFINED)
        return replace(model, pieces=tuple(pieces))

    (folder / "tokenizer.json").unlink()
    edit_model(define)(folder)
    last = len(SentencePieceModel.read(folder / "tokenizer.model").pieces) - 1
    with Model(converted(folder), device="cpu") as model:
        assert model.tokenize("do it [TOOL_CALLS][TOOL_CALLS]", parse_special=False)[-2:] == [last, last]


@pytest.mark.parametrize(
    ("setting", "prefix", "expected"),
    [(None, True, None), (None, False, False), (False, True, False), (True, True, True), ("yes", True, None)],
)
def test_space_in_front(setting: object, prefix: bool, expected: bool | None, folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    edit_model(lambda model: replace(model, adds_prefix=prefix))(folder)
    edit_json("tokenizer_config.json", lambda c: c.update(add_prefix_space=setting))(folder)
    path = converted(folder)
    assert written(path, "add_space_prefix") is expected
    with Model(path, device="cpu") as model:
        text = model.detokenize(model.tokenize("Hello")).decode()
        assert text == ("Hello" if expected is False else " Hello")


def test_tokenizer_json_that_adds_no_space(folder: Path) -> None:
    (folder / "tokenizer.model").unlink()
    replace_only = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    edit_json("tokenizer.json", lambda t: t.update(normalizer=replace_only))(folder)
    assert written(converted(folder), "add_space_prefix") is False


def vocab(change: Callable[[dict[str, int]], object]) -> Callable[[Path], None]:
    return edit_json("tokenizer.json", lambda t: change(t["model"]["vocab"]))


def renamed(old: str, new: str) -> Callable[[Path], None]:
    def change(t: dict[str, Any]) -> None:
        t["model"]["vocab"][new] = t["model"]["vocab"].pop(old)

    return edit_json("tokenizer.json", change)


def interleaved(t: dict[str, Any]) -> None:
    merges = t["model"]["merges"]
    twice = next(i for i in range(1, len(merges)) if "".join(merges[i]) == "".join(merges[i - 1]))
    merges.append(merges.pop(twice))


def incomplete(t: dict[str, Any]) -> None:
    merges = t["model"]["merges"]
    twice = next(i for i in range(1, len(merges)) if "".join(merges[i]) == "".join(merges[i - 1]))
    del merges[twice]


def put_piece(index: int, piece: Piece) -> Callable[[Path], None]:
    def change(model: SentencePieceModel) -> SentencePieceModel:
        pieces = list(model.pieces)
        pieces[index] = piece
        return replace(model, pieces=tuple(pieces))

    return edit_model(change)


def raw(data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / "tokenizer.model").write_bytes(data) and None


NO_MODEL, NO_JSON = without("tokenizer.model"), without("tokenizer.json")
UNSOUND = "tokenizer.model is not a sound SentencePiece model"
REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "no files": (both(NO_MODEL, NO_JSON), "holds neither tokenizer.json nor tokenizer.model"),
    "empty": (raw(b""), f"{UNSOUND}: it has no pieces"),
    "text": (raw(b"IQ== 0\nIg== 1\n"), UNSOUND),
    "cut off": (lambda f: raw((f / "tokenizer.model").read_bytes()[:5000])(f), f"{UNSOUND}: it is cut off"),
    "a length beyond all": (raw(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), f"{UNSOUND}: it is cut off"),
    "a number without end": (raw(b"\xff" * 100), f"{UNSOUND}: it is cut off"),
    "a piece without text": (raw(b"\x0a\x02\x18\x01"), f"{UNSOUND}: a piece has no text"),
    "a piece that is no UTF-8": (raw(b"\x0a\x04\x0a\x02\xff\xfe"), UNSOUND),
    "a score of one byte": (raw(b"\x0a\x06\x0a\x01a\x12\x01x"), UNSOUND),
    "a kind of piece that there is not": (raw(b"\x0a\x05\x0a\x01a\x18\x09"), UNSOUND),
    "unigram": (edit_model(lambda m: replace(m, kind=1)), "tokenizer.model is no BPE model"),
    "no byte fallback": (edit_model(lambda m: replace(m, byte_fallback=False)), "has no byte fallback"),
    "collapses spaces": (edit_model(lambda m: replace(m, collapses_spaces=True)), "makes one space of several"),
    "spaces stay": (edit_model(lambda m: replace(m, escapes_spaces=False)), "does not escape spaces"),
    "characters": (
        lambda f: raw((f / "tokenizer.model").read_bytes() + b"\x1a\x03\x12\x01x")(f),
        "rewrites characters",
    ),
    "a byte is missing": (
        both(NO_JSON, put_piece(50, Piece("xyz"))),
        "tokenizer.model falls back to bytes, but 1 of the 256",
    ),
    "a piece twice": (both(NO_JSON, put_piece(-1, Piece("<0x41>"))), "two pieces with the same text"),
    "files disagree": (
        put_piece(400, Piece("zzz")),
        r"tokenizer\.json and tokenizer\.model disagree about token 400: .*'zzz'",
    ),
    "byte-level beside it": (
        edit_json("tokenizer.json", lambda t: t["model"].update(byte_fallback=False)),
        "tokenizer.model is a SentencePiece model, but tokenizer.json a byte-level tokenizer",
    ),
    "past the embedding": (
        edit_json("added_tokens.json", lambda a: a.update({"<pad>": 640})),
        r"added_tokens\.json has a token with id 640, but the embedding has 640 rows",
    ),
    "an id that is a text": (
        edit_json("added_tokens.json", lambda a: a.update(x="7")),
        "id of 'x' is 7, no number",
    ),
    "a giant id": (
        edit_json("tokenizer_config.json", lambda c: c["added_tokens_decoder"].update({"9" * 50: {"content": "x"}})),
        r"tokenizer_config\.json: the added token '9+' is no token with an id",
    ),
    "added token is a number": (
        edit_json("tokenizer_config.json", lambda c: c["added_tokens_decoder"].update({"7": 7})),
        "the added token '7' is no token with an id",
    ),
    "json: incomplete merges": (both(NO_MODEL, edit_json("tokenizer.json", incomplete)), "are not those of"),
    "json: merges out of order": (
        both(NO_MODEL, edit_json("tokenizer.json", interleaved)),
        "are not those of",
    ),
    "json: metaspace": (
        both(
            NO_MODEL,
            edit_json(
                "tokenizer.json",
                lambda t: t.update(
                    normalizer=None,
                    pre_tokenizer={
                        "type": "Metaspace",
                        "replacement": "\u2581",
                        "prepend_scheme": "first",
                        "split": False,
                    },
                ),
            ),
        ),
        "rewrites or cuts text before pieces are merged",
    ),
    "json: lower case": (
        both(NO_MODEL, edit_json("tokenizer.json", lambda t: t.update(normalizer={"type": "Lowercase"}))),
        "rewrites or cuts text before pieces are merged",
    ),
    "json: a byte is missing": (both(NO_MODEL, renamed("<0x41>", "<0xZZ>")), "but 1 of the 256 have no token"),
    "json: two tokens with one id": (both(NO_MODEL, vocab(lambda v: v.update({"<0x41>": 7}))), "gives id 7 to both"),
    "json: a giant id": (
        both(NO_MODEL, vocab(lambda v: v.update(zzz=2**31))),
        "has a token with id 2147483648, but the embedding has 640 rows",
    ),
    "json: a negative id": (both(NO_MODEL, vocab(lambda v: v.update(zzz=-1))), "is not a sound tokenizer"),
    "json: an id that is a text": (both(NO_MODEL, vocab(lambda v: v.update(zzz="7"))), "is not a sound tokenizer"),
    "json: a token without end": (both(NO_MODEL, vocab(lambda v: v.update({"x" * 9999: 639}))), "of 9999 characters"),
}


@pytest.mark.parametrize(("damage", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_llama_cpp_would_not_reproduce_is_refused(
    damage: Callable[[Path], None], message: str, folder: Path
) -> None:
    damage(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        converted(folder)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400
    assert not list(folder.glob("*.gguf*"))


@given(st.binary(max_size=200), st.integers(0, 300))
def test_any_bytes_are_a_model_or_an_error(data: bytes, at: int) -> None:
    sound = b"".join(b"\x0a\x08\x0a\x01" + bytes([97 + i]) + struct.pack("<Bf", 0x15, -i) for i in range(20))
    for content in (data, sound[:at] + data + sound[at:]):
        try:
            model = SentencePieceModel.parse(content)
        except (ValueError, TypeError, struct.error):
            continue
        assert model.pieces

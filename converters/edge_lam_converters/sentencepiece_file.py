"""Reads and writes SentencePiece models (tokenizer.model): the protocol buffer of `sentencepiece_model.proto`.

A file goes in; its pieces and its rules for text come out, or the other way round. The `sentencepiece` package tells
those rules only with protobuf beside it; the few fields that matter are not worth two packages.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_lam._util.read_file import read_regular
from edge_lam.errors import CheckpointError
from edge_lam_converters.vocabulary import TokenType

FILE = "tokenizer.model"
BPE = 2
"""TrainerSpec.ModelType of models that merge pieces."""

_MAX_BYTES = 32 * 2**20  # Llama 2's has 0.5 MB, the largest in the field 5 MB
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_PIECE, _TRAINER, _NORMALIZER = 1, 2, 3  # fields of ModelProto
_KIND, _FALLBACK, _UNKNOWN_ID, _BOS_ID, _EOS_ID = 3, 35, 40, 41, 42  # fields of TrainerSpec
_CHARACTERS, _PREFIX, _COLLAPSE, _ESCAPE = 2, 3, 4, 5  # fields of NormalizerSpec

_Fields = dict[int, int | bytes]


@dataclass(frozen=True)
class Piece:
    """One entry of the vocabulary; its id is its place."""

    text: str
    score: float = 0.0
    type: TokenType = TokenType.NORMAL


@dataclass(frozen=True)
class SentencePieceModel:
    """What a tokenizer.model says.

    Attributes:
        pieces: the vocabulary.
        kind: 1 for unigram, `BPE`, others for words and characters.
        byte_fallback: whether what has no piece is spelled in bytes.
        bos_id, eos_id: of the pieces that begin and end a text.
        rewrites_characters: whether a table of characters (NFKC and the like) is applied to a text.
        adds_prefix: whether a text gets a space in front.
        collapses_spaces: whether runs of spaces become one.
        escapes_spaces: whether spaces are spelled "▁" in pieces.
    """

    pieces: tuple[Piece, ...]
    kind: int = BPE
    byte_fallback: bool = True
    bos_id: int = 1
    eos_id: int = 2
    rewrites_characters: bool = False
    adds_prefix: bool = True
    collapses_spaces: bool = False
    escapes_spaces: bool = True

    @classmethod
    def read(cls, path: Path) -> SentencePieceModel:
        """Read a model.

        Raises:
            CheckpointError: it can't be read, or is none.
        """
        try:
            return cls.parse(read_regular(path, _MAX_BYTES))
        except OSError as error:
            raise CheckpointError(f"{path.name} can't be read: {error.strerror or error}") from error
        except (ValueError, TypeError, struct.error) as error:
            raise CheckpointError(f"{path.name} is not a sound SentencePiece model: {error}") from error

    @classmethod
    def parse(cls, data: bytes) -> SentencePieceModel:
        """Return the model that the bytes of a file hold.

        Raises:
            ValueError, TypeError, struct.error: they hold none.
        """
        pieces, specs = [], {_TRAINER: b"", _NORMALIZER: b""}
        for field, value in _fields(data):
            if not isinstance(value, bytes):
                continue
            if field == _PIECE:
                pieces.append(_piece(dict(_fields(value))))
            elif field in specs:
                specs[field] += value  # a message that comes in parts
        if not pieces:
            raise ValueError("it has no pieces")
        trainer, normalizer = (dict(_fields(specs[spec])) for spec in (_TRAINER, _NORMALIZER))
        return cls(
            tuple(pieces),
            _number(trainer, _KIND, 1),
            bool(_number(trainer, _FALLBACK, 0)),
            _number(trainer, _BOS_ID, 1),
            _number(trainer, _EOS_ID, 2),
            bool(normalizer.get(_CHARACTERS)),
            bool(_number(normalizer, _PREFIX, 1)),
            bool(_number(normalizer, _COLLAPSE, 1)),
            bool(_number(normalizer, _ESCAPE, 1)),
        )

    def write(self, path: Path) -> None:
        """Write the model; no table of characters."""
        parts = []
        for piece in self.pieces:
            score = _key(2, _FIXED32) + struct.pack("<f", piece.score)
            parts.append(_bytes(_PIECE, _bytes(1, piece.text.encode()) + score + _varint_field(3, piece.type)))
        unknown = next((i for i, piece in enumerate(self.pieces) if piece.type == TokenType.UNKNOWN), 0)
        trainer = {_KIND: self.kind, 4: len(self.pieces), _FALLBACK: int(self.byte_fallback), _UNKNOWN_ID: unknown}
        trainer |= {_BOS_ID: self.bos_id, _EOS_ID: self.eos_id}
        normalizer = {_PREFIX: self.adds_prefix, _COLLAPSE: self.collapses_spaces, _ESCAPE: self.escapes_spaces}
        specs = [b"".join(_varint_field(*entry) for entry in spec.items()) for spec in (trainer, normalizer)]
        parts += [_bytes(_TRAINER, specs[0]), _bytes(_NORMALIZER, _bytes(1, b"identity") + specs[1])]
        path.write_bytes(b"".join(parts))


def _piece(fields: _Fields) -> Piece:
    text, score = fields.get(1), fields.get(2, bytes(4))
    if not isinstance(text, bytes) or not isinstance(score, bytes):
        raise ValueError("a piece has no text, or a score that is no number")  # noqa: TRY004  # of the file, not of ours
    return Piece(text.decode(), struct.unpack("<f", score)[0], TokenType(_number(fields, 3, TokenType.NORMAL)))


def _number(fields: _Fields, field: int, default: int) -> int:
    value = fields.get(field, default)
    if not isinstance(value, int):
        raise ValueError(f"field {field} is no number")  # noqa: TRY004  # of the file, not of ours
    return value - 2**64 if value >= 2**63 else value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field of a message: a whole number, or bytes."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        wire, n_bytes = key & 7, 0
        if wire == _VARINT:
            value, at = _read_varint(data, at)
            yield key >> 3, value
            continue
        if wire == _BYTES:
            n_bytes, at = _read_varint(data, at)
        elif wire in (_FIXED32, _FIXED64):
            n_bytes = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"there is no wire type {wire}")
        if n_bytes > len(data) - at:
            raise ValueError("it is cut off")
        yield key >> 3, data[at : at + n_bytes]
        at += n_bytes


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of up to 64 bits, seven in each byte, and where it ends."""
    value = 0
    for i, byte in enumerate(data[at : at + 10]):
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError("it is cut off")


def _varint(value: int) -> bytes:
    encoded = bytearray()
    value &= 2**64 - 1
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _varint_field(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(value)) + value

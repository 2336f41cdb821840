"""Writes a SentencePiece model: the protocol buffer of `sentencepiece_model.proto`, spelled out byte by byte.

A vocabulary laid out as Llama 2's goes in. Used for random checkpoints only; reading is another room's work.
"""

from __future__ import annotations

import struct
from pathlib import Path

_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6  # SentencePiece.Type
_BPE = 2  # TrainerSpec.ModelType


def write(path: Path, vocab: dict[str, int]) -> None:
    """Write a BPE model with byte fallback, whose pieces merge in the order of their ids.

    Args:
        path: the file.
        vocab: "<unk>", "<s>", "</s>", 256 bytes as "<0x00>" and so on, then the pieces, best first.
    """
    data = b""
    for text, token_id in sorted(vocab.items(), key=lambda entry: entry[1]):
        kind = _NORMAL
        if token_id < 3:
            kind = _UNKNOWN if text == "<unk>" else _CONTROL
        elif token_id < 259:
            kind = _BYTE
        score = float(259 - token_id) if kind == _NORMAL else 0.0
        piece = _bytes(1, text.encode()) + _key(2, 5) + struct.pack("<f", score) + _number(3, kind)
        data += _bytes(1, piece)
    trainer = _number(3, _BPE) + _number(4, len(vocab)) + _number(35, 1)
    trainer += _number(40, 0) + _number(41, 1) + _number(42, 2)
    normalizer = _bytes(1, b"identity") + _number(3, 1) + _number(4, 0) + _number(5, 1)
    path.write_bytes(data + _bytes(2, trainer) + _bytes(3, normalizer))


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _number(field: int, value: int) -> bytes:
    return _key(field, 0) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, 2) + _varint(len(value)) + value

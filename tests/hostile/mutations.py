"""Damages files: bytes at random, numbers where they stand, and any value of a JSON document by any other."""

from __future__ import annotations

import copy
import json
import random
import struct
from typing import Any

NUMBERS = (0, 1, 2, 7, 8, 9, 127, 128, 255, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63, 2**64 - 1)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 1e308, -1e-308, 0.5, "", "a", "a" * 5000, "\x1b[2J\r\n", "\ud800",
    "../..", "/dev/zero", "<|im_end|>", [], {}, [None], [[]], {"": None}, {"a": {"a": {"a": []}}}, ["a"] * 2000, "NaN",
    "{{ 1 }}",
    "{% for x in range(99999) %}{% for y in range(99999) %}{% endfor %}{% endfor %}",
)  # fmt: skip


def damage(data: bytes, chance: random.Random) -> bytes:
    """Return data with a change, or some, of bytes, numbers, places or length."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        chance.choice((_byte, _byte, _number, _number, _cut, _copy, _drop, _text))(changed, chance)
    return bytes(changed)


def damage_start(data: bytes, chance: random.Random, length: int) -> bytes:
    """Damage only the first bytes, where a header is."""
    return damage(data[:length], chance) + data[length:]


def damage_json(value: Any, chance: random.Random) -> Any:
    """Return a JSON document in which one to three values, anywhere, are others, gone, twice or deeper."""
    changed = copy.deepcopy(value)
    for _ in range(chance.randint(1, 3)):
        holder, key = _somewhere(changed, chance)
        if holder is None:
            return chance.choice(VALUES)
        how = chance.randrange(5)
        if how == 0 and isinstance(holder, dict):
            del holder[key]
        elif how == 1 and isinstance(holder, dict):
            holder[chance.choice(("", "a", "$ref", "type", "\x1b[1m", "__class__"))] = holder[key]
        elif how == 2:
            deep = holder[key]
            for _ in range(chance.choice((3, 70, 300, 900))):
                deep = [deep]
            holder[key] = deep
        else:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
    return changed


def to_json(value: Any) -> bytes:
    """Return a JSON document as bytes; one nested too deeply for Python is written as far as its brackets go."""
    try:
        return json.dumps(value).encode(errors="surrogatepass")
    except RecursionError:
        return b"[" * 5000


def _somewhere(value: Any, chance: random.Random) -> tuple[Any, Any]:
    holder, key = None, None
    while isinstance(value, dict | list) and value:
        holder, key = value, chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        value = value[key]
        if chance.random() < 0.3:
            break
    return holder, key


def _byte(data: bytearray, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))


def _number(data: bytearray, chance: random.Random) -> None:
    width, code = chance.choice(((4, "<I"), (8, "<Q")))
    if len(data) >= width:
        at = chance.randrange(len(data) - width + 1)
        data[at : at + width] = struct.pack(code, chance.choice(NUMBERS) % 2 ** (8 * width))


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _copy(data: bytearray, chance: random.Random) -> None:
    at, length = chance.randrange(len(data) + 1), chance.randrange(64)
    data[chance.randrange(len(data) + 1) : 0] = data[at : at + length]


def _drop(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    del data[at : at + chance.randrange(64)]


def _text(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    text = chance.choice((b"\x00", b"\xff\xfe", b"\x1b[2J", b"<|im_end|>", b"NaN", b"1e999", b"{{", b"{" * 2000))
    data[at : at + len(text)] = text

"""A prefix file is read as it was written, or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_lam.cache import read_header, read_prefix, write_prefix
from edge_lam.cache.prefix_file import FIXED, MAGIC, VERSION

KEY = {"model": "abc", "kv_types": ["f16", "f16"]}
TOKENS = list(range(100, 180))


@pytest.fixture
def state() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8)


@pytest.fixture
def file(tmp_path: Path, state: np.ndarray) -> Path:
    path = tmp_path / "one.prefix"
    write_prefix(path, KEY, TOKENS, state)
    return path


def test_comes_back_as_it_was_written(file, state):
    prefix = read_prefix(file, KEY)
    assert prefix is not None
    assert prefix.tokens.tolist() == TOKENS
    assert np.array_equal(prefix.state, state)
    assert prefix.n_bytes == len(state) + 4 * len(TOKENS)
    header = read_header(file)
    assert header is not None
    assert (header.key, header.n_tokens, header.n_bytes) == (KEY, len(TOKENS), len(state))


def test_only_its_owner_can_read_it(file):
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_another_key_is_a_miss(file):
    assert read_prefix(file, {**KEY, "model": "abd"}) is None
    assert read_prefix(file, {**KEY, "more": 1}) is None
    assert read_prefix(file.with_name("none.prefix"), KEY) is None


def test_every_cut_is_a_miss(file):
    data = file.read_bytes()
    for length in [*range(0, 200, 7), *range(200, len(data), 97), len(data) - 1]:
        file.write_bytes(data[:length])
        assert read_prefix(file, KEY) is None, length
    file.write_bytes(data + b"x")
    assert read_prefix(file, KEY) is None


def test_every_flipped_byte_is_a_miss(file):
    data = file.read_bytes()
    for place in [*range(150), *range(150, len(data), 61)]:
        file.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        assert read_prefix(file, KEY) is None, place


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 5000,
        b'{"key": 5, "n_tokens": 1, "n_bytes": 1}',
        b'{"key": {}, "n_tokens": -4, "n_bytes": 16}',
        b'{"key": {}, "n_tokens": 1e400, "n_bytes": 1}',
        b'{"key": {}, "n_tokens": "1", "n_bytes": 1}',
        b"\xff\xfe",
        b"{}",
    ],
)
def test_hostile_headers_are_a_miss(tmp_path, header):
    path = tmp_path / "bad.prefix"
    path.write_bytes(FIXED.pack(MAGIC, VERSION, len(header)) + header + b"\0" * 40)
    assert read_header(path) is None
    assert read_prefix(path, {}) is None


def test_a_huge_header_is_not_read(tmp_path):
    path = tmp_path / "bad.prefix"
    path.write_bytes(FIXED.pack(MAGIC, VERSION, 2**32 - 1) + json.dumps({"key": {}}).encode())
    assert read_header(path) is None


WRITER = """
import os, signal, sys
from pathlib import Path
import numpy as np
import edge_lam.cache.prefix_file as prefix_file

class Digest:
    def __init__(self, whole): self.whole = whole
    def update(self, part): self.whole.update(part)
    def digest(self): os.kill(os.getpid(), signal.SIGKILL)

real = prefix_file.hashlib.sha256
prefix_file.hashlib.sha256 = lambda *data: Digest(real(*data))
prefix_file.write_prefix(Path(sys.argv[1]), {"model": "abc"}, [1, 2, 3], np.zeros(100000, dtype=np.uint8))
"""


def test_a_killed_writer_leaves_the_old_file(file):
    before = file.read_bytes()
    done = subprocess.run([sys.executable, "-c", WRITER, file], env={**os.environ}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert file.read_bytes() == before
    assert read_prefix(file, KEY) is not None

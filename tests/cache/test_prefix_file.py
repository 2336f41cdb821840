"""A prefix file is read as it was written, or not at all."""

from __future__ import annotations

import hashlib
import json
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
    assert (header.key, header.kind, header.n_tokens, header.n_bytes) == (KEY, "static", len(TOKENS), len(state))
    write_prefix(file, KEY, TOKENS, state, kind="conversation")
    assert read_prefix(file, KEY).kind == read_header(file).kind == "conversation"


def test_only_its_owner_can_read_it(file):
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_another_key_is_a_miss(file):
    assert read_prefix(file, {**KEY, "model": "abd"}) is None
    assert read_prefix(file, {**KEY, "more": 1}) is None
    assert read_prefix(file.with_name("none.prefix"), KEY) is None


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "short.prefix"
    write_prefix(path, {"model": "a"}, [5, 6, 7], np.arange(40, dtype=np.uint8))
    return path


def test_every_cut_is_a_miss(short):
    data = short.read_bytes()
    for length in range(len(data)):
        short.write_bytes(data[:length])
        assert read_prefix(short, {"model": "a"}) is None, length
    short.write_bytes(data + b"x")
    assert read_prefix(short, {"model": "a"}) is None


def test_every_flipped_bit_is_a_miss(short):
    data = short.read_bytes()
    for place in range(len(data)):
        for bit in range(8):
            short.write_bytes(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
            assert read_prefix(short, {"model": "a"}) is None, (place, bit)


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 5000,
        b'{"key": 5, "kind": "static", "n_tokens": 1, "n_bytes": 4}',
        b'{"key": {}, "kind": "static", "n_tokens": -4, "n_bytes": 24}',
        b'{"key": {}, "kind": "static", "n_tokens": 4, "n_bytes": -8}',
        b'{"key": {}, "kind": "static", "n_tokens": 0, "n_bytes": 8}',
        b'{"key": {}, "kind": "static", "n_tokens": 1.0, "n_bytes": 4}',
        b'{"key": {}, "kind": "static", "n_tokens": true, "n_bytes": 4}',
        b'{"key": {}, "kind": "static", "n_tokens": 1e400, "n_bytes": 4}',
        b'{"key": {}, "kind": "static", "n_tokens": "1", "n_bytes": 4}',
        b'{"key": {}, "kind": "static", "n_tokens": 1%s, "n_bytes": 4}' % (b"0" * 5000),
        b'{"key": {}, "kind": "other", "n_tokens": 1, "n_bytes": 4}',
        b'{"key": {}, "kind": [], "n_tokens": 1, "n_bytes": 4}',
        b'{"key": {}, "n_tokens": 1, "n_bytes": 4}',
        b"\xff\xfe",
        b"{}",
    ],
)
def test_hostile_headers_are_a_miss(tmp_path, header):
    """All else is right: the size of the file, and the checksum."""
    path = tmp_path / "bad.prefix"
    data = FIXED.pack(MAGIC, VERSION, len(header)) + header + b"\0" * 8
    path.write_bytes(data + hashlib.sha256(data).digest())
    assert read_header(path) is None
    assert read_prefix(path, {}) is None


def test_a_huge_header_is_not_read(tmp_path):
    path = tmp_path / "bad.prefix"
    path.write_bytes(FIXED.pack(MAGIC, VERSION, 2**32 - 1) + json.dumps({"key": {}}).encode())
    assert read_header(path) is None


WRITER = """
import os, resource, signal, sys
from pathlib import Path
import numpy as np
from edge_lam.cache import read_prefix, write_prefix

path, state = Path(sys.argv[1]), np.zeros(3000, dtype=np.uint8)
for most in [*range(0, 600, 7), *range(600, int(sys.argv[2]), 61), int(sys.argv[2]) - 1]:
    child = os.fork()
    if not child:  # the system kills it as soon as a file has that many bytes
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        write_prefix(path, {"model": "abc"}, [1, 2, 3], state)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXFSZ, (most, status)
    old = read_prefix(path, {"model": "abc"})
    assert old.state.tolist() == [7] * 50, most
    left = list(path.parent.glob(".*.partial"))
    assert len(left) == 1, left  # what the one before it left went
"""


def test_a_writer_killed_at_any_byte_leaves_the_old_file(tmp_path):
    path = tmp_path / "one.prefix"
    write_prefix(path, {"model": "abc"}, [1, 2, 3], np.zeros(3000, dtype=np.uint8))
    size = path.stat().st_size
    write_prefix(path, {"model": "abc"}, [1, 2, 3], np.full(50, 7, dtype=np.uint8))
    done = subprocess.run([sys.executable, "-c", WRITER, path, str(size)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (left,) = path.parent.glob(".*.partial")
    assert left.stat().st_size == size - 1, "it was killed before its last byte"
    write_prefix(path, {"model": "abc"}, [1, 2, 3], np.zeros(3000, dtype=np.uint8))
    assert list(path.parent.iterdir()) == [path]

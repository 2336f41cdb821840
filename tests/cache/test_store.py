"""Stored prefixes: which one is found, what is dropped, and what is shared with other processes."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from edge_lam.cache import PrefixStore, prefix_files

KEY = {"model": "abc"}


def state(n_bytes: int, value: int = 7) -> np.ndarray:
    return np.full(n_bytes, value, dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "prefixes"


def fresh(folder: Path | None, **limits: int) -> PrefixStore:
    """A store as another process would have it: nothing in memory."""
    return PrefixStore(KEY, folder, **limits)


def test_the_longest_prefix_is_found_in_memory_and_on_disk(folder):
    store = fresh(folder)
    store.save([1, 2, 3], state(30, 1))
    store.save([1, 2, 3, 4, 5], state(50, 2))
    store.save([1, 2, 9], state(30, 3))
    for reader in (store, fresh(folder), fresh(None)):
        found = reader.find([1, 2, 3, 4, 5, 6])
        if reader.folder is None:
            assert found is None
            continue
        assert found is not None
        assert found.tokens.tolist() == [1, 2, 3, 4, 5]
        assert found.state[0] == 2
        assert reader.find([1, 2, 3, 4, 5]).tokens.tolist() == [1, 2, 3]  # the last token has to be read
        assert reader.find([1, 2, 3, 4, 5, 6], longer_than=5) is None
        assert reader.find([2, 3, 4]) is None
        assert reader.has([1, 2, 9])
        assert not reader.has([1, 2])


def test_other_keys_do_not_see_it(folder):
    fresh(folder).save([1, 2, 3], state(30))
    assert PrefixStore({"model": "other"}, folder).find([1, 2, 3, 4]) is None
    assert fresh(folder).find([1, 2, 3, 4]) is not None


def test_a_corrupt_file_is_removed(folder):
    fresh(folder).save([1, 2, 3], state(30))
    (path,) = prefix_files(folder)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert fresh(folder).find([1, 2, 3, 4]) is None
    assert not path.exists()


def test_memory_drops_what_was_not_used_for_longest():
    store = fresh(None, memory_bytes=250)
    store.save([1, 1], state(100))
    store.save([2, 2], state(100))
    assert store.find([1, 1, 5]) is not None
    store.save([3, 3], state(100))
    assert store.has([1, 1])
    assert not store.has([2, 2])
    assert store.held_bytes == 2 * (100 + 8)
    store.save([4, 4], state(1000))
    assert not store.has([4, 4])
    store.clear()
    assert store.held_bytes == 0


def test_disk_drops_what_was_not_used_for_longest(folder):
    for value in (1, 2, 3):
        fresh(folder, disk_bytes=10_000).save([value] * 4, state(3000))
        (path,) = set(prefix_files(folder)[-1:])
        os.utime(path, (value * 1000, value * 1000))
    assert fresh(folder).find([1, 1, 1, 1, 1]) is not None  # used now: the newest
    fresh(folder, disk_bytes=10_000).save([4] * 4, state(3000))
    store = fresh(folder)
    assert [store.has([value] * 4) for value in (1, 2, 3, 4)] == [True, False, True, True]


def test_what_a_killed_writer_left_goes_in_time(folder):
    store = fresh(folder)
    store.save([1, 2, 3], state(30))
    (path,) = prefix_files(folder)
    old, new = path.with_name(".old.partial"), path.with_name(".new.partial")
    for partial in (old, new):
        partial.write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    store.save([4, 5, 6], state(30))
    assert not old.exists()
    assert new.exists()


def test_only_the_owner_can_look_into_the_folder(folder):
    fresh(folder).save([1, 2, 3], state(30))
    (path,) = prefix_files(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    store = fresh(blocked)
    store.save([1, 2, 3], state(30))
    assert store.find([1, 2, 3, 4]) is not None
    assert fresh(blocked).find([1, 2, 3, 4]) is None


def test_strange_files_are_left_alone(folder):
    store = fresh(folder)
    store.save([1, 2, 3], state(30))
    (path,) = prefix_files(folder)
    for name in ("notes.txt", "-5-abc.prefix", "x.prefix", "99999999999999999999-a.prefix", "²-a.prefix"):
        path.with_name(name).write_bytes(b"?")
    assert fresh(folder).find([1, 2, 3, 4]) is not None

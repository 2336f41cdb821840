"""Stored prefixes: which one is found, what is dropped, and what is shared with other processes."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edge_lam._util.atomic_file import partial_path
from edge_lam.cache import PrefixStore, prefix_files, read_header

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


def test_it_says_why_nothing_was_found(folder):
    key = {"model": "abc", "llama_cpp": "b1", "bindings": "1", "kv_type": "f16"}
    assert PrefixStore(key, folder).miss_reason([1, 2, 3]) == "nothing stored"
    PrefixStore(key, folder).save([1, 2, 3], state(30))
    same = PrefixStore(key, folder)
    assert same.find([1, 2, 4, 5]) is None
    assert same.miss_reason([1, 2, 4, 5]) == "other tools"
    other = PrefixStore({**key, "llama_cpp": "b2", "bindings": "2"}, folder)
    assert other.miss_reason([1, 2, 3, 4]) == "other build"
    assert other.miss_reason([1, 2, 4, 5]) == "nothing stored"  # it would not fit with this build either
    another = PrefixStore({**key, "model": "def", "kv_type": "q8_0"}, folder)
    assert another.miss_reason([1, 2, 3, 4]) == "other kv_type, model"
    baked = PrefixStore(key, None)
    baked.add(same.find([1, 2, 3, 4]))
    assert baked.miss_reason([7, 8, 9]) == "other tools"


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


def test_what_a_killed_writer_left_goes(folder):
    store = fresh(folder)
    store.save([1, 2, 3], state(30))
    (path,) = prefix_files(folder)
    left, foreign = partial_path(path, "0" * 16), path.with_name(".other.partial")
    for partial in (left, foreign):
        partial.write_bytes(b"x")
    store.save([4, 5, 6], state(30))
    assert not left.exists()
    assert foreign.exists()


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


def kinds(folder: Path) -> dict[int, str]:
    headers = [read_header(path) for path in prefix_files(folder)]
    return {header.n_tokens: header.kind for header in headers if header}


def test_a_conversation_takes_the_place_of_its_beginnings_only(folder):
    store = fresh(folder)
    store.save([1, 2], state(20))
    store.save([1, 2, 3], state(30), kind="conversation")
    store.save([1, 2, 9, 9], state(40), kind="conversation")  # another one
    os.utime(prefix_files(folder)[0], (1, 1))
    for writer in (store, fresh(folder)):
        length = 5 + (writer is not store)
        writer.save([1, 2, *range(3, 1 + length)], state(10 * length), kind="conversation")
        assert kinds(folder) == {2: "static", 4: "conversation", length: "conversation"}
    assert [reader.has([1, 2, 3]) for reader in (store, fresh(folder))] == [False, False]
    assert min(path.stat().st_mtime for path in prefix_files(folder)) > 1, "the static prefix was used"
    store.save([1, 2, 3, 4, 5, 6, 7], state(70))
    assert 6 in kinds(folder), "a static prefix takes nobody's place"


def test_conversations_in_memory_only_are_replaced_too():
    store = fresh(None)
    for length in (2, 3, 4):
        store.save(list(range(length)), state(100), kind="static" if length == 2 else "conversation")
    assert [store.has(list(range(length))) for length in (2, 3, 4)] == [True, False, True]
    assert store.held_bytes == 2 * 100 + 4 * (2 + 4)


@pytest.fixture
def allocated() -> Iterator[Callable[[], int]]:
    """Says how many bytes Python and NumPy hold more than at the start of the test."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()


def test_what_it_says_it_holds_is_what_it_holds(folder, allocated):
    n_bytes = 10 << 20
    fresh(folder).save(list(range(100)), state(n_bytes))
    store = fresh(folder)
    before = allocated()
    prefix = store.find(list(range(101)))
    assert prefix is not None
    assert prefix.state.base is None, "a view of something larger would hold more"
    assert prefix.tokens.base is None
    assert store.held_bytes == n_bytes + 400
    assert abs(allocated() - before - n_bytes) < n_bytes / 8
    store.save(list(range(100)), prefix.state)
    assert store.held_bytes == n_bytes + 400, "the same prefix again"
    store.clear()
    del prefix
    assert allocated() - before < n_bytes / 8


def test_a_folder_that_was_there_keeps_its_mode_and_its_files(folder):
    folder.mkdir(mode=0o755)
    mine = folder / "assets" / "app.prefix"
    mine.parent.mkdir()
    mine.write_bytes(b"x" * 5000)
    store = fresh(folder, disk_bytes=4000)
    for value in range(3):
        store.save([value] * 3, state(3000))
    assert folder.stat().st_mode & 0o777 == 0o755
    assert next(folder.glob("[0-9a-f]*-*"), None) is None
    assert len(prefix_files(folder)) == 1
    assert mine.exists()


def test_links_pipes_and_folders_are_no_prefixes(folder, tmp_path):
    store = fresh(folder)
    store.save([1, 2, 3], state(30))
    (path,) = prefix_files(folder)
    kept = path.rename(tmp_path / "kept")
    path.symlink_to(kept)
    assert fresh(folder).find([1, 2, 3, 4]) is None
    assert (path.exists(), kept.exists()) == (False, True)
    os.mkfifo(path)
    assert prefix_files(folder) == []
    assert read_header(path) is None
    assert fresh(folder).find([1, 2, 3, 4]) is None
    path.mkdir()
    assert fresh(folder).find([1, 2, 3, 4]) is None
    fresh(folder).save([1, 2, 3], state(30))
    assert path.is_dir()


def test_what_others_could_have_written_is_not_read(folder, caplog):
    caplog.set_level("DEBUG", "edge_lam.cache")
    fresh(folder).save([1, 2, 3], state(30))
    (path,) = prefix_files(folder)
    path.parent.chmod(0o777)
    assert fresh(folder).find([1, 2, 3, 4]) is None
    assert f"no prefixes are read from {path.parent}: {path.parent} could be another user's" in caplog.messages
    fresh(folder).save([7, 8, 9], state(30))
    assert prefix_files(folder) == [path]
    path.parent.chmod(0o700)
    assert fresh(folder).find([1, 2, 3, 4]) is not None
    path.chmod(0o666)
    assert fresh(folder).find([1, 2, 3, 4]) is None
    assert caplog.messages[-1] == f"{path} is not used: it could be another user's"
    assert not path.exists()


def test_another_folder_in_its_place_is_not_used(folder, tmp_path):
    fresh(folder).save([1, 2, 3], state(30))
    (home,) = folder.iterdir()
    elsewhere = home.rename(tmp_path / "elsewhere")
    home.symlink_to(elsewhere)
    fresh(folder).save([4, 5, 6], state(30))
    assert fresh(folder).find([1, 2, 3, 4]) is None
    assert len(list(elsewhere.iterdir())) == 1
    assert prefix_files(folder) == []


def test_a_gigantic_file_is_not_read(folder, caplog):
    caplog.set_level("DEBUG", "edge_lam.cache")
    fresh(folder).save([1, 2, 3], state(30))
    (path,) = prefix_files(folder)
    os.truncate(path, 1 << 42)
    assert fresh(folder).find([1, 2, 3, 4]) is None
    assert caplog.messages == [f"{path} is not used: its {1 << 42} bytes are more than the folder may have"]
    assert not path.exists()


def test_what_can_not_be_listed_or_removed_is_told(folder, caplog):
    caplog.set_level("DEBUG", "edge_lam.cache")
    assert prefix_files(folder) == []
    assert caplog.messages == []  # nothing was kept yet
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("")
    assert prefix_files(folder) == []
    assert caplog.messages == [f"{folder} counts as empty: [Errno 20] Not a directory: '{folder}'"]


def test_what_can_not_be_dropped_is_told(folder, caplog):
    caplog.set_level("DEBUG", "edge_lam.cache")
    store = fresh(folder)
    store.save([1, 2, 3], state(30))
    prefix = store.find([1, 2, 3, 4])
    (path,) = prefix_files(folder)
    path.unlink()
    path.mkdir()
    store.drop(prefix)
    assert [message.partition(":")[0] for message in caplog.messages] == [f"{path} stays, and is a miss again"]
    path.rmdir()
    caplog.clear()
    store.drop(prefix)  # removed already, which is what was wanted
    assert caplog.messages == []

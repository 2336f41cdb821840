"""`edge-lam cache` on prefixes that calls really left."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge_lam.cache import PrefixStore, prefix_files, write_prefix


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "prefixes"
    store = PrefixStore({"model": "abcdef0123456789", "device": "cpu"}, folder)
    store.save(range(100), np.zeros(50_000, dtype=np.uint8))
    store.save(range(200), np.zeros(90_000, dtype=np.uint8), kind="conversation")
    return folder


@pytest.fixture
def run(edge_lam):
    return lambda *arguments: edge_lam("cache", *arguments)


def test_lists_names_tokens_and_sizes(run, folder):
    shown = run("--folder", str(folder))
    assert shown.code == 0
    for text in (
        "100-",
        "200-",
        "50.6 kB",
        "91.0 kB",
        "141.5 kB",
        "abcdef012345",
        "cpu",
        " s ago",
        "static",
        "convers",
    ):
        assert text in shown.out, shown.out


def test_json_is_one_object(run, folder):
    listed = json.loads(run("--folder", str(folder), "--json").out)
    assert {entry["tokens"]: entry["kind"] for entry in listed["prefixes"]} == {100: "static", 200: "conversation"}
    assert listed["folder"] == str(folder)


def test_shows_all_that_is_known_of_one(run, folder):
    shown = run("--folder", str(folder), "200-")
    assert shown.code == 0
    for text in ("conversation", "abcdef0123456789", "cpu", "91.0 kB", str(folder), ".prefix"):
        assert text in shown.out, shown.out
    assert "100-" not in shown.out


def test_a_hostile_key_does_not_drive_the_terminal(run, folder):
    key = {"model": "\x1b[2Jhacked\n\n", "device": ["\x07"]}
    write_prefix(prefix_files(folder)[0], key, [1], np.zeros(9, dtype=np.uint8))
    for arguments in ((), ("100-",)):
        shown = run("--folder", str(folder), *arguments)
        assert shown.code == 0
        assert not {"\x1b", "\x07"} & set(shown.out)


def test_strange_folders_are_empty_ones(run, folder, tmp_path):
    (tmp_path / "file").write_text("?")
    for strange in (tmp_path / "file", tmp_path / "none"):
        assert "no prefixes in" in run("--folder", str(strange)).out
    (home,) = folder.iterdir()
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / home.name).symlink_to(home)
    assert run("--folder", str(tmp_path / "links"), "--clear").code == 0
    assert len(prefix_files(folder)) == 2


def test_clears_one_or_all(run, folder):
    assert "removed 1" in run("--folder", str(folder), "--clear", "100-").out
    assert [path.stem.partition("-")[0] for path in prefix_files(folder)] == ["200"]
    assert "removed 1" in run("--folder", str(folder), "--clear").out
    assert prefix_files(folder) == []
    assert "no prefixes in" in run("--folder", str(folder)).out


def test_what_can_not_be_removed_is_not_told_as_removed(run, folder, monkeypatch):
    def refuse(path, missing_ok=False):
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    shown = run("--folder", str(folder), "--clear")
    assert (shown.code, shown.out) == (1, "")
    assert "can't be removed: Operation not permitted" in shown.err


def test_an_empty_name_clears_nothing(run, folder):
    assert run("--folder", str(folder), "--clear", "").code == 2
    assert len(prefix_files(folder)) == 2


def test_a_damaged_file_is_shown_as_one(run, folder):
    prefix_files(folder)[0].write_bytes(b"?")
    assert "damaged" in run("--folder", str(folder)).out


def test_an_unknown_name_is_refused_before_anything_is_removed(run, folder):
    shown = run("--folder", str(folder), "--clear", "7-")
    assert shown.code != 0
    assert len(prefix_files(folder)) == 2


def test_off_says_so(run, monkeypatch):
    monkeypatch.setenv("EDGE_LAM_PREFIX_CACHE", "off")
    assert "no prefixes are kept on disk" in run().out

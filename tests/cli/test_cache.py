"""`edge-lam cache` on prefixes that calls really left."""

from __future__ import annotations

import json

import numpy as np
import pytest

from edge_lam.cache import PrefixStore, prefix_files


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "prefixes"
    store = PrefixStore({"model": "abcdef0123456789", "device": "cpu"}, folder)
    store.save(range(100), np.zeros(50_000, dtype=np.uint8))
    store.save(range(200), np.zeros(90_000, dtype=np.uint8))
    return folder


@pytest.fixture
def run(edge_lam):
    return lambda *arguments: edge_lam("cache", *arguments)


def test_lists_names_tokens_and_sizes(run, folder):
    shown = run("--folder", str(folder))
    assert shown.code == 0
    for text in ("100-", "200-", "50.5 kB", "90.9 kB", "141.5 kB", "abcdef012345", "cpu", " s ago"):
        assert text in shown.out, shown.out


def test_json_is_one_object(run, folder):
    listed = json.loads(run("--folder", str(folder), "--json").out)
    assert {entry["tokens"] for entry in listed["prefixes"]} == {100, 200}
    assert listed["folder"] == str(folder)


def test_clears_one_or_all(run, folder):
    assert "removed 1" in run("--folder", str(folder), "--clear", "100-").out
    assert [path.stem.partition("-")[0] for path in prefix_files(folder)] == ["200"]
    assert "removed 1" in run("--folder", str(folder), "--clear").out
    assert prefix_files(folder) == []
    assert "no prefixes in" in run("--folder", str(folder)).out


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

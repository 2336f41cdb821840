"""Where edge-lam keeps its files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import edge_lam
from edge_lam._util import paths
from edge_lam.errors import InvalidRequest, ModelNotFound


@pytest.fixture(autouse=True)
def _own_home(monkeypatch, tmp_path):
    for name in ("EDGE_LAM_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_linux_defaults(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    assert paths.state_dir() == tmp_path / ".local/state/edge-lam"
    assert paths.cache_dir() == tmp_path / ".cache/edge-lam"


def test_xdg_folders(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_STATE_HOME", "/s")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    assert paths.state_dir() == Path("/s/edge-lam")
    assert paths.cache_dir() == Path.home() / ".cache/edge-lam"


def test_macos(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert paths.state_dir() == tmp_path / "Library/Application Support/edge-lam"
    assert paths.cache_dir() == tmp_path / "Library/Caches/edge-lam"


def test_one_folder_for_all(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGE_LAM_HOME", "~/mine")
    assert paths.state_dir() == paths.cache_dir() == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()


def test_a_path_of_a_user_that_is_not_there_is_named(tmp_path):
    assert paths.user_path("~/a") == tmp_path / "a"
    with pytest.raises(InvalidRequest, match=r"^~nobody-here/x: ~nobody-here has no home folder") as caught:
        edge_lam.load("~nobody-here/x")
    assert caught.value.param == "model"
    assert caught.value.hint == "write ./~nobody-here for a file of that name"


@pytest.mark.parametrize(
    "address", ["file:///models/a%20b.gguf", "file://localhost/models/a b.gguf", "FILE:///models/a b.gguf"]
)
def test_a_path_as_file_managers_copy_it(address):
    assert paths.user_path(address) == Path("/models/a b.gguf")


def test_an_address_of_a_file_is_one_of_this_machine(tmp_path):
    assert paths.user_path("file://~/a.gguf") == tmp_path / "a.gguf"
    with pytest.raises(
        InvalidRequest, match=r"on another machine, models \(a path has three slashes: file:///models/a"
    ):
        paths.user_path("file://models/a.gguf")
    with pytest.raises(ModelNotFound, match=r"^there is no file /\S+/none\.gguf$"):
        edge_lam.load(f"file://{tmp_path}/none.gguf")


def test_a_model_is_loaded_from_the_address_of_its_file(tiny_lam_path):
    with edge_lam.load(f"file://{tiny_lam_path}", log="off") as lam:
        assert lam.info.n_ctx


def test_a_user_without_a_home_is_told_so(monkeypatch):
    def nobody(_path):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", classmethod(nobody))
    with pytest.raises(InvalidRequest, match="this user has no home folder") as caught:
        paths.state_dir()
    assert caught.value.hint == "set HOME, or EDGE_LAM_HOME"


@pytest.mark.parametrize(("name", "reason"), [("a" * 5000, "the name is too long"), ("a\0b", "embedded null")])
def test_what_no_file_can_be_called_is_refused_before_it_is_looked_for(name, reason):
    for use in (paths.user_path, edge_lam.load, lambda path: edge_lam.load(log=path)):
        with pytest.raises(InvalidRequest, match=f"is no path: {reason}") as caught:
            use(name)
        assert len(str(caught.value)) <= 500

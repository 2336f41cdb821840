"""Downloads that don't go well: what arrives in the end is right, and nothing is sent twice."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from edge_lam.errors import HubError
from edge_lam.hub import pull
from tests.hub.hub_server import Repo

CONTENT = random.Random(1).randbytes(50_000)


@pytest.fixture
def hub(serve):
    repos = {
        "acme/tiny": Repo({"a-Q4_0.gguf": CONTENT}, license="cc-by-nc-4.0"),
        "acme/gated": Repo({"a-Q4_0.gguf": CONTENT}, gated="good"),
        "acme/huge": Repo({"a-Q4_0.gguf": CONTENT}, sizes={"a-Q4_0.gguf": 10**17}),
        "acme/hostile": Repo({"../x-Q4_0.gguf": CONTENT}),
        "acme/checkpoint": Repo({"config.json": b"{}", "model.safetensors": CONTENT, "tf_model.h5": b""}),
    }
    with serve(repos) as running:
        yield running


def partial_files() -> list[Path]:
    return list(Path(constants.HF_HUB_CACHE).rglob("*.incomplete"))


def blobs() -> list[Path]:
    return list(Path(constants.HF_HUB_CACHE).rglob("blobs/*"))


def test_what_was_pulled_is_told(hub):
    told = []
    pulled = pull("acme/tiny", on_progress=lambda *args: told.append(args))
    assert pulled.path.read_bytes() == CONTENT
    assert (pulled.repo, pulled.quant, pulled.license, pulled.size) == ("acme/tiny", "Q4_0", "cc-by-nc-4.0", 50_000)
    done = [n_bytes for n_bytes, _, _ in told]
    assert done == sorted(done)
    assert told[0] == (0, 50_000, "a-Q4_0.gguf")
    assert told[-1] == (50_000, 50_000, "a-Q4_0.gguf")


def test_what_arrives_is_told_at_once_not_by_the_chunk(hub):
    """A slow link takes minutes for what a fast one brings in a second: nothing waits until a buffer is full."""
    hub.hang_at = 20_000
    told = []

    def tell(n_bytes, _total, _name):
        told.append(n_bytes)
        if n_bytes == 20_000:
            hub.hang_at = None

    assert pull("acme/tiny", on_progress=tell).path.read_bytes() == CONTENT
    assert 20_000 in told


def test_a_repository_without_ggufs_is_a_checkpoint(hub):
    pulled = pull("acme/checkpoint")
    assert pulled.is_checkpoint
    assert sorted(path.name for path in pulled.path.iterdir()) == ["config.json", "model.safetensors"]


def test_a_broken_download_goes_on_where_it_stopped(hub):
    hub.break_at = 20_000
    with pytest.raises(HubError, match=r"downloading a-Q4_0.gguf .*status 500 .*try again .what has arrived is kept"):
        pull("acme/tiny")
    (partial,) = partial_files()
    arrived = partial.stat().st_size
    assert 0 < arrived <= 20_000
    hub.broken, hub.break_at = False, None
    assert pull("acme/tiny").path.read_bytes() == CONTENT
    assert hub.sent == [(0, 20_000), (arrived, 50_000 - arrived)]
    assert partial_files() == []


def test_a_mirror_that_sends_only_whole_files(hub):
    hub.whole_only, hub.hiccup_at = True, 20_000
    assert pull("acme/tiny").path.read_bytes() == CONTENT
    assert [first for first, _ in hub.sent] == [0, 0]


def test_a_short_break_is_mended_in_the_same_run(hub):
    hub.hiccup_at = 20_000
    assert pull("acme/tiny").path.read_bytes() == CONTENT
    (_, (first, n_bytes)) = hub.sent
    assert 0 < first <= 20_000
    assert n_bytes == 50_000 - first


@pytest.mark.parametrize("interrupted", [False, True])
def test_damaged_content_is_refused_and_removed(hub, interrupted):
    if interrupted:  # the first part is right, the rest is not
        hub.break_at = 20_000
        with pytest.raises(HubError):
            pull("acme/tiny")
        hub.broken, hub.break_at = False, None
    hub.damaged = True
    with pytest.raises(HubError, match=r"a-Q4_0.gguf arrived damaged: its SHA-256 .*it was removed; try again"):
        pull("acme/tiny")
    assert blobs() == []
    hub.damaged = False
    assert pull("acme/tiny").path.read_bytes() == CONTENT


def test_a_hub_in_trouble_is_asked_again(hub):
    hub.n_failures = 2
    assert pull("acme/tiny").path.read_bytes() == CONTENT
    assert len(hub.sent) == 1


def test_trouble_that_lasts_is_told(hub):
    hub.n_failures = 100
    with pytest.raises(HubError, match=r"downloading a-Q4_0.gguf .* failed: status 503"):
        pull("acme/tiny")
    assert 100 - hub.n_failures == 3


def test_a_redirect_to_a_cdn_without_the_token(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "good")
    hub.cdn = True
    hub.hiccup_at = 20_000
    assert pull("acme/tiny").path.read_bytes() == CONTENT
    to_cdn = [token for request, token in zip(hub.requests, hub.tokens, strict=True) if "/cdn" in request]
    assert to_cdn
    assert set(to_cdn) == {""}


def test_a_server_that_stalls(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.05)
    hub.stall = 0.3
    with pytest.raises(HubError, match=r"downloading a-Q4_0.gguf .*timed out"):
        pull("acme/tiny")


def test_what_does_not_fit_is_refused_before_the_first_byte(hub):
    with pytest.raises(HubError, match=r"no space left in .* for acme/huge: 100000000\.00 GB more are needed, .* free"):
        pull("acme/huge")
    assert hub.downloads() == []


def test_a_path_out_of_the_folder(hub, tmp_path):
    with pytest.raises(HubError, match=r"lists a file whose path leaves its folder: '\.\./x-Q4_0\.gguf'"):
        pull("acme/hostile")
    assert not list(tmp_path.rglob("x-Q4_0.gguf"))


def test_a_partial_file_longer_than_the_file(hub):
    hub.break_at = 20_000
    with pytest.raises(HubError):
        pull("acme/tiny")
    hub.broken, hub.break_at = False, None
    partial_files()[0].write_bytes(bytes(60_000))
    assert pull("acme/tiny").path.read_bytes() == CONTENT


def test_a_cache_that_may_not_be_written(hub, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(HubError, match="cache"):
        pull("acme/tiny")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_disk_that_fills_up_on_the_way(hub):
    hub.break_at = 20_000
    with pytest.raises(HubError):
        pull("acme/tiny")
    hub.broken, hub.break_at = False, None
    (partial,) = partial_files()
    partial.unlink()
    partial.symlink_to("/dev/full")  # every write to it fails as on a full disk
    with pytest.raises(HubError, match=r"no space left in \S+ for downloading a-Q4_0.gguf .*make room"):
        pull("acme/tiny")
    assert list(Path(constants.HF_HUB_CACHE).rglob("*.gguf")) == []


def test_what_has_arrived_of_another_file_makes_no_room(hub, monkeypatch):
    """Only the rest of the file itself has to fit."""
    hub.break_at = 20_000
    with pytest.raises(HubError):
        pull("acme/tiny")
    hub.broken, hub.break_at = False, None
    usage = SimpleNamespace(free=49_000)  # less than the file, more than its rest
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert pull("acme/tiny").path.read_bytes() == CONTENT
    with pytest.raises(HubError, match="no space left"):
        pull("acme/checkpoint")


def test_the_token_file(hub):
    Path(constants.HF_TOKEN_PATH).write_text("good\n")
    assert pull("acme/gated").path.read_bytes() == CONTENT

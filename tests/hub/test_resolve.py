from __future__ import annotations

import os
import subprocess
import sys

import pytest
from huggingface_hub import constants

from edge_lam.errors import HubError, InvalidModelFile, ModelNotFound
from edge_lam.hub import license_of, resolve
from edge_lam.hub.choice import checkpoint_files, choose_checkpoint, quant_of
from edge_lam.hub.reference import Reference
from edge_lam.loading.model_path import find_model
from tests.hub.hub_server import COMMIT, Repo

FILES = {
    "README.md": b"# Tiny",
    "Tiny-1B-fc-Q4_K_M.gguf": b"GGUF q4",
    "Tiny-1B-fc-Q8_0.gguf": b"GGUF q8",
    "more/Tiny-1B-fc-f16.gguf": b"GGUF f16",
    "Tiny-1B-fc-BF16-00001-of-00002.gguf": b"GGUF part 1",
    "Tiny-1B-fc-BF16-00002-of-00002.gguf": b"GGUF part 2",
}


@pytest.fixture
def hub(serve):
    repos = {
        "acme/tiny-gguf": Repo(FILES),
        "acme/large-gguf": Repo({"a-Q8_0.gguf": b"q8", "a-F32.gguf": b"f32"}),
        "acme/one": Repo({"weights.gguf": b"one"}),
        "acme/checkpoint": Repo({"model.safetensors": b"", "mmproj-F16.gguf": b""}),
        "acme/torn": Repo({"a-Q8_0-00002-of-00002.gguf": b"2"}),
        "acme/half-cut": Repo({"a-Q4_0.gguf": b"4", "a-Q8_0.gguf.part1of2": b"1", "a-Q8_0.gguf.part2of2": b"2"}),
        "acme/cut": Repo({"a-Q8_0.gguf.part1of2": b"1", "a-Q8_0.gguf.part2of2": b"2"}),
        "acme/mixed": Repo({"a-bf16_q8_0.gguf": b"mixed"}),
        "acme/twins": Repo({"a-Q4_0.gguf": b"a", "b-Q4_0.gguf": b"b"}),
        "acme/gated": Repo({"a-Q4_0.gguf": b"a"}, gated="good"),
        "acme/private": Repo({"a-Q4_0.gguf": b"a"}, token="good"),
    }
    with serve(repos) as running:
        yield running


@pytest.mark.parametrize(
    ("spec", "content"),
    [
        ("acme/tiny-gguf", b"GGUF q4"),
        ("acme/tiny-gguf:BF16", b"GGUF part 1"),
        ("acme/tiny-gguf/Tiny-1B-fc-BF16-00002-of-00002.gguf", b"GGUF part 1"),
        ("acme/tiny-gguf:Q8_0", b"GGUF q8"),
        ("acme/tiny-gguf:q8_0", b"GGUF q8"),
        ("acme/tiny-gguf:F16", b"GGUF f16"),
        ("acme/tiny-gguf:fp16", b"GGUF f16"),
        ("acme/tiny-gguf/Tiny-1B-fc-Q8_0.gguf", b"GGUF q8"),
        ("acme/tiny-gguf/more/tiny-1b-fc-F16.GGUF", b"GGUF f16"),
        ("acme/tiny-gguf:Q4_K_M@v1", b"GGUF q4"),
        (f"acme/tiny-gguf@{COMMIT}", b"GGUF q4"),
        ("acme/large-gguf", b"q8"),
        ("acme/one", b"one"),
    ],
)
def test_the_file_that_is_meant(hub, spec, content):
    assert resolve(spec).read_bytes() == content


@pytest.mark.parametrize(
    ("address", "content"),
    [
        ("https://huggingface.co/acme/tiny-gguf", b"GGUF q4"),
        ("https://huggingface.co/acme/tiny-gguf/tree/main", b"GGUF q4"),
        ("https://huggingface.co/acme/tiny-gguf/blob/main/Tiny-1B-fc-Q8_0.gguf", b"GGUF q8"),
        ("https://huggingface.co/acme/tiny-gguf/resolve/main/Tiny-1B-fc-Q8_0.gguf?download=true", b"GGUF q8"),
        ("HTTPS://www.huggingface.co/acme/tiny-gguf/resolve/v1/more%2FTiny-1B-fc-f16.gguf#top", b"GGUF f16"),
        ("https://huggingface.co/acme/tiny-gguf?show_file_info=Tiny-1B-fc-Q8_0.gguf", b"GGUF q8"),
        ("huggingface.co/acme/tiny-gguf/", b"GGUF q4"),
        ("hf.co/acme/tiny-gguf:Q8_0", b"GGUF q8"),
        ("https://hf.co/acme/tiny-gguf:Q8_0", b"GGUF q8"),
        ("hf://acme/tiny-gguf/more/Tiny-1B-fc-f16.gguf", b"GGUF f16"),
        ("hf://models/acme/tiny-gguf@v1", b"GGUF q4"),
    ],
)
def test_a_pasted_address(hub, address, content):
    assert resolve(address).read_bytes() == content


def test_an_address_of_the_mirror_that_is_set(hub, monkeypatch):
    address = f"{hub.url}/acme/tiny-gguf/blob/main/Tiny-1B-fc-Q8_0.gguf"
    with pytest.raises(ModelNotFound, match=r"is not on the hub \(download the file and give its path; .*HF_ENDPOINT"):
        resolve(address)
    monkeypatch.setenv("HF_ENDPOINT", f"{hub.url}/")
    assert resolve(address).read_bytes() == b"GGUF q8"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("https://huggingface.co/datasets/acme/tiny-gguf", "not the address of a model or of a GGUF file"),
        ("https://huggingface.co/acme", "not the address of a model"),
        ("https://huggingface.co/acme/tiny-gguf/blob/main/config.json", "not the address of a model or of a GGUF file"),
        ("https://huggingface.co/acme/tiny-gguf/tree/main/more", "not the address of a model or of a GGUF file"),
        ("hf.co/acme/tiny-gguf/discussions/3", "not the address of a model"),
        ("https://example.com/a/b.gguf", "https://example.com/a/b.gguf is not on the hub"),
        ("s3://bucket/b.gguf", "is not on the hub"),
        ("https://", "is not on the hub"),
    ],
)
def test_an_address_of_something_else(hub, address, message):
    with pytest.raises(ModelNotFound, match=message) as caught:
        resolve(address)
    assert (caught.value.param, hub.requests) == ("model", [])


def test_a_file_is_downloaded_once(hub):
    assert resolve("acme/tiny-gguf") == resolve("acme/tiny-gguf:q4_k_m")
    in_main = "/acme/tiny-gguf/resolve/main"
    assert hub.downloads() == [f"{in_main}/Tiny-1B-fc-Q4_K_M.gguf", f"{in_main}/README.md"]


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("acme/tiny-gguf:Q2_K", ModelNotFound, r"has no Q2_K \(available: BF16, Q4_K_M, Q8_0, F16\)"),
        ("acme/tiny-gguf/none.gguf", ModelNotFound, r"has no file none.gguf \(available: BF16, "),
        ("acme/tiny-gguf@v2", ModelNotFound, "has no revision v2"),
        ("acme/nothing", ModelNotFound, "has no model repository acme/nothing .*HF_TOKEN"),
        ("acme/private", ModelNotFound, "has no model repository acme/private"),
        ("acme/checkpoint", ModelNotFound, r"holds no GGUF model \(convert"),
        ("acme/twins:Q4_0", ModelNotFound, "2 files that are Q4_0: a-Q4_0.gguf, b-Q4_0.gguf .*acme/twins/a-Q4_0.gguf"),
        ("acme/torn", ModelNotFound, r"has only 1 of the 2 parts of a-Q8_0-00002-of-00002\.gguf"),
        ("acme/tiny-gguf@v1:Q8_0", ModelNotFound, "has no revision v1:Q8_0"),
        ("xlam-2-1bb", ModelNotFound, r"no file xlam-2-1bb, .*did you mean xlam-2-1b\?"),
        ("acme/gated", HubError, "is gated: .*accept them at http.*/acme/gated, then set HF_TOKEN"),
        ("model.gguf", ModelNotFound, "there is no file model.gguf"),
        ("models/model.gguf", ModelNotFound, "there is no file models/model.gguf"),
        ("a b", ModelNotFound, "there is no file a b"),
        ("", ModelNotFound, "there is no file"),
        ("acme/../etc/passwd.gguf", ModelNotFound, "there is no file|has no model repository"),
        ("acme/tiny--gguf", ModelNotFound, "no valid repository name"),
    ],
)
def test_refusals(hub, spec, error, message):
    with pytest.raises(error, match=message) as caught:
        resolve(spec)
    assert "\n" not in str(caught.value)
    assert caught.value.param == "model"


@pytest.mark.parametrize("spec", ["acme/gated", "acme/private"])
def test_a_token_opens_what_it_may(hub, spec, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "good")
    assert resolve(spec).read_bytes() == b"a"


def test_an_invalid_token(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "invalid")
    with pytest.raises(HubError, match=r"refused looking up acme/gated \(401\) .*HF_TOKEN"):
        resolve("acme/gated")


class TestWithoutTheHub:
    """What was downloaded stays usable; the rest fails at once and says why."""

    @pytest.fixture(params=["offline", "no connection", "server error"])
    def unreachable(self, request, hub, monkeypatch, point_to):
        cached = resolve("acme/tiny-gguf:Q8_0")
        if request.param == "offline":
            monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        elif request.param == "no connection":
            point_to("http://127.0.0.1:9")
        else:
            hub.broken = True
        return request.param, cached

    @pytest.mark.parametrize("spec", ["acme/tiny-gguf:q8_0", "acme/tiny-gguf", "acme/tiny-gguf/tiny-1b-fc-q8_0.gguf"])
    def test_the_cache_serves(self, unreachable, spec):
        assert resolve(spec) == unreachable[1]

    @pytest.mark.parametrize("spec", ["acme/tiny-gguf:Q4_K_M", "acme/tiny-gguf:Q8_0@v1", "acme/other"])
    def test_what_it_lacks(self, unreachable, spec):
        message = {
            "offline": "is not in the cache, and HF_HUB_OFFLINE forbids",
            "no connection": r"looking up acme/\S+ from http://127.0.0.1:9 failed: .*refused",
            "server error": "failed: status 500",
        }[unreachable[0]]
        with pytest.raises(HubError, match=message):
            resolve(spec)


def test_a_checkpoint_of_which_a_shard_is_missing_is_none():
    reference = Reference("acme/sharded")
    names = ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert choose_checkpoint(reference, names) == names
    with pytest.raises(ModelNotFound, match="has only 1 of the 2 files of its weights"):
        choose_checkpoint(reference, names[:2])
    assert checkpoint_files(names[:2]) == names[:2], "it is listed, and can be removed"


def test_endpoint_and_cache_come_from_the_environment(hub, tmp_path):
    """The variables are read when huggingface_hub is imported, so a new process has to show it."""
    home = tmp_path / "home"
    program = "import sys; from edge_lam.hub import resolve; print(resolve(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", program, "acme/tiny-gguf:q8_0"],
        env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(home))


@pytest.mark.parametrize(
    ("name", "quant"),
    [
        ("xLAM-2-1B-fc-r-Q4_K_M.gguf", "Q4_K_M"),
        ("a-bf16_q8_0.gguf", "BF16_Q8_0"),
        ("a-f16_q6_k.gguf", "F16_Q6_K"),
        ("a_q8_0.gguf", "Q8_0"),
        ("a-bf16.gguf", "BF16"),
        ("a-F16-Q8_0.gguf", "Q8_0"),
        ("a.gguf", ""),
    ],
)
def test_quantizations_are_read_from_names(name, quant):
    assert quant_of(name) == quant


def test_a_mixed_file_is_not_taken_for_one_of_its_parts(hub):
    assert resolve("acme/mixed:bf16_q8_0").read_bytes() == b"mixed"
    with pytest.raises(ModelNotFound, match=r"has no Q8_0.*available: BF16_Q8_0"):
        resolve("acme/mixed:Q8_0")


def test_a_file_that_was_cut_is_told(hub, tmp_path):
    assert resolve("acme/half-cut").read_bytes() == b"4"
    for spec in ("acme/cut", "acme/cut/a-Q8_0.gguf.part1of2", "acme/half-cut:q8_0"):
        with pytest.raises(ModelNotFound, match=r"part1of2.*cat model.gguf.part\*"):
            resolve(spec)
    for name in ("a.gguf.part1of2", "a.gguf-split-a", "a.gguf.001"):
        (tmp_path / name).write_bytes(b"GGUF")
        with pytest.raises(InvalidModelFile, match="piece of a GGUF"):
            find_model(tmp_path / name)
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    assert find_model(tmp_path / "a.gguf").name == "a.gguf"


@pytest.mark.parametrize(
    ("names", "license"),
    [
        ("xLAM 1b Fc R", "cc-by-nc-4.0"),
        ("/models/xlam-2-1b-fc-r-Q4_K_M.gguf", "cc-by-nc-4.0"),
        ("models--Salesforce--Llama-xLAM-2-8b-fc-r-gguf/snapshots/0/x.gguf", "cc-by-nc-4.0"),
        ("xLAM_v0.1_r", "cc-by-nc-4.0"),
        ("xlam-2-1b-fc-rx.gguf", ""),
        ("Qwen2.5 1.5B", ""),
    ],
)
def test_the_licence_of_official_models_is_known(names, license):
    assert license_of(names) == license

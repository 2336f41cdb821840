"""smol-lam by its name: made once of its parts, the default from then on, and what is said where a part is missing.

The parts are small stand-ins of the same kinds: a random Llama with the `smollm` tokenizer, and an adapter for it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import edge_lam
from edge_lam.cli.main import run
from edge_lam.errors import InvalidModelFile, InvalidRequest, MissingPackage, ModelNotFound
from edge_lam.loading.model_path import EMBEDDED_MODEL, find_model
from edge_lam.loading.smol_lam import SMOL_LAM, ComposedModel
from edge_lam_converters import convert
from edge_lam_converters.random_checkpoint import SHAPES, write_random_checkpoint
from tests.adapters import write_lora


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> ComposedModel:
    """A model whose base lies in an "installed" package."""
    folder = tmp_path_factory.mktemp("parts")
    write_random_checkpoint(folder / "checkpoint", SHAPES["tiny-smollm"])
    base = folder / "site" / "tiny_base" / "base.gguf"
    base.parent.mkdir(parents=True)
    (base.parent / "__init__.py").write_text("raise ImportError('it is not to be imported')")
    convert(folder / "checkpoint", base, quant="Q8_0")
    adapter = write_lora(folder / "adapter.gguf", base)
    sha256 = hashlib.sha256(base.read_bytes()).hexdigest()
    return ComposedModel("smol-lam", adapter, "tiny_base", "base.gguf", "nobody/nothing/base.gguf", sha256)


@pytest.fixture
def model(parts: ComposedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ComposedModel:
    """The same, under its name, in a home of its own."""
    monkeypatch.setenv("EDGE_LAM_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.syspath_prepend(str(parts.adapter.parent / "site"))
    monkeypatch.setattr("edge_lam.loading.model_path.SMOL_LAM", parts)
    monkeypatch.setattr("edge_lam.loading.smol_lam.SMOL_LAM", parts)
    return parts


def test_it_is_made_once_and_is_the_default_then(model):
    assert find_model() == EMBEDDED_MODEL
    path = find_model("smol-lam")
    assert find_model("SMOL-LAM") == path == find_model()
    assert find_model("tiny-lam") == EMBEDDED_MODEL
    with edge_lam.load(log=False, prefix_cache=False) as lam:
        assert (lam.info.name, lam.info.format) == ("smol-lam", "xlam-2-qwen")
        assert lam.chat("hello", max_tokens=2).report.tokens.sampled
    before = path.stat().st_mtime_ns
    assert find_model("smol-lam").stat().st_mtime_ns == before
    assert "tiny_base" not in sys.modules


def test_another_adapter_makes_another_and_the_old_one_goes(model, tmp_path):
    old = model.find()
    newer = replace(model, adapter=write_lora(tmp_path / "newer.gguf", model.base(), seed=1))
    assert newer.made() is None
    assert newer.find() != old
    assert not old.exists()


def test_a_file_of_that_name_comes_first(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("smol-lam").touch()
    assert find_model("smol-lam") == Path("smol-lam")


def test_pull_makes_it_and_tells_both_licences(model, capsys):
    assert run(["pull", "smol-lam"]) == 0
    out = capsys.readouterr().out
    assert str(model.made()) in out
    assert "cc-by-nc-4.0" in out  # of the random base; the adapter states none
    assert "no licence stated" in out
    assert run(["pull", "smol-lam", "--checkpoint"]) == 2


@pytest.mark.parametrize(
    ("change", "error", "said", "hint"),
    [
        ({"adapter": Path("nowhere.gguf")}, ModelNotFound, "comes without the adapter of smol-lam", "models/smol-lam"),
        ({"package": "no_such_base"}, ModelNotFound, "smol-lam needs its base, base.gguf", "edge-lam[smol]"),
        ({"sha256": "0" * 64}, InvalidModelFile, "is not the base that smol-lam was trained on", "edge-lam[smol]"),
    ],
)
def test_one_line_says_what_is_missing(model, change, error, said, hint):
    with pytest.raises(error, match=said) as caught:
        replace(model, **change).find()
    assert hint in caught.value.hint
    assert find_model() == EMBEDDED_MODEL


def test_what_was_made_is_listed_and_removed_by_its_name(model, capsys):
    path = model.find()
    assert run(["models", "--json"]) == 0
    listed = {model["name"]: model["path"] for model in json.loads(capsys.readouterr().out)["models"]}
    assert listed["smol-lam"] == str(path)
    assert run(["models", "remove", "smol-lam", "--yes"]) == 0
    assert "removed smol-lam" in capsys.readouterr().out
    assert not path.exists()
    assert find_model() == EMBEDDED_MODEL


def test_two_that_need_it_at_once_make_it_once(model, caplog):
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: model.find(), range(4)))
    assert len(found) == 1
    assert [record.message.partition(",")[0] for record in caplog.records] == [
        "smol-lam is made of its base and its adapter"
    ]


def test_a_folder_that_cant_be_written_is_told_with_what_to_do(model, tmp_path):
    (tmp_path / "models").touch()
    with pytest.raises(InvalidRequest, match=r"smol-lam can't be made: .*models") as caught:
        find_model("smol-lam")
    assert "EDGE_LAM_HOME" in caught.value.hint


def test_a_terminal_is_told_of_a_model_that_is_installed_and_not_taken(model, monkeypatch, capsys):
    assert model.could_be_made()
    asked = ["call", "hello", "--max-tokens", "1", "--json"]
    assert run(asked) == 0
    assert "pull smol-lam" not in capsys.readouterr().err
    monkeypatch.setattr("rich.console.Console.is_terminal", property(lambda _console: True))
    assert run(asked) == 0
    assert "edge-lam pull smol-lam makes smol-lam, which is installed, the default" in capsys.readouterr().err
    model.find()
    assert not model.could_be_made()


def test_without_gguf_it_says_what_to_install(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingPackage, match="merged by the package gguf") as caught:
        find_model("smol-lam")
    assert "edge-lam[smol]" in caught.value.hint


def test_what_edge_lam_ships_is_one_file_at_most(tmp_path):
    """The adapter, once it is there, is a part of the package, and small."""
    assert SMOL_LAM.adapter.parent == EMBEDDED_MODEL.parent
    assert not SMOL_LAM.adapter.exists() or SMOL_LAM.adapter.stat().st_size < 20 << 20
